/*
 * options_reader: a YAML text as a sequence of scalars, lists and mappings, each with its place.
 *
 * The subset that configurations need: one document, no anchors, aliases or tags, at most OPTIONS_DEPTH_MAX
 * levels, valid UTF-8. What is outside of it goes to the diagnostics; after a syntax error nothing more is
 * read. Only options_reader.c knows the YAML library. One thread.
 */
#ifndef BOURDON_BASE_OPTIONS_READER_H
#define BOURDON_BASE_OPTIONS_READER_H

#include "base/diagnostics.h"

#include <stdbool.h>
#include <stddef.h>

enum options_node_kind {
    OPTIONS_NODE_SCALAR,
    OPTIONS_NODE_LIST, /* its items follow */
    OPTIONS_NODE_MAP,  /* its keys and values follow in turn */
    OPTIONS_NODE_BAD,  /* reported already; stands in the place of a value */
};

struct options_node {
    enum options_node_kind kind;
    struct place place;
    const char *text; /* of a scalar: terminated, valid until the next read */
    size_t size;
    bool plain; /* a scalar without quotes */
};

struct options_reader; /* opaque */

/* Reads a text that the diagnostics know as `file`. `text` is borrowed. NULL: out of memory. */
MUST_USE struct options_reader *options_reader_new(struct diagnostics *diagnostics, uint32_t file,
                                                   const char *text, size_t size);
void options_reader_free(struct options_reader *reader);

/*
 * Reads the next node. False at the end of the list or mapping that is being read (`node->place` is where it
 * ends), at the end of the document, and after a syntax error.
 */
bool options_reader_next(struct options_reader *reader, struct options_node *node);

/* Passes over what is inside `node`, which was read last. */
void options_reader_skip(struct options_reader *reader, const struct options_node *node);

/* Whether reading stopped early: what has not been seen may be there all the same. */
bool options_reader_stopped(const struct options_reader *reader);

#endif
