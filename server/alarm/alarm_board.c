#include "alarm/alarm_board.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 16384 };

struct alarm_tag {
    struct alarm_tag *next_in_bucket, *next;
    char *bridge, *tag, *unit;
    bool watched[ALARM_LEVELS];
    struct alarm_setting settings[ALARM_LEVELS];
    struct alarm alarms[ALARM_LEVELS];
};

struct alarm_board {
    const struct alarm_rule_options *rules;
    size_t rule_count;
    void (*changed)(void *owner, const struct alarm_view *view);
    void *owner;
    struct alarm_tag *buckets[BUCKETS];
    struct alarm_tag *newest;
    size_t count;
};

struct alarm_board *alarm_board_new(const struct option_list *rules,
                                    void (*changed)(void *owner, const struct alarm_view *view), void *owner)
{
    struct alarm_board *board = calloc(1, sizeof *board);
    if (board) {
        board->rules = rules->items;
        board->rule_count = rules->count;
        board->changed = changed;
        board->owner = owner;
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
    free(board);
}

/* ---- tags ---- */

bool alarm_board_watches(const struct alarm_board *board, const char *tag)
{
    for (size_t i = 0; i < board->rule_count; i++) {
        if (fnmatch(board->rules[i].tag, tag, 0) == 0) {
            return true;
        }
    }
    return false;
}

/* Gives the tag the first rule of each level that matches; false: none does. */
static bool apply_rules(const struct alarm_board *board, struct alarm_tag *tag)
{
    bool any = false;
    for (size_t i = 0; i < board->rule_count; i++) {
        const struct alarm_rule_options *rule = &board->rules[i];
        if (tag->watched[rule->level] || fnmatch(rule->tag, tag->tag, 0) != 0 ||
            fnmatch(rule->bridge, tag->bridge, 0) != 0) {
            continue;
        }
        any = true;
        tag->watched[rule->level] = true;
        tag->settings[rule->level] = (struct alarm_setting){
            .level = (enum alarm_level)rule->level,
            .limit = rule->limit,
            .deadband = rule->deadband,
            .on_delay_us = rule->on_delay_us,
            .off_delay_us = rule->off_delay_us,
        };
    }
    return any;
}

static struct alarm_tag **bucket_of(struct alarm_board *board, const char *bridge, const char *tag)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (; *bridge; bridge++) {
        hash = (hash ^ (uint8_t)*bridge) * 16777619U;
    }
    hash *= 16777619U;
    for (; *tag; tag++) {
        hash = (hash ^ (uint8_t)*tag) * 16777619U;
    }
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

struct alarm_tag *alarm_board_tag(struct alarm_board *board, const char *bridge, const char *tag,
                                  const char *unit)
{
    struct alarm_tag *found = find(board, bridge, tag);
    if (found || board->count == ALARM_TAGS_MAX) {
        return found;
    }
    struct alarm_tag *made = make(bridge, tag, unit);
    if (!made || !apply_rules(board, made)) {
        if (made) {
            free_tag(made);
        }
        return NULL;
    }
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
                               .setting = &tag->settings[level],
                               .alarm = &tag->alarms[level]};
}

static void tell(const struct alarm_board *board, const struct alarm_tag *tag, size_t level)
{
    struct alarm_view view = view_of(tag, level);
    board->changed(board->owner, &view);
}

void alarm_board_step(struct alarm_board *board, struct alarm_tag *tag, const struct alarm_reading *reading)
{
    for (size_t level = 0; level < ALARM_LEVELS; level++) {
        if (tag->watched[level] && alarm_step(&tag->alarms[level], &tag->settings[level], reading)) {
            tell(board, tag, level);
        }
    }
}

void alarm_board_tick(struct alarm_board *board, int64_t wall_us, int64_t mono_us)
{
    for (struct alarm_tag *tag = board->newest; tag; tag = tag->next) {
        for (size_t level = 0; level < ALARM_LEVELS; level++) {
            struct alarm *alarm = &tag->alarms[level];
            bool off_the_shelf = tag->watched[level] && alarm_unshelve_in_time(alarm, wall_us);
            bool moved = tag->watched[level] && alarm_tick(alarm, &tag->settings[level], mono_us);
            if (off_the_shelf || moved) {
                tell(board, tag, level);
            }
        }
    }
}

void alarm_board_restore(struct alarm_board *board, const char *bridge, const char *tag, const char *unit,
                         enum alarm_level level, const struct alarm *alarm)
{
    struct alarm_tag *place = alarm_board_tag(board, bridge, tag, unit);
    if (place && place->watched[level]) {
        place->alarms[level] = *alarm;
    }
}

/* ---- people ---- */

enum err alarm_board_shelve(struct alarm_board *board, const char *bridge, const char *tag,
                            enum alarm_level level, int64_t until_us)
{
    struct alarm_tag *place = find(board, bridge, tag);
    if (!place || !place->watched[level]) {
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
    if (!place || !place->watched[level]) {
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
            if (tag->watched[level]) {
                struct alarm_view view = view_of(tag, level);
                visit(owner, &view);
            }
        }
    }
}
