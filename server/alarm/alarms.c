#include "alarm/alarms.h"

#include "alarm/alarm_board.h"
#include "alarm/alarm_catalogs.h"
#include "alarm/alarm_file.h"
#include "alarm/alarm_notify.h"
#include "alarm/alarm_queue.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "tunnel/batch_decoder.h"
#include "tunnel/value.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE_MAX = ALARM_NOTIFY_LINE_MAX };
_Static_assert(6 * (CATALOG_NAME_MAX + CATALOG_UNIT_MAX) + TLS_NAME_MAX + 512 <= LINE_SIZE_MAX,
               "an alarm is told whatever its names are, each character escaped");

struct alarms {
    struct server_metrics *metrics;
    void (*changed)(void *owner, struct bytes line);
    void *owner;
    pthread_t thread;
    bool running;
    _Atomic bool watching; /* there are rules */

    struct alarm_queue *queue;
    struct alarm_notify *notify;

    pthread_mutex_t limit_lock;
    struct log_limit limit;

    pthread_mutex_t lock; /* of what follows */
    struct alarm_board *board;
    struct alarm_file *file; /* NULL = there were no rules yet */
    char *file_path;
    struct alarm_catalogs *catalogs;
    struct batch_decoder *decoder;
};

static void count(const struct alarms *alarms, enum server_metric which, int64_t amount)
{
    server_count(alarms->metrics, which, amount);
}

/* Any thread. */
static void skip(struct alarms *alarms, const char *reason)
{
    uint64_t suppressed;
    count(alarms, SERVER_ALARM_BATCHES_SKIPPED, 1);
    pthread_mutex_lock(&alarms->limit_lock);
    bool say = log_limit_allow(&alarms->limit, clock_mono_us(), &suppressed);
    pthread_mutex_unlock(&alarms->limit_lock);
    if (say) {
        log_error("alarm", log_event("batch_not_watched"), log_str("reason", reason),
                  log_str("consequence", "it is stored and acknowledged, and raises no alarm"),
                  log_u64("suppressed", suppressed));
    }
}

/* ---- what is told ---- */

static enum err describe(const struct alarm_view *view, bool change, struct buffer *out)
{
    const struct alarm *alarm = view->alarm;
    struct json json = json_start(out);
    json_object(&json, NULL);
    if (change) {
        json_string(&json, "type", "alarm");
    }
    json_string(&json, "state", alarm_state_name(alarm->state));
    json_string(&json, "level", alarm_level_name(view->setting->level));
    json_string(&json, "bridge", view->bridge);
    json_string(&json, "tag", view->tag);
    json_string(&json, "unit", view->unit);
    json_double(&json, "limit", view->setting->limit);
    json_double(&json, "value", alarm->seen_us > 0 ? alarm->value : NAN);
    json_bool(&json, "bad_quality", alarm->bad);
    json_time(&json, "since", alarm->since_us);
    json_time(&json, "seen", alarm->seen_us);
    json_time(&json, "shelved_until", alarm->shelved_until_us);
    json_object_end(&json);
    return json_finish(&json);
}

static void log_change(const struct alarm_view *view, bool shelved)
{
    enum log_level level = view->alarm->state == ALARM_ACTIVE && !shelved ? LOG_WARN : LOG_INFO;
    LOG_AT(level, "alarm", log_event("alarm_changed"), log_str("bridge", view->bridge),
           log_str("tag", view->tag), log_str("level", alarm_level_name(view->setting->level)),
           log_str("state", alarm_state_name(view->alarm->state)), log_bool("shelved", shelved));
}

/* With the lock held: in the file, the log, the feed, and to the command. */
static void board_changed(void *owner, const struct alarm_view *view)
{
    struct alarms *alarms = owner;
    struct err_text why;
    struct buffer line;
    bool shelved = alarm_is_shelved(view->alarm, clock_wall_us());
    if (alarms->file && alarm_file_put(alarms->file, view, &why) != ERR_OK) {
        log_error("alarm", log_event("state_not_kept"), log_str("reason", why.text));
    }
    count(alarms, SERVER_ALARM_CHANGES, 1);
    log_change(view, shelved);
    buffer_init(&line, LINE_SIZE_MAX);
    if (describe(view, true, &line) == ERR_OK) {
        alarms->changed(alarms->owner, buffer_bytes(&line));
        if (!shelved) {
            alarm_notify_line(alarms->notify, buffer_bytes(&line));
        }
    }
    buffer_fini(&line);
}

