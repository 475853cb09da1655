#include "alarm/alarm_board.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 16384 };

struct alarm_tag {
    struct alarm_tag *next_in_bucket, *next;
    char *bridge, *tag, *unit;
    struct alarm_plan plan;
    struct alarm alarms[ALARM_LEVELS];
};

struct alarm_board {
    struct alarm_rules *rules; /* NULL = none */
    struct alarm_board_events events;
    struct alarm_tag *buckets[BUCKETS];
    struct alarm_tag *newest;
    size_t count;
};

struct alarm_board *alarm_board_new(const struct alarm_board_events *events)
{
    struct alarm_board *board = calloc(1, sizeof *board);
    if (board) {
        board->events = *events;
    }
    return board;
}

static void free_tag(struct alarm_tag *tag)
{
    free(tag->bridge);
    free(tag->tag);
    free(tag->unit);
    free(tag);
}

void alarm_board_free(struct alarm_board *board)
{
    if (!board) {
        return;
    }
    while (board->newest) {
        struct alarm_tag *tag = board->newest;
        board->newest = tag->next;
        free_tag(tag);
    }
    alarm_rules_free(board->rules);
    free(board);
}

/* ---- tags ---- */

bool alarm_board_watches(const struct alarm_board *board, const char *tag)
{
    return board->rules && alarm_rules_watch(board->rules, tag);
}

static bool plan(const struct alarm_board *board, const char *bridge, const char *tag,
                 struct alarm_plan *plan)
{
    *plan = (struct alarm_plan){0};
    return board->rules && alarm_rules_plan(board->rules, bridge, tag, plan);
}

static struct alarm_tag **bucket_of(struct alarm_board *board, const char *bridge, const char *tag)
{
    uint32_t hash = alarm_hash(alarm_hash(ALARM_HASH_START, bridge) ^ '/', tag);
    return &board->buckets[hash % BUCKETS];
}

static struct alarm_tag *find(struct alarm_board *board, const char *bridge, const char *tag)
{
    struct alarm_tag *found = *bucket_of(board, bridge, tag);
    while (found && (strcmp(found->tag, tag) != 0 || strcmp(found->bridge, bridge) != 0)) {
        found = found->next_in_bucket;
    }
    return found;
}

static struct alarm_tag *make(const char *bridge, const char *tag, const char *unit)
{
    struct alarm_tag *made = calloc(1, sizeof *made);
    if (!made) {
        return NULL;
    }
    made->bridge = strdup(bridge);
    made->tag = strdup(tag);
    made->unit = strdup(unit);
    if (!made->bridge || !made->tag || !made->unit) {
        free_tag(made);
        return NULL;
    }
    return made;
}

bool alarm_board_is_full(const struct alarm_board *board)
{
    return board->count == ALARM_TAGS_MAX;
}

struct alarm_tag *alarm_board_tag(struct alarm_board *board, const char *bridge, const char *tag,
                                  const char *unit)
{
    struct alarm_tag *found = find(board, bridge, tag);
    if (found || alarm_board_is_full(board)) {
        return found;
    }
    struct alarm_plan wanted;
    struct alarm_tag *made = plan(board, bridge, tag, &wanted) ? make(bridge, tag, unit) : NULL;
    if (!made) {
        return NULL;
    }
    made->plan = wanted;
    struct alarm_tag **bucket = bucket_of(board, bridge, tag);
    made->next_in_bucket = *bucket;
    *bucket = made;
    made->next = board->newest;
    board->newest = made;
    board->count++;
    return made;
}

/* ---- states ---- */

static struct alarm_view view_of(const struct alarm_tag *tag, size_t level)
{
    return (struct alarm_view){.bridge = tag->bridge,
                               .tag = tag->tag,
                               .unit = tag->unit,
                               .setting = &tag->plan.settings[level],
                               .alarm = &tag->alarms[level]};
}

static void tell(const struct alarm_board *board, const struct alarm_tag *tag, size_t level)
{
    struct alarm_view view = view_of(tag, level);
    board->events.changed(board->events.owner, &view);
}

void alarm_board_step(struct alarm_board *board, struct alarm_tag *tag, const struct alarm_reading *reading)
{
    for (size_t level = 0; level < ALARM_LEVELS; level++) {
        if (tag->plan.watched[level] &&
            alarm_step(&tag->alarms[level], &tag->plan.settings[level], reading)) {
            tell(board, tag, level);
        }
    }
}

