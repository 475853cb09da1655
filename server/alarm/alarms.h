/*
 * alarms: watches what is stored. Each committed batch that a rule may concern is copied into a bounded queue
 * and evaluated in a thread of its own, after its commit and after its ack is on its way: so alarms can
 * neither delay nor prevent an ack. When the queue is full batches go unwatched, which is counted and logged.
 *
 *   listeners ──alarms_observe()──▶ queue ──▶ thread: board ──▶ file, feed, command
 *
 * Backlog is watched as it comes; readings older than what an alarm has seen are ignored.
 */
#ifndef BOURDON_SERVER_ALARM_ALARMS_H
#define BOURDON_SERVER_ALARM_ALARMS_H

#include "alarm/alarm.h"
#include "alarm/alarm_options.h"
#include "front/observer.h"
#include "server_metrics.h"

enum {
    ALARMS_CATALOGS_BYTES = 64 * 1024 * 1024, /* encoded; beyond it they are forgotten and sent anew */
    ALARMS_CATALOGS_MAX = 4096,
    ALARMS_TICK_MS = 250,
};

struct alarms;

/* Borrows what it is given, the rules of `options` until others are used. changed() gets a line of JSON
 * without its end, in the alarms' thread or that of who shelves. */
MUST_USE enum err alarms_start(const struct alarm_options *options, struct server_metrics *metrics,
                               void (*changed)(void *owner, struct bytes line), void *owner,
                               struct alarms **alarms, struct err_text *why);
/* Other rules, command and webhook; the old ones are then no longer borrowed. What no rule has any more goes,
 * what has another limit or delay is judged anew, the rest stays as it is. All or nothing. Any thread. */
MUST_USE enum err alarms_use(struct alarms *alarms, const struct alarm_options *options,
                             struct err_text *why);
/* Evaluates what waits, then ends. NULL is fine, as everywhere below. */
void alarms_stop(struct alarms *alarms);

/* Any thread; does not wait. */
void alarms_observe(struct alarms *alarms, const struct observed_batch *batch);

/* Appends every alarm, or those that are not normal or on the shelf, as lines of JSON. Any thread. */
MUST_USE enum err alarms_list(struct alarms *alarms, bool standing, struct buffer *out);

/* ERR_NOT_FOUND: there is no such alarm. Any thread. */
MUST_USE enum err alarms_shelve(struct alarms *alarms, const char *bridge, const char *tag,
                                enum alarm_level level, int64_t until_us, struct err_text *why);
MUST_USE enum err alarms_acknowledge(struct alarms *alarms, const char *bridge, const char *tag,
                                     enum alarm_level level, struct err_text *why);

#endif
