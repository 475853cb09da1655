/*
 * batch_decoder: reads and checks the columns of a batch of readings.
 *
 * A decoder keeps a decompressor and the space of the largest body so far (at most BATCH_BODY_MAX) between
 * batches. It has no state of a batch or session: share one between all that happens in a thread.
 */
#ifndef BOURDON_TUNNEL_BATCH_DECODER_H
#define BOURDON_TUNNEL_BATCH_DECODER_H

#include "tunnel/batch.h"

struct batch_decoder;

MUST_USE struct batch_decoder *batch_decoder_new(void); /* NULL: out of memory */
void batch_decoder_free(struct batch_decoder *decoder); /* NULL is fine */

/*
 * Checks everything and, with a visitor (NULL: check only), hands out the readings. Everything is checked
 * before the first one is handed out. The catalog must be the one of the view. ERR_MALFORMED, ERR_LIMIT,
 * ERR_NO_MEMORY.
 */
MUST_USE enum err batch_decode(struct batch_decoder *decoder, const struct batch_view *view,
                               const struct catalog *catalog, const struct batch_visitor *visitor,
                               struct err_text *why);

/*
 * Hands out the readings of one tag of a batch that was accepted once, as every stored one was: its digest
 * says that it is still the same. Many times faster than all of them: what is not of the tag is passed over,
 * unchecked. Any bytes are safe; malformed ones may give readings, or none. Errors as above.
 */
MUST_USE enum err batch_decode_tag(struct batch_decoder *decoder, const struct batch_view *view,
                                   const struct catalog *catalog, uint32_t tag,
                                   const struct batch_visitor *visitor, struct err_text *why);

#endif
