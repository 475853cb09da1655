#include "base/json.h"
#include "field/field_state.h"

#include <stdio.h>
#include <string.h>

/* A counter of each link or unit, as status and metrics call it. */
struct row {
    const char *key;  /* in the status */
    const char *name; /* of the metric; NULL = none */
    enum metric_kind kind;
    const char *help;
};

static const struct row link_rows[LINK_COUNTERS] = {
    [LINK_CONNECTS] = {"connects", "bourdon_bridge_link_connects_total", METRIC_COUNTER,
                       "Connections made to the PLC."},
    [LINK_STALE_FRAMES] = {"stale_frames", "bourdon_bridge_link_stale_frames_total", METRIC_COUNTER,
                           "Answers dropped because they were late or sent twice."},
    [LINK_FOREIGN_FRAMES] = {"foreign_frames", "bourdon_bridge_link_foreign_frames_total", METRIC_COUNTER,
                             "Answers dropped because they came from another unit or of another protocol."},
    [LINK_TIMEOUTS] = {"timeouts", "bourdon_bridge_link_timeouts_total", METRIC_COUNTER,
                       "Requests without an answer in time."},
    [LINK_BROKEN_FRAMES] = {"broken_frames", "bourdon_bridge_link_broken_frames_total", METRIC_COUNTER,
                            "Answers that broke the protocol."},
    [LINK_LOSSES] = {"losses", "bourdon_bridge_link_losses_total", METRIC_COUNTER,
                     "Connections that ended during a request."},
};

static const struct row poller_rows[POLLER_COUNTERS] = {
    [POLLER_UP] = {"up", "bourdon_bridge_link_up", METRIC_GAUGE, "1 while the PLC can be connected to."},
    [POLLER_WAY] = {"way", "bourdon_bridge_link_way", METRIC_GAUGE, "0 = url in use, 1 = backup."},
    [POLLER_READINGS] = {"readings", "bourdon_bridge_link_readings_total", METRIC_COUNTER,
                         "Readings handed to the spool."},
    [POLLER_LIVE] = {"live_requests", "bourdon_bridge_link_live_requests_total", METRIC_COUNTER,
                     "Requests of the gateway's clients that the link served."},
    [POLLER_PAUSED] = {"paused", "bourdon_bridge_link_paused", METRIC_GAUGE,
                       "1 while polling rests because the spool is full."},
};

static const struct row unit_rows[UNIT_COUNTERS] = {
    [UNIT_REQUESTS] = {"requests", "bourdon_bridge_link_requests_total", METRIC_COUNTER, "Requests sent."},
    [UNIT_EXCEPTIONS] = {"exceptions", "bourdon_bridge_link_exceptions_total", METRIC_COUNTER,
                         "Requests answered with an exception."},
    [UNIT_FAILURES] = {"failures", "bourdon_bridge_link_failures_total", METRIC_COUNTER,
                       "Requests without a usable answer."},
    [UNIT_OVERRUNS] = {"overruns", "bourdon_bridge_link_overruns_total", METRIC_COUNTER,
                       "Polls left out because the line was busy."},
    [UNIT_TAGS] = {"tags", "bourdon_bridge_link_tags", METRIC_GAUGE, "Tags configured."},
    [UNIT_TAGS_REFUSED] = {"tags_refused", "bourdon_bridge_link_tags_refused", METRIC_GAUGE,
                           "Tags the device refuses."},
    [UNIT_BREAKER] = {"breaker", NULL, METRIC_GAUGE, NULL},
    [UNIT_SUSPENSIONS] = {"suspensions", "bourdon_bridge_link_suspensions_total", METRIC_COUNTER,
                          "Times a unit was suspended because it did not answer."},
};

static void status_counters(struct json *json, const struct row *rows, const metric_value *values,
                            size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_i64(json, rows[i].key, metric_get(&values[i]));
    }
}

static void status_unit(struct json *json, const struct unit *unit)
{
    json_object(json, NULL);
    json_u64(json, "unit", unit->id);
    json_string(json, "state",
                breaker_state_name((enum breaker_state)metric_get(&unit->counters[UNIT_BREAKER])));
    status_counters(json, unit_rows, unit->counters, UNIT_COUNTERS);
    json_object_end(json);
}

static void status_link(struct json *json, struct poller *poller)
{
    char reason[ERR_TEXT_MAX];
    json_object(json, NULL);
    json_string(json, "link", poller->name);
    json_string(json, "reason", poller_reason(poller, reason));
    status_counters(json, poller_rows, poller->counters, POLLER_COUNTERS);
    status_counters(json, link_rows, poller->link_counters, LINK_COUNTERS);
    json_array(json, "units");
    for (size_t i = 0; i < poller->unit_count; i++) {
        status_unit(json, &poller->units[i]);
    }
    json_array_end(json);
    json_object_end(json);
}

enum err field_status(struct field *field, struct buffer *out)
{
    struct json json = json_start(out);
    json_array(&json, NULL);
    for (size_t i = 0; i < field->poller_count; i++) {
        status_link(&json, &field->pollers[i]);
    }
    json_array_end(&json);
    return json_finish(&json);
}

/* The value of one counter of a link, summed over its units where it is a unit's. */
typedef int64_t counter_of(const struct poller *poller, size_t index);

static int64_t of_link(const struct poller *poller, size_t index)
{
    return metric_get(&poller->link_counters[index]);
}

static int64_t of_poller(const struct poller *poller, size_t index)
{
    return metric_get(&poller->counters[index]);
}

static int64_t of_units(const struct poller *poller, size_t index)
{
    int64_t sum = 0;
    for (size_t i = 0; i < poller->unit_count; i++) {
        sum += metric_get(&poller->units[i].counters[index]);
    }
    return sum;
}

static enum err write_head(struct buffer *out, const struct row *row)
{
    char text[256];
    int size = snprintf(text, sizeof text, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
                        row->kind == METRIC_COUNTER ? "counter" : "gauge");
    return buffer_append(out, text, (size_t)size);
}

static enum err write_rows(const struct field *field, const struct row *rows, size_t count, counter_of *value,
                           struct buffer *out)
{
    enum err result = ERR_OK;
    for (size_t i = 0; i < count && result == ERR_OK; i++) {
        if (!rows[i].name) {
            continue;
        }
        result = write_head(out, &rows[i]);
        for (size_t j = 0; j < field->poller_count && result == ERR_OK; j++) {
            const struct poller *poller = &field->pollers[j];
            result = metrics_write_sample(out, rows[i].name, "link", poller->name, (double)value(poller, i));
        }
    }
    return result;
}

enum err field_metrics(struct field *field, struct buffer *out)
{
    enum err result = write_rows(field, poller_rows, POLLER_COUNTERS, of_poller, out);
    if (result == ERR_OK) {
        result = write_rows(field, link_rows, LINK_COUNTERS, of_link, out);
    }
    return result == ERR_OK ? write_rows(field, unit_rows, UNIT_COUNTERS, of_units, out) : result;
}
