/*
 * uplink: brings what the spool has committed to a server, and its answers back to the spool.
 *
 *   spool thread ──committed──▶ live ──┐
 *                                      ├─window─▶ channel ══▶ server
 *   spool thread ◀─chunks─▶ backfill ──┘             │
 *        ▲────────────── acks ───────────────────────┘
 *
 * Live batches go first, the backlog in order behind them. Nothing is sent that the spool has not committed;
 * nothing is trimmed but by an ack. Memory is bounded: UPLINK_LIVE_BYTES of live batches (what is older
 * becomes backlog), two chunks of backlog. Servers are tried for ever. The loop's thread.
 */
#ifndef BOURDON_UPLINK_UPLINK_H
#define BOURDON_UPLINK_UPLINK_H

#include "net/tls.h"
#include "spool/spool_thread.h"
#include "uplink/backfill.h"

enum {
    UPLINK_LIVE_BYTES = 2 * 1024 * 1024,
    UPLINK_CHUNK_LOW = BACKLOG_CHUNK_BYTES, /* below that the next chunk is asked for */
    UPLINK_ENDPOINTS_MAX = 16,
    /* What is taken of a server's wish to wait: not less, so that the two do not keep each other busy, and
     * not more, so that a mistake there does not silence a bridge for weeks. */
    UPLINK_RETRY_MIN_MS = 20,
    UPLINK_RETRY_MAX_MS = 60000,
};

/* A batch of the backlog that is older than this is flagged historical. */
#define UPLINK_HISTORICAL_US INT64_C(10000000)

struct uplink_options {
    const char *bridge;           /* name, for logs */
    struct tls_context *tls;      /* the uplink takes its own reference; NULL: plain, for tests */
    const char *const *endpoints; /* host:port, borrowed until other options are given */
    size_t endpoint_count;        /* 1 … UPLINK_ENDPOINTS_MAX */
    int64_t connect_ms;
    uint32_t retry_first_ms, retry_cap_ms;
    int64_t fail_back_ms; /* on another than the first endpoint: when to try that again; 0 = never */
    struct backfill_options backfill;
};

struct uplink;

/* Borrows the loop. uplink_attach() must follow before the loop runs. */
MUST_USE enum err uplink_new(struct loop *loop, const struct uplink_options *options, struct uplink **uplink,
                             struct err_text *why);
/* Gives it the spool's thread, whose events (uplink_spool_events, owner = the uplink) it gets, and starts to
 * connect. */
void uplink_attach(struct uplink *uplink, struct spool_thread *spool);
/* Handlers of spool_events for the owner to pass on: all but `flushed` and `failed`. */
void uplink_joined(struct uplink *uplink, const struct spool_joined *joined);
void uplink_committed(struct uplink *uplink, struct spool_batches *batches, uint64_t skipped_first,
                      uint64_t skipped_last);
void uplink_backlog(struct uplink *uplink, uint32_t session, struct spool_batches *batches, uint64_t next);

/* Other certificates, endpoints, limits: a running session ends in good order and a new one begins. */
void uplink_configure(struct uplink *uplink, const struct uplink_options *options);

/*
 * Sends no more backlog; once what is live has been answered says goodbye and calls drained(owner), at once
 * if there is no session. Call when the spool's thread has said `flushed`.
 */
void uplink_drain(struct uplink *uplink, void (*drained)(void *owner), void *owner);
void uplink_free(struct uplink *uplink); /* NULL is fine; closes at once */

bool uplink_is_connected(const struct uplink *uplink); /* the server has said HELLO and WELCOME */
/* Appends a JSON object, and the Prometheus metrics. */
MUST_USE enum err uplink_status(const struct uplink *uplink, struct buffer *out);
MUST_USE enum err uplink_metrics(const struct uplink *uplink, struct buffer *out);

#endif
