/*
 * keeper: holds the spool within its bounds: size, age, space left on the disk. When it is full the policy
 * decides: polling stops, or the least important and oldest batches go. Whatever is dropped or not polled
 * becomes a gap. One thread, the one of the spool.
 */
#ifndef BOURDON_SPOOL_KEEPER_H
#define BOURDON_SPOOL_KEEPER_H

#include "spool/room.h"
#include "spool/spool.h"

struct spooler_time {
    int64_t mono_us, wall_us;
    bool
        trusted; /* the kernel calls the wall clock synchronised: only then is anything dropped for its age */
};

struct keeper;

/* Borrows the spool. */
MUST_USE enum err keeper_new(struct spool *spool, struct keeper **keeper, struct err_text *why);
void keeper_free(struct keeper *keeper); /* NULL is fine */
void keeper_configure(struct keeper *keeper, const struct room_bounds *bounds);

/* Readings taken between these wall times found no room. */
void keeper_refused(struct keeper *keeper, int64_t first_us, int64_t last_us);

/*
 * Inside a transaction, after what it adds: drops, stops or lets go on, and adds what is lost to `gaps`. What
 * it decides counts only with keeper_committed(), once the transaction is.
 */
MUST_USE enum err keeper_apply(struct keeper *keeper, const struct spooler_time *now, struct gap_list *gaps,
                               struct err_text *why);
void keeper_committed(struct keeper *keeper);
/* The disk had no space for a transaction: gives the ballast up. Whether that makes another attempt
 * worthwhile at once. */
bool keeper_disk_full(struct keeper *keeper);

/* Whether readings may be taken. */
bool keeper_accepts(const struct keeper *keeper);
/* Outside a transaction: whether keeper_apply() would have something to do though nothing was added. */
MUST_USE enum err keeper_is_due(struct keeper *keeper, const struct spooler_time *now, bool *due,
                                struct err_text *why);
/* When to ask keeper_is_due(); monotonic. */
int64_t keeper_deadline_us(const struct keeper *keeper);

#endif
