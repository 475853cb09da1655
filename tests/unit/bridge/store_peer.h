/*
 * store_peer: a control server for the tests of the uplink: a real listener and the real session_receiver, in
 * the test's own loop, with a store in memory and orders to misbehave. Plain, without TLS.
 */
#ifndef BOURDON_TESTS_BRIDGE_STORE_PEER_H
#define BOURDON_TESTS_BRIDGE_STORE_PEER_H

#include "net/loop.h"
#include "tunnel/session_receiver.h"

enum { PEER_BATCHES_MAX = 4096 };

struct peer_batch {
    bool stored;
    uint8_t digest[BATCH_DIGEST_SIZE];
    uint32_t readings;
    enum batch_kind kind;
};

struct peer_arrival {
    uint64_t seq;
    bool historical;
};

/* What the peer does; to be set before peer_listen(), or between sessions. */
struct peer_orders {
    uint8_t store; /* first byte of the store's identity */
    uint32_t window_batches;
    uint32_t max_batch;
    uint64_t welcome_highest; /* instead of what it has; 0 = what it has */
    uint64_t reject_seq;      /* answered REJECTED; 0 = none */
    unsigned retries;         /* so many batches are answered RETRY_AFTER first */
    uint32_t retry_ms;
    unsigned swallow; /* so many batches are stored and never answered; then the connection is cut */
    bool hold;        /* answers wait for peer_release() */
};

struct peer;

/* Listens on a free port of 127.0.0.1; aborts the test if it cannot. */
struct peer *peer_listen(struct loop *loop, const struct peer_orders *orders);
void peer_free(struct peer *peer); /* NULL is fine */
const char *peer_endpoint(const struct peer *peer);
struct peer_orders *peer_orders(struct peer *peer);

void peer_cut(struct peer *peer);     /* closes the connection without a word */
void peer_release(struct peer *peer); /* answers what was held, and holds no more */

const struct peer_batch *peer_batch(const struct peer *peer, uint64_t seq);
uint64_t peer_readings(const struct peer *peer); /* stored, each batch once */
/* Every batch that came, in the order of coming. */
const struct peer_arrival *peer_arrivals(const struct peer *peer, size_t *count);
unsigned peer_sessions(const struct peer *peer); /* opened */
unsigned peer_catalogs(const struct peer *peer); /* CATALOG frames that came */
size_t peer_most_outstanding(const struct peer *peer);
/* How the last session ended. */
enum bye_reason peer_last_bye(const struct peer *peer);

#endif
