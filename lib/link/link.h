/*
 * link: one way to the units: a TCP endpoint, plain or with TLS, or a serial line. It is connected or not,
 * and takes one request, or one batch of them, at a time.
 *
 * After any outcome but LINK_ANSWERED the link is disconnected: an answer that comes late finds nobody. An
 * answer that belongs to another request, or comes from another unit than the one asked, is dropped, counted
 * and never given out. Everything that waits is bounded by the time-outs of link_setup.
 *
 * One thread, the link's own, but for link_interrupt() and the counters.
 */
#ifndef BOURDON_LINK_LINK_H
#define BOURDON_LINK_LINK_H

#include "base/err.h"
#include "base/metrics.h"
#include "link/link_url.h"
#include "modbus/pdu.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    LINK_DISCARDS_MAX = 16,    /* frames dropped while waiting for one answer; more is a flood */
    LINK_OUTSTANDING_MAX = 16, /* requests on their way at once */
};

enum link_outcome {
    LINK_ANSWERED,       /* with values or an exception */
    LINK_TIMED_OUT,      /* no whole answer within the response time-out */
    LINK_LOST,           /* the connection ended, or the serial line is gone */
    LINK_BROKE_PROTOCOL, /* the answer breaks the standard: nothing that follows it can be trusted */
    LINK_INTERRUPTED,    /* link_interrupt() */
};

enum link_counter {
    LINK_CONNECTS,
    LINK_STALE_FRAMES,   /* dropped: of another transaction, so late or twice */
    LINK_FOREIGN_FRAMES, /* dropped: of another unit or protocol */
    LINK_TIMEOUTS,
    LINK_BROKEN_FRAMES,
    LINK_LOSSES,
    LINK_COUNTERS,
};

struct link_exchange {
    uint8_t unit;
    const struct pdu_request *request;
    struct pdu_response response; /* borrows from the link until the next exchange */
    int64_t request_us;           /* wall clock just before sending … */
    int64_t response_us;          /* … and just after receiving, or giving up */
    bool answered;                /* only set by link_exchange_all() */
};

/* Requests that may be on their way together. */
struct link_batch {
    struct link_exchange *exchanges;
    size_t count; /* 1 … LINK_OUTSTANDING_MAX */
    /* An answer has come, in any order; the response is borrowed until this returns. */
    void (*answered)(void *owner, struct link_exchange *exchange);
    void *owner;
};

struct link_setup {
    struct link_url url;
    int64_t response_timeout_us;
    int64_t connect_timeout_us;
    metric_value *counters;  /* LINK_COUNTERS; borrowed */
    struct tls_context *tls; /* LINK_TLS only: a client's; the link takes its own reference */
};

struct link;

struct link_operations {
    enum err (*connect)(struct link *link, struct err_text *why);
    enum link_outcome (*exchange)(struct link *link, struct link_exchange *exchange);
    enum link_outcome (*exchange_all)(struct link *link, const struct link_batch *batch); /* or NULL */
    void (*disconnect)(struct link *link);
    void (*interrupt)(struct link *link);
    void (*free)(struct link *link);
};

/* The head of every kind of link. */
struct link {
    const struct link_operations *operations;
    bool connected;
};

/* A disconnected link of the kind that the URL asks for. ERR_LIMIT: more links than descriptors below 1024;
 * ERR_NO_MEMORY; ERR_CONFIG. */
MUST_USE enum err link_new(const struct link_setup *setup, struct link **link, struct err_text *why);

/* ERR_REFUSED, ERR_TIMEOUT, ERR_NOT_FOUND (the name), ERR_IO (the serial line), ERR_CLOSED (interrupted);
 * with TLS also ERR_VERSION and ERR_MALFORMED. */
MUST_USE enum err link_connect(struct link *link, struct err_text *why);
MUST_USE enum link_outcome link_exchange(struct link *link, struct link_exchange *exchange);
/*
 * Those of the batch that are not yet answered: over plain TCP all at once, told apart by their transaction
 * (Messaging guide, section 4.2, NumberMaxOfClientTransaction), elsewhere one after the other. The response
 * time-out begins anew with each answer. LINK_ANSWERED: all are. After another outcome some may be.
 */
MUST_USE enum link_outcome link_exchange_all(struct link *link, const struct link_batch *batch);
/* Whether several requests of a batch are on their way at once. */
bool link_takes_several(const struct link *link);
void link_disconnect(struct link *link); /* may be disconnected already */
/* Ends what the link waits for, now and for good. Any thread. */
void link_interrupt(struct link *link);
void link_free(struct link *link); /* NULL is fine */

/* For every kind of link: counts what an exchange came to. */
void link_count_outcome(metric_value *counters, enum link_outcome outcome);

#endif
