/*
 * batch_builder: collects readings of one catalog and makes an encoded batch of them.
 *
 * Readings may come in any order of tags; within a tag they keep the order they came in, which is to be the
 * order of time. The cost of a batch depends on its readings, not on the size of the catalog. Memory: 4 bytes
 * a tag of the catalog, about 20 bytes a reading of the largest batch so far, and a compressor. One thread.
 */
#ifndef BOURDON_TUNNEL_BATCH_BUILDER_H
#define BOURDON_TUNNEL_BATCH_BUILDER_H

#include "tunnel/batch.h"

enum { BATCH_BUILDER_SMALL_BODY = 1024 }; /* bytes: up to here a body is compressed to be inflated quickly */

struct batch_builder;

/* Borrows the catalog. NULL: out of memory. */
MUST_USE struct batch_builder *batch_builder_new(const struct catalog *catalog);
void batch_builder_free(struct batch_builder *builder); /* NULL is fine */

/*
 * Copies the reading. ERR_LIMIT: full (BATCH_READINGS_MAX, or it would not surely fit BATCH_SIZE_MAX), finish
 * it first; ERR_MALFORMED: not a reading of this catalog (tag, number of words, quality, time).
 */
MUST_USE enum err batch_builder_add(struct batch_builder *builder, const struct reading *reading);
size_t batch_builder_count(const struct batch_builder *builder);

/* Appends the encoded batch to `out` and empties the builder. On failure both stay as they were. ERR_LIMIT:
 * it is empty, sequence 0, or `out` refuses the size. */
MUST_USE enum err batch_builder_finish(struct batch_builder *builder, const struct batch_identity *identity,
                                       struct buffer *out);
/* Forgets the readings. */
void batch_builder_clear(struct batch_builder *builder);

#endif
