#include "server_restart.h"

#include "base/array.h"
#include "base/log.h"

#include <string.h>

static bool same_texts(const struct option_list *a, const struct option_list *b)
{
    char *const *left = a->items;
    char *const *right = b->items;
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = strcmp(left[i], right[i]) == 0;
    }
    return same;
}

/* Said, not silently ignored. */
static void warn(const struct server_options *before, const struct server_options *after)
{
    const struct {
        const char *key;
        bool changed;
    } keys[] = {
        {"listen", !same_texts(&before->listen, &after->listen)},
        {"store", strcmp(before->store, after->store) != 0},
        {"http", strcmp(before->http, after->http) != 0},
        {"control", strcmp(before->control, after->control) != 0},
        {"watch", strcmp(before->watch, after->watch) != 0},
        {"threads", before->threads != after->threads},
        {"retention.age", before->retention.age_us != after->retention.age_us},
        {"retention.size", before->retention.bytes != after->retention.bytes},
        {"limits.queue_bytes", before->limits.queue_bytes != after->limits.queue_bytes},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
        if (keys[i].changed) {
            log_warn("server", log_event("needs_restart"), log_str("key", keys[i].key));
        }
    }
}

void server_restart_keep(struct server_options *before, struct server_options *after)
{
    warn(before, after);
    const struct server_options loaded = *after;
    after->listen = before->listen;
    after->store = before->store;
    after->http = before->http;
    after->control = before->control;
    after->watch = before->watch;
    after->threads = before->threads;
    after->retention.age_us = before->retention.age_us;
    after->retention.bytes = before->retention.bytes;
    after->limits.queue_bytes = before->limits.queue_bytes;
    before->listen = loaded.listen;
    before->store = loaded.store;
    before->http = loaded.http;
    before->control = loaded.control;
    before->watch = loaded.watch;
}
