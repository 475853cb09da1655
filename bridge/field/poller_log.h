/*
 * poller_log: what a link's thread says in the log. A PLC can cause all of it again and again, so each link
 * has a bound: POLLER_LOG_BURST lines a minute, and the next one counts what was left out. One thread.
 */
#ifndef BOURDON_FIELD_POLLER_LOG_H
#define BOURDON_FIELD_POLLER_LOG_H

#include "base/log.h"

enum { POLLER_LOG_BURST = 12 };

struct poller_log {
    const char *link; /* borrowed */
    struct log_limit limit;
};

void poller_log_init(struct poller_log *log, const char *link);

void poller_log_link_up(struct poller_log *log, size_t way);
void poller_log_link_down(struct poller_log *log, const char *reason);
void poller_log_unit_suspended(struct poller_log *log, uint8_t unit, const char *reason);
void poller_log_unit_back(struct poller_log *log, uint8_t unit);
/* The device refuses `refused` tags now; `tag` is the last one found. */
void poller_log_tag_refused(struct poller_log *log, uint8_t unit, const char *tag, int64_t refused);
void poller_log_paused(struct poller_log *log);
void poller_log_resumed(struct poller_log *log);

#endif
