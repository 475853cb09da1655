/* uplink_state: the uplink's structure, for its own files: uplink.c (sessions), uplink_send.c (what to send),
 * uplink_answer.c (what comes back), uplink_report.c (status and metrics). */
#ifndef BOURDON_UPLINK_UPLINK_STATE_H
#define BOURDON_UPLINK_UPLINK_STATE_H

#include "base/log.h"
#include "base/metrics.h"
#include "uplink/channel.h"
#include "uplink/endpoints.h"
#include "uplink/outstanding.h"
#include "uplink/uplink.h"

/*
 *   WAITING ──timer──▶ CONNECTING ──ready──▶ JOINING ──spool's answer──▶ SENDING
 *      ▲                    │                   │                           │
 *      └────────────────────┴──────closed───────┴───────────────────────────┘
 *   STOPPED: drained; nothing begins any more.
 */
enum uplink_state { UPLINK_WAITING, UPLINK_CONNECTING, UPLINK_JOINING, UPLINK_SENDING, UPLINK_STOPPED };

enum uplink_metric {
    UPLINK_CONNECTED,
    UPLINK_SESSIONS,
    UPLINK_FAILURES,
    UPLINK_SENT_BATCHES,
    UPLINK_SENT_BYTES,
    UPLINK_COMMITTED,
    UPLINK_DUPLICATE,
    UPLINK_RETRIED,
    UPLINK_REJECTED,
    UPLINK_READINGS,
    UPLINK_OUTSTANDING,
    UPLINK_METRICS
};

/* Answers gathered during one turn, for one request to the spool's thread. */
struct uplink_answers {
    struct spool_request *items;
    size_t count, capacity;
};

struct uplink {
    struct loop *loop;
    struct spool_thread *spool;
    struct uplink_options options; /* tls is a reference */
    enum uplink_state state;
    struct endpoints endpoints;
    struct loop_timer *retry_timer; /* WAITING: then connect; SENDING: then try the preferred endpoint */
    struct loop_timer *pace_timer;  /* the rate of the backlog, and RETRY-AFTER */
    struct channel *channel;
    uint32_t session; /* number of the channel */
    int64_t ready_us; /* monotonic; 0 = this channel never was */
    bool acked;       /* something, in this session */
    bool renewing;    /* this session ends to make place for another, without waiting */

    struct frame_open open;
    struct frame_hello hello;
    struct frame_welcome welcome;

    struct spool_batches live;
    struct spool_batches chunk;
    bool chunk_asked;
    struct sequence_range chunk_range;
    struct backfill backfill;
    struct outstanding *outstanding;
    int64_t hold_until_us;                                    /* monotonic: the server asked to wait */
    uint8_t catalogs[TUNNEL_CATALOGS_MAX][CATALOG_HASH_SIZE]; /* sent in this session */
    size_t catalog_count;
    struct uplink_answers answers;

    bool draining;
    void (*drained)(void *owner);
    void *drained_owner;

    struct log_limit failure_limit;
    char last_failure[ERR_TEXT_MAX];
    metric_value metrics[UPLINK_METRICS];
    struct histogram rtt;     /* sent to answered */
    struct histogram latency; /* last reading taken to answered, live batches */
};

/* uplink_send.c: sends what may be sent now, asks for backlog. */
void uplink_pump(struct uplink *uplink);
void uplink_forget_session(struct uplink *uplink); /* what belongs to the session that ended */

/* uplink_answer.c */
void uplink_answer(struct uplink *uplink, const struct ack_range *range);
/* How long to wait when the server asks for `asked_ms`: within UPLINK_RETRY_MIN_MS and UPLINK_RETRY_MAX_MS.
 */
int64_t uplink_retry_us(uint32_t asked_ms);
/* Takes a batch that no server will take out of the queue. */
void uplink_refuse(struct uplink *uplink, uint64_t seq, const char *text);
/* Hands the answers of this turn to the spool's thread. */
void uplink_pass_answers(struct uplink *uplink);

/* uplink.c: ends the session in good order and makes another one at once. */
void uplink_renew(struct uplink *uplink, const char *reason);

#endif
