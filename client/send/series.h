/*
 * series: the readings of one run of `bourdon send`, checked as they come, then made into a catalog and
 * batches. The same readings with the same run make the same bytes. Pure; one thread. About 24 bytes a
 * reading.
 *
 * The type of a tag follows from its values: bool, text, a 64-bit integer when all are whole, else float64.
 */
#ifndef BOURDON_CLIENT_SEND_SERIES_H
#define BOURDON_CLIENT_SEND_SERIES_H

#include "send/item.h"
#include "tunnel/batch.h"

enum {
    SERIES_READINGS_MAX = 10 * 1000 * 1000,
    SERIES_TAGS_MAX = 20 * 1000,
};

struct series;

/* NULL: out of memory. */
MUST_USE struct series *series_new(void);
void series_free(struct series *series); /* NULL is fine */

/*
 * Copies the item. ERR_MALFORMED: a name, unit, time or value that cannot be, or that does not agree with
 * what the tag had before; ERR_LIMIT: too many. `why` says it in words.
 */
MUST_USE enum err series_add(struct series *series, const struct item *item, struct err_text *why);
size_t series_count(const struct series *series);
/* Whether every reading has a time of its own, so that the same readings are the same measurements. */
bool series_is_timed(const struct series *series);

/* What is the same for all readings of a run. */
struct series_run {
    uint8_t epoch[BATCH_EPOCH_SIZE];
    uint64_t first_sequence;
    size_t max_readings; /* of a batch, 1 … BATCH_READINGS_MAX */
    int64_t now_us;      /* wall: the time of readings without one … */
    bool synchronised;   /* … and whether that clock is to be believed */
};

/* Sorts the readings by time and makes the catalog: the caller's to free. Call it once, after the last add.
 */
MUST_USE enum err series_catalog(struct series *series, const struct series_run *run,
                                 struct catalog **catalog, struct err_text *why);

/* Makes the batches one by one; `each` gets a view whose bytes are valid during the call. */
MUST_USE enum err series_batches(const struct series *series, const struct series_run *run,
                                 const struct catalog *catalog,
                                 enum err (*each)(void *owner, const struct batch_view *view), void *owner,
                                 struct err_text *why);

#endif
