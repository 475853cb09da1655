/*
 * protocol_examples: the worked examples of docs/protocol.md, made by the code. A test holds the document
 * against them; the fuzz corpora begin with them.
 */
#ifndef BOURDON_TESTS_PROTOCOL_EXAMPLES_H
#define BOURDON_TESTS_PROTOCOL_EXAMPLES_H

#include "base/buffer.h"

struct protocol_example {
    const char *name; /* of the block in the document */
    void (*make)(struct buffer *out);
};

/* Ends with a row without name. */
extern const struct protocol_example protocol_examples[];

/* The catalog of the examples; the caller frees it. */
struct catalog *protocol_example_catalog(void);

#endif