/* With the lock held. */
static void board_removed(void *owner, const struct alarm_view *view)
{
    struct alarms *alarms = owner;
    struct err_text why;
    if (alarms->file &&
        alarm_file_remove(alarms->file, view->bridge, view->tag, (int)view->setting->level, &why) != ERR_OK) {
        log_error("alarm", log_event("state_not_kept"), log_str("reason", why.text));
    }
    if (view->alarm->state != ALARM_NORMAL) {
        log_info("alarm", log_event("alarm_removed"), log_str("bridge", view->bridge),
                 log_str("tag", view->tag), log_str("level", alarm_level_name(view->setting->level)),
                 log_str("state", alarm_state_name(view->alarm->state)));
    }
}

struct sums {
    int64_t all, active, unacknowledged, shelved, now_us;
};

static void add_to_sums(void *owner, const struct alarm_view *view)
{
    struct sums *sums = owner;
    enum alarm_state state = view->alarm->state;
    bool shelved = alarm_is_shelved(view->alarm, sums->now_us);
    sums->all++;
    sums->shelved += shelved;
    sums->active += !shelved && alarm_is_active(view->alarm);
    sums->unacknowledged += !shelved && (state == ALARM_ACTIVE || state == ALARM_RETURNED);
}

/* With the lock held: after changes. */
static void settle(struct alarms *alarms)
{
    struct err_text why;
    struct sums sums = {.now_us = clock_wall_us()};
    if (alarms->file && alarm_file_commit(alarms->file, &why) != ERR_OK) {
        log_error("alarm", log_event("state_not_kept"), log_str("reason", why.text));
    }
    alarm_board_walk(alarms->board, add_to_sums, &sums);
    metric_set(&alarms->metrics->values[SERVER_ALARMS], sums.all);
    metric_set(&alarms->metrics->values[SERVER_ALARMS_ACTIVE], sums.active);
    metric_set(&alarms->metrics->values[SERVER_ALARMS_UNACKNOWLEDGED], sums.unacknowledged);
    metric_set(&alarms->metrics->values[SERVER_ALARMS_SHELVED], sums.shelved);
}

/* ---- one batch ---- */

struct evaluation {
    struct alarms *alarms;
    const char *bridge;
    const struct watched_catalog *catalog;
    int64_t now_us; /* monotonic */
    bool live;
    bool unwatched; /* a tag found no room */
    uint32_t index; /* of `tag`, so that the board is asked once a tag */
    struct alarm_tag *tag;
};

static enum err evaluate_reading(void *owner, const struct reading *reading)
{
    struct evaluation *evaluation = owner;
    if (!evaluation->catalog->watched[reading->tag]) {
        return ERR_OK;
    }
    const struct catalog_tag *tag = catalog_tag(evaluation->catalog->catalog, reading->tag);
    if (evaluation->index != reading->tag) {
        evaluation->index = reading->tag;
        evaluation->tag =
            alarm_board_tag(evaluation->alarms->board, evaluation->bridge, tag->name, tag->unit);
    }
    if (!evaluation->tag) {
        evaluation->unwatched = evaluation->unwatched || alarm_board_is_full(evaluation->alarms->board);
        return ERR_OK;
    }
    struct value value;
    struct alarm_reading input = {
        .time_us = reading->response_us, .received_us = evaluation->now_us, .live = evaluation->live};
    if (quality_has_value(reading->quality) &&
        value_decode(tag, reading->words, reading->word_count, &value) == ERR_OK) {
        input.value = value_number(&value);
        input.has_value = isfinite(input.value);
    }
    alarm_board_step(evaluation->alarms->board, evaluation->tag, &input);
    return ERR_OK;
}

static const struct watched_catalog *catalog_of(struct alarms *alarms, const struct alarm_item *item,
                                                const struct batch_view *view)
{
    const struct watched_catalog *found = alarm_catalogs_find(alarms->catalogs, view->catalog_hash);
    if (found || item->catalog.size == 0) {
        return found;
    }
    bool forgotten;
    found = alarm_catalogs_add(alarms->catalogs, item->catalog, &forgotten);
    if (forgotten || !found) {
        alarm_queue_forget(alarms->queue);
    }
    return found;
}

