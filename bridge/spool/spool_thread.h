/*
 * spool_thread: the thread that owns the spool. Links hand it readings, the loop hands it requests; it
 * commits and posts what may be sent to the loop.
 *
 *   links ──readings──▶ ┌───────┐ ──commit──▶ disk
 *   loop ───requests──▶ │ inbox │ ──events (in the loop's thread)──▶ uplink
 *                       └───────┘
 *
 * In the bridge's loop, from JOIN to LEAVE, each committed batch is handed out once; what does not fit the
 * bounded hand-over is named as `skipped` and can be read as backlog.
 */
#ifndef BOURDON_SPOOL_SPOOL_THREAD_H
#define BOURDON_SPOOL_SPOOL_THREAD_H

#include "field/reading_sink.h"
#include "net/loop.h"
#include "spool/spooler.h"

enum { SPOOL_HANDOVER_BYTES = 1024 * 1024 }; /* committed batches the loop has not taken yet */

/* The answer to JOIN. */
struct spool_joined {
    uint32_t session;
    bool refused; /* the disk is full: no session now, the rest says nothing */
    struct fence_verdict verdict;
    uint64_t first_seq, next_seq; /* the backlog is what is left of [first, next); from next on all is live */
};

/* Called in the loop's thread. Lists are taken over: leave them empty. */
struct spool_events {
    void (*joined)(void *owner, const struct spool_joined *joined);
    /* `skipped_first` > `skipped_last`: none was. Skipped sequences are below those of `batches`. */
    void (*committed)(void *owner, struct spool_batches *batches, uint64_t skipped_first,
                      uint64_t skipped_last);
    /* The answer to BACKLOG: everything of the range before `next` was read. */
    void (*backlog)(void *owner, uint32_t session, struct spool_batches *batches, uint64_t next);
    /* The answer to FLUSH. */
    void (*flushed)(void *owner);
    /* The end: nothing more is committed. Stop the process, start again from what is on disk. */
    void (*failed)(void *owner, enum err code, const char *reason);
};

struct spool_thread_options {
    struct spool *spool; /* taken over, also on failure */
    const struct spool_configuration *configuration;
    struct loop *loop;
    const struct spool_events *events;
    void *owner;
};

struct spool_status {
    struct spool_state state;
    struct spooler_counts counts;
    uint64_t first_seq;
    bool accepting;
};

struct spool_thread;

MUST_USE enum err spool_thread_start(const struct spool_thread_options *options, struct spool_thread **thread,
                                     struct err_text *why);
/* Commits what is here (readings, acks), ends the thread, closes the spool. The sink refuses afterwards.
 * False: it had failed, or could not commit: the next life accounts for what it held. NULL is fine. */
bool spool_thread_stop(struct spool_thread *thread);
/* After spool_thread_stop(), and when the loop no longer runs: events may still have been posted. NULL is
 * fine. */
void spool_thread_free(struct spool_thread *thread);

/* For the links; valid until spool_thread_free(). */
struct reading_sink spool_thread_sink(struct spool_thread *thread);

/* The loop's thread. All or nothing: on failure texts stay the caller's. ERR_LIMIT, ERR_CLOSED,
 * ERR_NO_MEMORY. */
MUST_USE enum err spool_thread_request(struct spool_thread *thread, const struct spool_request *requests,
                                       size_t count);
/*
 * Waits until the readings that are here are committed and the configuration is in use; it is borrowed from
 * then on. No link may run meanwhile. On failure the old one stays.
 */
MUST_USE enum err spool_thread_configure(struct spool_thread *thread,
                                         const struct spool_configuration *configuration,
                                         struct err_text *why);

/* Any thread: as of the last commit. */
void spool_thread_status(struct spool_thread *thread, struct spool_status *status);
const uint8_t *spool_thread_epoch(const struct spool_thread *thread);

#endif