void alarm_board_tick(struct alarm_board *board, int64_t wall_us, int64_t mono_us)
{
    for (struct alarm_tag *tag = board->newest; tag; tag = tag->next) {
        for (size_t level = 0; level < ALARM_LEVELS; level++) {
            struct alarm *alarm = &tag->alarms[level];
            bool off_the_shelf = tag->plan.watched[level] && alarm_unshelve_in_time(alarm, wall_us);
            bool moved = tag->plan.watched[level] && alarm_tick(alarm, &tag->plan.settings[level], mono_us);
            if (off_the_shelf || moved) {
                tell(board, tag, level);
            }
        }
    }
}

bool alarm_board_restore(struct alarm_board *board, const char *bridge, const char *tag, const char *unit,
                         enum alarm_level level, const struct alarm *alarm)
{
    struct alarm_tag *place = alarm_board_tag(board, bridge, tag, unit);
    if (!place || !place->plan.watched[level]) {
        return false;
    }
    place->alarms[level] = *alarm;
    return true;
}

/* ---- other rules ---- */

static bool same_setting(const struct alarm_setting *a, const struct alarm_setting *b)
{
    return a->limit == b->limit && a->deadband == b->deadband && a->on_delay_us == b->on_delay_us &&
           a->off_delay_us == b->off_delay_us;
}

/* False: nothing of it is watched any more. */
static bool plan_again(struct alarm_board *board, struct alarm_tag *tag, int64_t mono_us)
{
    struct alarm_plan wanted;
    bool any = plan(board, tag->bridge, tag->tag, &wanted);
    for (size_t level = 0; level < ALARM_LEVELS; level++) {
        struct alarm *alarm = &tag->alarms[level];
        struct alarm_setting *setting = &tag->plan.settings[level];
        bool before = tag->plan.watched[level];
        bool other = !same_setting(setting, &wanted.settings[level]);
        if (before && !wanted.watched[level]) {
            struct alarm_view view = view_of(tag, level);
            board->events.removed(board->events.owner, &view);
            *alarm = (struct alarm){0};
        }
        tag->plan.watched[level] = wanted.watched[level];
        *setting = wanted.settings[level];
        if (before && wanted.watched[level] && other && alarm_judge_again(alarm, setting, mono_us)) {
            tell(board, tag, level);
        }
    }
    return any;
}

static void leave_bucket(struct alarm_board *board, const struct alarm_tag *tag)
{
    struct alarm_tag **place = bucket_of(board, tag->bridge, tag->tag);
    while (*place != tag) {
        place = &(*place)->next_in_bucket;
    }
    *place = tag->next_in_bucket;
}

void alarm_board_use(struct alarm_board *board, struct alarm_rules *rules, int64_t mono_us)
{
    alarm_rules_free(board->rules);
    board->rules = rules;
    struct alarm_tag **place = &board->newest;
    while (*place) {
        struct alarm_tag *tag = *place;
        if (plan_again(board, tag, mono_us)) {
            place = &tag->next;
            continue;
        }
        *place = tag->next;
        leave_bucket(board, tag);
        free_tag(tag);
        board->count--;
    }
}

/* ---- people ---- */

enum err alarm_board_shelve(struct alarm_board *board, const char *bridge, const char *tag,
                            enum alarm_level level, int64_t until_us)
{
    struct alarm_tag *place = find(board, bridge, tag);
    if (!place || !place->plan.watched[level]) {
        return ERR_NOT_FOUND;
    }
    alarm_shelve(&place->alarms[level], until_us);
    tell(board, place, level);
    return ERR_OK;
}

enum err alarm_board_acknowledge(struct alarm_board *board, const char *bridge, const char *tag,
                                 enum alarm_level level, int64_t now_us)
{
    struct alarm_tag *place = find(board, bridge, tag);
    if (!place || !place->plan.watched[level]) {
        return ERR_NOT_FOUND;
    }
    if (alarm_acknowledge(&place->alarms[level], now_us)) {
        tell(board, place, level);
    }
    return ERR_OK;
}

void alarm_board_walk(const struct alarm_board *board,
                      void (*visit)(void *owner, const struct alarm_view *view), void *owner)
{
    for (const struct alarm_tag *tag = board->newest; tag; tag = tag->next) {
        for (size_t level = 0; level < ALARM_LEVELS; level++) {
            if (tag->plan.watched[level]) {
                struct alarm_view view = view_of(tag, level);
                visit(owner, &view);
            }
        }
    }
}
