/*
 * jetstream: the store in a NATS JetStream cluster, which any number of servers may share. Three streams,
 * with NAME as in jetstream_place.h:
 *
 *   NAME-batches   NAME.batch.BRIDGE.EPOCH.SEQUENCE: the batch as it came. Header "Bourdon": the bridge's
 * name, when it was received and committed (µs since 1970), whether it is historical NAME-marks
 * NAME.mark.BRIDGE.EPOCH: which sequences are stored (sequence_set.h) NAME-catalogs  NAME.catalog.HASH;
 * NAME.catalog.store: version and identity of the store
 *
 * Dots in a bridge's name are "=" in a subject. A batch is posted only if its subject has no message: another
 * one under its identity is refused by the stream itself, and its digest says whether it is the same.
 *
 * A group is not atomic, but what it says is: batches first, then the marks, then the answer. A group that
 * ended in between is answered ERR_BUSY, and its batches are duplicates when they come again. So whatever was
 * acknowledged is in the marks, and they never say more than is stored.
 */
#ifndef BOURDON_SERVER_STORE_JETSTREAM_H
#define BOURDON_SERVER_STORE_JETSTREAM_H

#include "store/store.h"

enum { JETSTREAM_VERSION = 1 };

/* `where` is what follows "jetstream://". */
MUST_USE enum err jetstream_store_open(const char *where, struct store **store, struct err_text *why);

#endif
