/*
 * alarm_notify: tells a command or a webhook, in a thread of its own, one after the other. The queue is
 * bounded: what does not fit is dropped and counted. A command that fails or hangs hurts nobody: it is killed
 * after its time, counted, and logged at a bounded rate.
 */
#ifndef BOURDON_SERVER_ALARM_ALARM_NOTIFY_H
#define BOURDON_SERVER_ALARM_ALARM_NOTIFY_H

#include "alarm/alarm_options.h"
#include "base/buffer.h"
#include "server_metrics.h"

enum { ALARM_NOTIFY_QUEUE_MAX = 256, ALARM_NOTIFY_LINE_MAX = 4096 };

struct alarm_notify;
struct alarm_target;

/* Whom to tell: a copy of what the configuration says. NULL: out of memory. */
MUST_USE struct alarm_target *alarm_target_new(const struct alarm_options *options);
void alarm_target_free(struct alarm_target *target); /* NULL is fine */

/* Borrows the metrics. Tells nobody until there is a target. */
MUST_USE enum err alarm_notify_start(struct server_metrics *metrics, struct alarm_notify **notify,
                                     struct err_text *why);
/* Takes the target over, for what is not yet being told. Any thread. */
void alarm_notify_use(struct alarm_notify *notify, struct alarm_target *target);
/* A command in progress is killed, what waits is dropped. NULL is fine. */
void alarm_notify_stop(struct alarm_notify *notify);

/* Copies the line. Any thread. */
void alarm_notify_line(struct alarm_notify *notify, struct bytes line);

#endif
