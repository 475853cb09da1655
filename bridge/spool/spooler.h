/*
 * spooler: what the spool's thread does, without the thread: readings become batches, and everything that is
 * at hand goes into one transaction: acks, new batches, gap records, what must be dropped. One thread.
 *
 *   readings ─collect─▶ pending batches ─┐
 *   acks ────────────────────────────────┼─commit (one fsync)─▶ committed batches, to be sent
 *   full, too old, damaged ──▶ gaps ─────┘
 *
 * Readings are in memory before they are in a batch. With each commit the spool learns since when; if the
 * bridge then ends without spooler_stop(), the next spooler_start() makes a gap of it.
 */
#ifndef BOURDON_SPOOL_SPOOLER_H
#define BOURDON_SPOOL_SPOOLER_H

#include "spool/backlog.h"
#include "spool/batcher.h"
#include "spool/fence.h"
#include "spool/inbox.h"
#include "spool/keeper.h"
#include "spool/spool.h"

enum {
    SPOOLER_ROUND_BYTES = 1024 * 1024, /* encoded, of one transaction; a last batch may pass it */
    SPOOLER_ROUND_BATCHES = 256,
};

/* Without a commit the spool is told all the same this often that nothing was taken. */
#define SPOOLER_MARK_US INT64_C(60000000)

/* Borrowed until another one is given. */
struct spool_configuration {
    const struct catalog *catalog;
    struct batcher_limits batch;
    struct room_bounds bounds;
    /* Subtracted from since when readings are in memory only: the wall clock may be set back a little. */
    int64_t in_flight_us;
};

/* Since the start. */
struct spooler_counts {
    uint64_t readings, batches, commits;
    uint64_t malformed;        /* readings that are none of the catalog: a bug */
    uint64_t acked;            /* batches trimmed */
    uint64_t dropped_readings; /* full, too old or damaged: all in gap records */
    uint64_t damaged;          /* batches */
    uint64_t refused;          /* readings that found the inbox full or closed */
};

struct spooler;

/* Takes the spool over. On failure it is closed. */
MUST_USE enum err spooler_new(struct spool *spool, const struct spool_configuration *configuration,
                              struct spooler **spooler, struct err_text *why);
void spooler_free(struct spooler *spooler); /* NULL is fine; closes the spool */

/*
 * Before the first reading: commits that readings are taken from now on, and a gap if the bridge had not
 * stopped. A full disk is no failure: it is made up for with the first commit.
 */
MUST_USE enum err spooler_start(struct spooler *spooler, const struct spooler_time *now,
                                struct err_text *why);
/* After the last reading was committed. */
MUST_USE enum err spooler_stop(struct spooler *spooler, const struct spooler_time *now, struct err_text *why);

/* Changes catalog and limits. Call only when no reading is left: after spooler_collect() with `flush`. */
MUST_USE enum err spooler_configure(struct spooler *spooler, const struct spool_configuration *configuration,
                                    struct err_text *why);

/*
 * Turns readings of the inbox into pending batches until the round is full or none is left; `flush`: batches
 * that are neither full nor old enough are made too.
 */
MUST_USE enum err spooler_collect(struct spooler *spooler, struct inbox_content *content,
                                  const struct spooler_time *now, bool flush, struct err_text *why);
/* Takes an answer of the server over for the next commit, with its text (malloc or NULL). */
MUST_USE enum err spooler_ack(struct spooler *spooler, const struct spool_ack *ack, char *text,
                              const struct spooler_time *now);

/*
 * Commits what is pending, if there is anything (or acks are old enough, or `flush`), in one transaction.
 * Batches that may be sent now go behind `committed`. ERR_DISK_FULL: nothing changed, all is kept, readings
 * are no longer accepted; calls do nothing then, until it is time to try again, or `flush`. Other failures
 * are the end.
 */
MUST_USE enum err spooler_commit(struct spooler *spooler, const struct spooler_time *now, bool flush,
                                 struct spool_batches *committed, struct err_text *why);

/* A transaction of its own: see fence_meet(). */
MUST_USE enum err spooler_meet(struct spooler *spooler, const struct fence_meeting *meeting,
                               const struct spooler_time *now, struct spool_batches *committed,
                               struct fence_verdict *verdict, struct err_text *why);
/* Reads a chunk of the backlog; damaged batches are quarantined, and their gap record goes behind
 * `committed`. */
MUST_USE enum err spooler_read(struct spooler *spooler, uint64_t first, uint64_t last,
                               const struct spooler_time *now, struct backlog_chunk *chunk,
                               struct spool_batches *committed, struct err_text *why);
/* The number of a batch turned out to be taken by another content: makes it anew under the next number. */
MUST_USE enum err spooler_renumber(struct spooler *spooler, uint64_t seq, const struct spooler_time *now,
                                   struct spool_batches *committed, struct err_text *why);

/* The last attempt to commit found no space; what it was to commit waits for the next one. */
bool spooler_disk_is_full(const struct spooler *spooler);
/* Whether readings are taken; false while full (or the disk is) and the policy is to stop. */
bool spooler_accepts(const struct spooler *spooler);
/* When to call spooler_commit() again though nothing new has come; monotonic, INT64_MAX = never. */
int64_t spooler_deadline_us(const struct spooler *spooler);
struct spool *spooler_spool(const struct spooler *spooler);
const struct spooler_counts *spooler_counts(const struct spooler *spooler);

#endif
