/*
 * unpack: the readings of encoded batches, one by one. It keeps the decoder and the last catalog from batch
 * to batch. One thread.
 */
#ifndef BOURDON_CLIENT_SPOOL_UNPACK_H
#define BOURDON_CLIENT_SPOOL_UNPACK_H

#include "output.h"
#include "tunnel/batch.h"

struct unpack;

MUST_USE struct unpack *unpack_new(void); /* NULL: out of memory */
void unpack_free(struct unpack *unpack);  /* NULL is fine */

/* Decodes the catalog, which lives until the next call; the one that was decoded last costs nothing. */
MUST_USE enum err unpack_catalog(struct unpack *unpack, struct bytes encoded, const uint8_t *hash,
                                 const struct catalog **catalog, struct err_text *why);

struct unpack_visitor {
    void *owner;
    void (*reading)(void *owner, const struct catalog_tag *tag, const struct reading *reading);
};

/* Of the catalog decoded last. */
MUST_USE enum err unpack_readings(struct unpack *unpack, const struct batch_view *view,
                                  const struct unpack_visitor *visitor, struct err_text *why);

/* The cells of a reading's value: nothing, a bare number, or a text. */
void unpack_show_value(struct output *output, const struct catalog_tag *tag, const struct reading *reading);

#endif
