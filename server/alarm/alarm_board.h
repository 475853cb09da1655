/*
 * alarm_board: every alarm of every tag that a rule watches. Pure but for memory: no clock, no store. One
 * thread at a time.
 *
 * A tag of a bridge is on the board once a reading of it, or a state kept from before, came by; at most
 * ALARM_TAGS_MAX.
 */
#ifndef BOURDON_SERVER_ALARM_ALARM_BOARD_H
#define BOURDON_SERVER_ALARM_ALARM_BOARD_H

#include "alarm/alarm.h"
#include "alarm/alarm_rules.h"

enum { ALARM_TAGS_MAX = 100000 };

struct alarm_board;
struct alarm_tag; /* of a bridge, with its alarms */

/* One alarm, as it is shown. Valid during the call. */
struct alarm_view {
    const char *bridge, *tag, *unit;
    const struct alarm_setting *setting;
    const struct alarm *alarm;
};

struct alarm_board_events {
    void (*changed)(void *owner, const struct alarm_view *view);
    void (*removed)(void *owner, const struct alarm_view *view); /* no rule has it any more */
    void *owner;
};

/* Without rules at first. NULL: out of memory. */
MUST_USE struct alarm_board *alarm_board_new(const struct alarm_board_events *events);
void alarm_board_free(struct alarm_board *board); /* NULL is fine */

/* Takes the rules over (NULL = none). What no rule has any more goes; where a limit or delay is another one
 * the newest value is judged anew; everything else stays as it is, also on its shelf. */
void alarm_board_use(struct alarm_board *board, struct alarm_rules *rules, int64_t mono_us);

/* Whether some rule watches tags of this name, of whatever bridge. */
bool alarm_board_watches(const struct alarm_board *board, const char *tag);

bool alarm_board_is_full(const struct alarm_board *board);

/* The tag's place, made if a rule watches it. NULL: none does, or the board is full, or memory is out. */
struct alarm_tag *alarm_board_tag(struct alarm_board *board, const char *bridge, const char *tag,
                                  const char *unit);
void alarm_board_step(struct alarm_board *board, struct alarm_tag *tag, const struct alarm_reading *reading);
void alarm_board_tick(struct alarm_board *board, int64_t wall_us, int64_t mono_us);

/* A state from before. False: no rule has this alarm any more, or there is no room. */
bool alarm_board_restore(struct alarm_board *board, const char *bridge, const char *tag, const char *unit,
                         enum alarm_level level, const struct alarm *alarm);

/* ERR_NOT_FOUND: there is no such alarm. */
MUST_USE enum err alarm_board_shelve(struct alarm_board *board, const char *bridge, const char *tag,
                                     enum alarm_level level, int64_t until_us);
MUST_USE enum err alarm_board_acknowledge(struct alarm_board *board, const char *bridge, const char *tag,
                                          enum alarm_level level, int64_t now_us);

void alarm_board_walk(const struct alarm_board *board,
                      void (*visit)(void *owner, const struct alarm_view *view), void *owner);

#endif
