#include "field/poller_log.h"

#include "base/clock.h"

#include <assert.h>

#define INTERVAL_US (60 * CLOCK_US_PER_S)

enum { OWN_FIELDS_MAX = 3, COMMON_FIELDS = 3 };

static const char *const subsystem = "field";

void poller_log_init(struct poller_log *log, const char *link)
{
    *log = (struct poller_log){
        .link = link,
        .limit = {.burst = POLLER_LOG_BURST, .interval_us = INTERVAL_US},
    };
}

/* Event and link, the event's own fields, and what was left out before it. */
static void write_event(struct poller_log *log, enum log_level level, const char *event,
                        const struct log_field *own, size_t count)
{
    assert(count <= OWN_FIELDS_MAX);
    uint64_t suppressed;
    if (!log_limit_allow(&log->limit, clock_mono_us(), &suppressed)) {
        return;
    }
    struct log_field fields[COMMON_FIELDS + OWN_FIELDS_MAX] = {log_event(event), log_str("link", log->link)};
    size_t size = 2;
    for (size_t i = 0; i < count; i++) {
        fields[size++] = own[i];
    }
    if (suppressed > 0) {
        fields[size++] = log_u64("suppressed", suppressed);
    }
    log_write(level, subsystem, fields, size);
}

void poller_log_link_up(struct poller_log *log, size_t way)
{
    const struct log_field own[] = {log_str("way", way == 0 ? "url" : "backup")};
    write_event(log, LOG_INFO, "link_up", own, 1);
}

void poller_log_link_down(struct poller_log *log, const char *reason)
{
    const struct log_field own[] = {log_str("reason", reason)};
    write_event(log, LOG_WARN, "link_down", own, 1);
}

void poller_log_unit_suspended(struct poller_log *log, uint8_t unit, const char *reason)
{
    const struct log_field own[] = {log_u64("unit", unit), log_str("reason", reason)};
    write_event(log, LOG_WARN, "unit_suspended", own, 2);
}

void poller_log_unit_back(struct poller_log *log, uint8_t unit)
{
    const struct log_field own[] = {log_u64("unit", unit)};
    write_event(log, LOG_INFO, "unit_back", own, 1);
}

void poller_log_tag_refused(struct poller_log *log, uint8_t unit, const char *tag, int64_t refused)
{
    const struct log_field own[] = {log_u64("unit", unit), log_str("tag", tag), log_i64("refused", refused)};
    write_event(log, LOG_WARN, "tag_refused", own, 3);
}

void poller_log_paused(struct poller_log *log)
{
    const struct log_field own[] = {log_str("reason", "the spool is full")};
    write_event(log, LOG_WARN, "polling_paused", own, 1);
}

void poller_log_resumed(struct poller_log *log)
{
    write_event(log, LOG_INFO, "polling_resumed", NULL, 0);
}
