/*
 * alarm_catalogs: the catalogs that batches in the queue refer to, decoded once, with which of their tags are
 * watched. Bounded: when there are too many all are forgotten, and come again. One thread.
 */
#ifndef BOURDON_SERVER_ALARM_ALARM_CATALOGS_H
#define BOURDON_SERVER_ALARM_ALARM_CATALOGS_H

#include "alarm/alarm_board.h"
#include "base/buffer.h"
#include "tunnel/catalog.h"

struct watched_catalog {
    struct watched_catalog *next;
    struct catalog *catalog;
    bool any;       /* of its tags is watched */
    bool watched[]; /* by tag */
};

struct alarm_catalogs;

MUST_USE struct alarm_catalogs *alarm_catalogs_new(const struct alarm_board *board); /* NULL: out of memory */
void alarm_catalogs_free(struct alarm_catalogs *catalogs);                           /* NULL is fine */

/* NULL: not known. Valid until the next add. */
const struct watched_catalog *alarm_catalogs_find(const struct alarm_catalogs *catalogs, const uint8_t *hash);
/* NULL: not decodable, or out of memory. `*forgotten`: the others had to go. */
const struct watched_catalog *alarm_catalogs_add(struct alarm_catalogs *catalogs, struct bytes encoded,
                                                 bool *forgotten);
/* The board has other rules. */
void alarm_catalogs_watch_again(struct alarm_catalogs *catalogs);

#endif
