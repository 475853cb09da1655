/*
 * inbox: what other threads hand to the spool's thread: readings from the links, requests from the loop.
 *
 * Readings are packed into one of two buffers: producers fill the one, the spool's thread empties the other
 * and swaps them, so that nobody waits for a disk. When the front one is full a producer waits up to
 * INBOX_WAIT_MS and is refused then; what was refused is counted, and becomes a gap.
 */
#ifndef BOURDON_SPOOL_INBOX_H
#define BOURDON_SPOOL_INBOX_H

#include "base/buffer.h"
#include "field/reading_sink.h"
#include "spool/fence.h"
#include "tunnel/reading.h"

enum {
    INBOX_READINGS_BYTES = 4 * 1024 * 1024, /* packed; a last put may pass it by as much again */
    INBOX_REQUESTS_MAX = 8192,
    INBOX_WAIT_MS = 1000,
};

enum spool_request_kind {
    SPOOL_REQUEST_ACK,       /* trim and log                                                          */
    SPOOL_REQUEST_JOIN,      /* a session begins: compare stores, then hand out what is committed     */
    SPOOL_REQUEST_LEAVE,     /* it has ended                                                          */
    SPOOL_REQUEST_BACKLOG,   /* read a chunk of a range                                               */
    SPOOL_REQUEST_RENUMBER,  /* make a batch anew under the next sequence                             */
    SPOOL_REQUEST_FLUSH,     /* make batches of all readings that are here, commit acks, and say so   */
    SPOOL_REQUEST_CONFIGURE, /* other catalog and limits                                              */
};

struct spool_change; /* spool_thread.c */

struct spool_request {
    enum spool_request_kind kind;
    uint32_t session; /* JOIN, BACKLOG: echoed in the answer */
    union {
        struct spool_ack ack; /* its text is `text` below */
        struct fence_meeting meeting;
        struct {
            uint64_t first, last;
        } range;
        uint64_t seq;
        struct spool_change *change;
    } as;
    char *text;                  /* why a batch was rejected; owned (malloc), else NULL */
    struct frame_range *missing; /* JOIN: what its meeting borrows; owned (malloc), else NULL */
};

/* What the consumer holds; it owns the memory between two calls of inbox_take(). All zero to begin with. */
struct inbox_content {
    struct buffer readings;
    struct spool_request *requests;
    size_t request_count, request_capacity;
    uint64_t refused;                          /* readings, since the consumer last set it to 0 */
    int64_t refused_first_us, refused_last_us; /* of their request times; wall */
    /* Wall: readings left in here were asked for after the one, readings still to come after the other. */
    int64_t put_after_us, put_until_us;
    bool stop;
};

struct inbox;

MUST_USE struct inbox *inbox_new(void); /* NULL: out of memory */
void inbox_free(struct inbox *inbox);   /* NULL is fine; nobody may use it any more */

/* Any thread. False: refused, and counted. All or nothing. With no readings: whether there is room, at once.
 */
bool inbox_put_readings(struct inbox *inbox, const struct reading *readings, size_t count);
/* Any thread: begin() and end() of a reading_sink. Until it is kept the promise belongs to the inbox. */
void inbox_promise(struct inbox *inbox, struct reading_promise *promise);
void inbox_keep(struct inbox *inbox, struct reading_promise *promise);
/* Any thread. ERR_LIMIT: INBOX_REQUESTS_MAX wait already; ERR_CLOSED: stopped; ERR_NO_MEMORY. All or nothing.
 */
MUST_USE enum err inbox_put_requests(struct inbox *inbox, const struct spool_request *requests, size_t count);
/* While not accepting, readings are refused at once. */
void inbox_accept(struct inbox *inbox, bool accept);
/* Refuses readings and requests from now on and wakes the consumer with `stop`. */
void inbox_stop(struct inbox *inbox);

/*
 * The consumer: waits until there is something or `deadline_us` (monotonic; INT64_MAX = none) is reached, and
 * swaps what there is into `content`. Readings are swapped only when those of the last time are used up;
 * while they are not, it does not wait, unless it is not `hungry`: then only requests and the deadline end
 * the wait. Requests of the last time are forgotten: handle them first.
 */
void inbox_take(struct inbox *inbox, int64_t deadline_us, bool hungry, struct inbox_content *content);
/* The consumer: swaps readings only, without waiting; those of the last time must be used up. */
void inbox_take_readings(struct inbox *inbox, struct inbox_content *content);
void inbox_content_fini(struct inbox_content *content);
/* Unpacks the next reading; false if there is none left. */
bool inbox_next_reading(struct inbox_content *content, struct reading *reading);

#endif