static void evaluate(struct alarms *alarms, const struct alarm_item *item)
{
    struct batch_view view;
    enum err result = batch_open(item->batch, &view, NULL);
    const struct watched_catalog *catalog = result == ERR_OK ? catalog_of(alarms, item, &view) : NULL;
    if (!catalog) {
        skip(alarms, "its catalog is not known; it comes with the next one");
        alarm_queue_forget(alarms->queue);
        return;
    }
    if (!catalog->any) {
        return;
    }
    struct evaluation evaluation = {.alarms = alarms,
                                    .bridge = item->bridge,
                                    .catalog = catalog,
                                    .now_us = clock_mono_us(),
                                    .live = !item->historical,
                                    .index = UINT32_MAX};
    const struct batch_visitor visitor = {.owner = &evaluation, .reading = evaluate_reading};
    result = batch_decode(alarms->decoder, &view, catalog->catalog, &visitor, NULL);
    if (result != ERR_OK || evaluation.unwatched) {
        skip(alarms, evaluation.unwatched ? "there are more tags than can be watched" : "it is damaged");
    }
}

/* ---- the thread ---- */

void alarms_observe(struct alarms *alarms, const struct observed_batch *batch)
{
    if (alarms && atomic_load(&alarms->watching) && batch->result == ACK_COMMITTED &&
        batch->view->kind == BATCH_READINGS && !alarm_queue_put(alarms->queue, batch)) {
        skip(alarms, "too many wait");
    }
}

static void *run(void *owner)
{
    struct alarms *alarms = owner;
    struct alarm_item *item;
    int64_t ticked_us = 0;
    while (alarm_queue_take(alarms->queue, ALARMS_TICK_MS, &item)) {
        pthread_mutex_lock(&alarms->lock);
        if (item) {
            evaluate(alarms, item);
        }
        if (clock_mono_us() - ticked_us >= ALARMS_TICK_MS * CLOCK_US_PER_MS) {
            ticked_us = clock_mono_us();
            alarm_board_tick(alarms->board, clock_wall_us(), ticked_us);
            settle(alarms);
        }
        pthread_mutex_unlock(&alarms->lock);
        free(item);
    }
    pthread_mutex_lock(&alarms->lock);
    settle(alarms);
    pthread_mutex_unlock(&alarms->lock);
    return NULL;
}

/* ---- people ---- */

struct listing {
    struct buffer *out;
    bool standing;
    enum err result;
};

static void list_one(void *owner, const struct alarm_view *view)
{
    struct listing *listing = owner;
    bool idle = view->alarm->state == ALARM_NORMAL && view->alarm->shelved_until_us == 0;
    if (listing->standing && idle) {
        return;
    }
    if (listing->result == ERR_OK) {
        listing->result = describe(view, false, listing->out);
    }
    if (listing->result == ERR_OK) {
        listing->result = buffer_append(listing->out, "\n", 1);
    }
}

enum err alarms_list(struct alarms *alarms, bool standing, struct buffer *out)
{
    struct listing listing = {.out = out, .standing = standing};
    if (alarms) {
        pthread_mutex_lock(&alarms->lock);
        alarm_board_walk(alarms->board, list_one, &listing);
        pthread_mutex_unlock(&alarms->lock);
    }
    return listing.result;
}

static enum err not_found(struct err_text *why, const char *bridge, const char *tag, enum alarm_level level)
{
    return err_set(why, ERR_NOT_FOUND,
                   "tag %s of bridge %s has no alarm %s: no rule has it, or no reading came yet", tag, bridge,
                   alarm_level_name(level));
}

enum err alarms_shelve(struct alarms *alarms, const char *bridge, const char *tag, enum alarm_level level,
                       int64_t until_us, struct err_text *why)
{
    if (!alarms) {
        return not_found(why, bridge, tag, level);
    }
    pthread_mutex_lock(&alarms->lock);
    enum err result = alarm_board_shelve(alarms->board, bridge, tag, level, until_us);
    settle(alarms);
    pthread_mutex_unlock(&alarms->lock);
    return result == ERR_OK ? ERR_OK : not_found(why, bridge, tag, level);
}

enum err alarms_acknowledge(struct alarms *alarms, const char *bridge, const char *tag,
                            enum alarm_level level, struct err_text *why)
{
    if (!alarms) {
        return not_found(why, bridge, tag, level);
    }
    pthread_mutex_lock(&alarms->lock);
    enum err result = alarm_board_acknowledge(alarms->board, bridge, tag, level, clock_wall_us());
    settle(alarms);
    pthread_mutex_unlock(&alarms->lock);
    return result == ERR_OK ? ERR_OK : not_found(why, bridge, tag, level);
}

/* ---- rules ---- */

