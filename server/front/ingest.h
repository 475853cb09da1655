/*
 * ingest: between a peer's session and the store: what the session hands over becomes a request, what the
 * store answers becomes an ack, a line in the log, and numbers.
 */
#ifndef BOURDON_SERVER_FRONT_INGEST_H
#define BOURDON_SERVER_FRONT_INGEST_H

#include "front/peer.h"

enum {
    INGEST_RETRY_MS = 1000
}; /* a batch that could not be stored now may come again after 1 to 2 times this */

/* From the session's events. */
void ingest_look_up(struct peer *peer);
void ingest_catalog(struct peer *peer, const struct catalog *catalog);
void ingest_batch(struct peer *peer, const struct batch_view *view, bool historical);

/* Answers what the store thread did not even take. */
void ingest_refused(struct peer *peer);

/* Hands the store's answers to their sessions; each session's acks go out together. Frees them. */
void ingest_answered(struct store_queue *answered);

#endif
