/*
 * spool: the bridge's store-and-forward queue on disk. What it committed survives kill -9 and power cuts; it
 * is kept until the server's ack has been committed here too. One thread.
 *
 *   append ─commit─▶ may be sent ─▶ ack ─▶ in one transaction: row of the ack log, row of the batch gone
 *                                   └ rejected: also a row of the quarantine
 *
 * Changes are made between spool_begin() and spool_commit(), as many as are at hand: one commit, one fsync.
 * Its errors: ERR_DISK_FULL changed nothing and may be tried again; any other failure is the end: stop, and
 * start again from what is on disk. The tables are in store/spool_schema.h.
 */
#ifndef BOURDON_SPOOL_SPOOL_H
#define BOURDON_SPOOL_SPOOL_H

#include "spool/gap_list.h"
#include "spool/spool_batch.h"
#include "store/db.h"

#include <stdbool.h>

struct spool_options {
    const char *path;
    const char *bridge;   /* must be the one the file was made for */
    int64_t ack_log_rows; /* newest rows kept */
};

struct spool_state {
    uint64_t next_seq;
    int64_t batches, readings, bytes; /* not yet acknowledged */
    int64_t quarantined;              /* bytes */
    int64_t stopped_us;               /* wall: full, and nothing polled since; 0 = polling */
    int64_t unsaved_since_us;         /* wall: what was taken since may be in memory only; 0 = nothing */
};

struct spool;

/*
 * Opens or makes the file; `now_us` is wall time, for a new one. A damaged one is salvaged first, loudly.
 * ERR_CONFLICT: another bridge's or another program's; ERR_VERSION: another format; ERR_BUSY: in use. Those
 * were not touched, and the text says what to do.
 */
MUST_USE enum err spool_open(const struct spool_options *options, int64_t now_us, struct spool **spool,
                             struct err_text *why);
void spool_close(struct spool *spool); /* NULL is fine */

const uint8_t *spool_epoch(const struct spool *spool); /* BATCH_EPOCH_SIZE bytes */
const struct spool_state *spool_state(const struct spool *spool);
/* The oldest sequence that is not acknowledged; the next one to be made if there is none. */
MUST_USE enum err spool_first_seq(struct spool *spool, uint64_t *first, struct err_text *why);

/* Makes sure the catalog is in the file, in a transaction of its own. `*row` is a reference for the caller.
 */
MUST_USE enum err spool_add_catalog(struct spool *spool, const struct catalog *catalog,
                                    struct spool_catalog **row, struct err_text *why);

/* Numbers the next batch. Before spool_begin() the number is used up; after it a rollback takes it back. */
struct batch_identity spool_take_identity(struct spool *spool);

MUST_USE enum err spool_begin(struct spool *spool, struct err_text *why);
MUST_USE enum err spool_commit(struct spool *spool, struct err_text *why); /* on failure rolled back */
void spool_rollback(struct spool *spool);

/* The rest is called inside a transaction. */

/* `now_us`: wall; becomes batch->spooled_us. */
MUST_USE enum err spool_append(struct spool *spool, struct spool_batch *batch, int64_t now_us,
                               struct err_text *why);
/* Numbers and appends a batch of gaps, and puts it behind `made`. An empty list makes none. */
MUST_USE enum err spool_append_gaps(struct spool *spool, const struct gap_list *gaps, int64_t now_us,
                                    struct spool_batches *made, struct err_text *why);

/* The server's answer to one batch. */
struct spool_ack {
    uint64_t seq;
    int result;                              /* enum ack_result: COMMITTED, DUPLICATE or REJECTED */
    int64_t sent_us, committed_us, acked_us; /* wall; committed by the server's clock, 0 = not */
    char *text;                              /* why it was rejected; NULL = "" */
};

/* Trims and logs. A batch that is not there (an answer that came twice) is no error. */
MUST_USE enum err spool_ack(struct spool *spool, const struct spool_ack *ack, struct err_text *why);

/* Quarantines a batch that failed its checksum and adds it to `gaps`. */
MUST_USE enum err spool_quarantine_damaged(struct spool *spool, uint64_t seq, const char *text,
                                           int64_t now_us, struct gap_list *gaps, struct err_text *why);

void spool_set_stopped(struct spool *spool, int64_t stopped_us);
void spool_set_unsaved_since(struct spool *spool, int64_t since_us);

/* ---- for what drops, fences and repairs ---- */

struct db *spool_db(struct spool *spool);
void spool_set_next_seq(struct spool *spool, uint64_t next_seq); /* never backwards */
/* Deletes a batch without a trace in the ack log: it lives on under another number. */
MUST_USE enum err spool_remove(struct spool *spool, uint64_t seq, struct err_text *why);
/* A row was deleted from batch, or (`quarantine`) from the quarantine. */
void spool_count_out(struct spool *spool, int64_t readings, int64_t bytes, bool quarantine);

#endif
