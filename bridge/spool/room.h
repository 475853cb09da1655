/* room: whether the spool may grow. Pure. */
#ifndef BOURDON_SPOOL_ROOM_H
#define BOURDON_SPOOL_ROOM_H

#include <stdbool.h>
#include <stdint.h>

enum room_policy {
    ROOM_STOP_POLLING = 0, /* keep what there is, take nothing new */
    ROOM_DROP_OLDEST = 1,  /* take the new, drop the old, lowest priority first */
};

struct room_bounds {
    int64_t max_bytes;  /* encoded batches and quarantine */
    int64_t max_age_us; /* of a batch's last reading; 0 = no bound */
    int64_t min_free;   /* bytes left to others on the file system */
    enum room_policy policy;
};

struct room_view {
    int64_t used; /* of max_bytes */
    int64_t free; /* on the file system, and inside the file; < 0 = unknown */
    bool stopped; /* judged full the last time */
};

/*
 * Full at the bounds; once full, open again only with a sixteenth of them to spare, so that polling does not
 * stop and start with every batch.
 */
bool room_is_full(const struct room_bounds *bounds, const struct room_view *view);

/* How many bytes to drop to have that sixteenth again; at least 1 when it is full. */
int64_t room_excess(const struct room_bounds *bounds, const struct room_view *view);

#endif
