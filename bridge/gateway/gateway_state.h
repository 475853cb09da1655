/* gateway_state: what the gateway is made of; for the files of bridge/gateway only. */
#ifndef BOURDON_BRIDGE_GATEWAY_STATE_H
#define BOURDON_BRIDGE_GATEWAY_STATE_H

#include "base/log.h"
#include "base/metrics.h"
#include "field/live.h"
#include "gateway/audit.h"
#include "gateway/gateway.h"
#include "gateway/rates.h"
#include "net/io.h"

#include <pthread.h>

enum {
    GATEWAY_TICK_MS = 1000,
    GATEWAY_CRL_LOOK_US = 10 * 1000 * 1000, /* how often the revocation list's file is looked at */
    GATEWAY_GOODBYE_MS = 500,
};

enum gateway_counter {
    GATEWAY_SESSIONS,   /* now */
    GATEWAY_HANDSHAKES, /* now */
    GATEWAY_OPENED,
    GATEWAY_REFUSED, /* connections that never became a session */
    GATEWAY_REQUESTS,
    GATEWAY_READS,
    GATEWAY_WRITES,
    GATEWAY_DENIED,
    GATEWAY_CACHED,
    GATEWAY_SHARED,
    GATEWAY_NO_PATH,
    GATEWAY_NO_ANSWER,
    GATEWAY_BUSY,
    GATEWAY_MALFORMED,
    GATEWAY_COUNTERS,
};

struct session;
struct transaction;

/* Where a unit is now. `queue` NULL: nowhere. */
struct gateway_route {
    struct live_queue *queue;
    uint8_t unit;
};

struct gateway {
    /* The gateway's thread. */
    struct loop *loop;
    struct loop_timer *tick;
    struct io_listener *listeners[GATEWAY_LISTEN_MAX];
    size_t listener_count;
    struct session *sessions; /* newest first, handshakes too */
    struct session *graves;   /* closed ones, by `next` */
    uint64_t last_session;
    struct transaction *free_transactions;
    struct gateway_limit_options limits;
    bool old_values, refuses_writes; /* while the audit fails */
    struct tls_context *tls;
    uint32_t generation; /* of the context: counts reloads */
    struct policy *policy;
    struct rates rates;
    const struct gateway_options *options; /* borrowed while attached */
    struct gateway_route routes[GATEWAY_UNITS];
    int64_t crl_looked_us;
    int64_t crl_stamp; /* of the file, when it was read */
    struct log_limit refused_limit;

    /* Any thread. */
    struct audit *audit;
    metric_value counters[GATEWAY_COUNTERS];

    pthread_t thread;
    bool running;
    pthread_mutex_t mutex; /* guards what follows */
    struct live_list answered;
    bool answers_posted;
};

/* Runs work(gateway, argument) in the gateway's thread and waits for it. The main thread. */
void gateway_call(struct gateway *gateway, void (*work)(struct gateway *gateway, void *argument),
                  void *argument);

static inline void gateway_count(struct gateway *gateway, enum gateway_counter counter, int64_t amount)
{
    metric_add(&gateway->counters[counter], amount);
}

#endif
