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

/* Borrows both. `*notify` is NULL if nobody is to be told. */
MUST_USE enum err alarm_notify_start(const struct alarm_options *options, struct server_metrics *metrics,
                                     struct alarm_notify **notify, struct err_text *why);
/* A command in progress is killed, what waits is dropped. NULL is fine. */
void alarm_notify_stop(struct alarm_notify *notify);

/* Copies the line. Any thread; NULL is fine. */
void alarm_notify_line(struct alarm_notify *notify, struct bytes line);

#endif