/* With the lock held: the states of before, for the first rules. */
static enum err open_file(struct alarms *alarms, const char *path, struct err_text *why)
{
    struct alarm_file *file = NULL;
    char *copy = strdup(path);
    enum err result = copy ? alarm_file_open(path, &file, why) : err_set(why, ERR_NO_MEMORY, "out of memory");
    if (result == ERR_OK) {
        result = alarm_file_load(file, alarms->board, why);
    }
    if (result != ERR_OK) {
        alarm_file_close(file);
        free(copy);
        return err_prefix(why, result, "alarms");
    }
    alarms->file = file;
    alarms->file_path = copy;
    return ERR_OK;
}

/* With the lock held; takes the rules over. The board is empty as long as there is no file. */
static enum err begin(struct alarms *alarms, struct alarm_rules *rules, const char *path,
                      struct err_text *why)
{
    alarm_board_use(alarms->board, rules, clock_mono_us());
    enum err result = open_file(alarms, path, why);
    if (result != ERR_OK) {
        alarm_board_use(alarms->board, NULL, 0);
    }
    return result;
}

enum err alarms_use(struct alarms *alarms, const struct alarm_options *options, struct err_text *why)
{
    struct alarm_rules *rules = alarm_rules_new(&options->rules);
    struct alarm_target *target = alarm_target_new(options);
    if (!rules || !target) {
        alarm_rules_free(rules);
        alarm_target_free(target);
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    pthread_mutex_lock(&alarms->lock);
    bool first = !alarms->file && options->rules.count > 0;
    enum err result = first ? begin(alarms, rules, options->state, why) : ERR_OK;
    if (result == ERR_OK) {
        alarm_notify_use(alarms->notify, target); // before what it is to hear of
        if (!first) {
            alarm_board_use(alarms->board, rules, clock_mono_us());
        }
        alarm_catalogs_watch_again(alarms->catalogs);
        atomic_store(&alarms->watching, options->rules.count > 0);
        settle(alarms);
    } else {
        alarm_target_free(target);
    }
    if (alarms->file && options->rules.count > 0 && strcmp(alarms->file_path, options->state) != 0) {
        log_warn("alarm", log_event("needs_restart"), log_str("key", "alarms.state"));
    }
    pthread_mutex_unlock(&alarms->lock);
    return result;
}

/* ---- starting and stopping ---- */

static enum err make_parts(struct alarms *alarms, struct err_text *why)
{
    const struct alarm_board_events events = {
        .changed = board_changed, .removed = board_removed, .owner = alarms};
    alarms->board = alarm_board_new(&events);
    alarms->catalogs = alarms->board ? alarm_catalogs_new(alarms->board) : NULL;
    alarms->decoder = batch_decoder_new();
    alarms->queue = alarm_queue_new();
    if (!alarms->catalogs || !alarms->decoder || !alarms->queue) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    return alarm_notify_start(alarms->metrics, &alarms->notify, why);
}

enum err alarms_start(const struct alarm_options *options, struct server_metrics *metrics,
                      void (*changed)(void *owner, struct bytes line), void *owner, struct alarms **out,
                      struct err_text *why)
{
    *out = NULL;
    struct alarms *alarms = calloc(1, sizeof *alarms);
    if (!alarms) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    alarms->metrics = metrics;
    alarms->changed = changed;
    alarms->owner = owner;
    alarms->limit = (struct log_limit){.burst = 1, .interval_us = 60 * CLOCK_US_PER_S};
    pthread_mutex_init(&alarms->limit_lock, NULL);
    pthread_mutex_init(&alarms->lock, NULL);
    enum err result = make_parts(alarms, why);
    if (result == ERR_OK) {
        result = alarms_use(alarms, options, why);
    }
    if (result == ERR_OK) {
        int code = pthread_create(&alarms->thread, NULL, run, alarms);
        alarms->running = code == 0;
        result = code == 0 ? ERR_OK : err_errno(why, code, "cannot start the alarms' thread");
    }
    if (result != ERR_OK) {
        alarms_stop(alarms);
        return result;
    }
    *out = alarms;
    return ERR_OK;
}

void alarms_stop(struct alarms *alarms)
{
    if (!alarms) {
        return;
    }
    if (alarms->running) {
        alarm_queue_stop(alarms->queue);
        pthread_join(alarms->thread, NULL);
    }
    alarm_notify_stop(alarms->notify);
    alarm_file_close(alarms->file);
    free(alarms->file_path);
    alarm_catalogs_free(alarms->catalogs);
    alarm_board_free(alarms->board);
    batch_decoder_free(alarms->decoder);
    alarm_queue_free(alarms->queue);
    pthread_mutex_destroy(&alarms->limit_lock);
    pthread_mutex_destroy(&alarms->lock);
    free(alarms);
}
