/*
 * alarm: one alarm of one tag, as a state machine in the words of ISA-18.2 (IEC 62682). Pure: no clock, no
 * store.
 *
 *                    beyond the limit for on_delay              somebody acknowledges
 *      NORMAL ─────────────────────────────────▶ ACTIVE ────────────────────────────▶ ACTIVE_ACKNOWLEDGED
 *        ▲ ▲                                        │ back inside by the deadband           │ back inside
 *        │ └──────────── acknowledged ── RETURNED ◀─┘ for off_delay                         │ for off_delay
 *        └──────────────────────────────────────────────────────────────────────────────────┘
 *
 * RETURNED is "returned to normal, unacknowledged"; beyond the limit again makes it ACTIVE again. Shelving
 * hides an alarm from announcements until a time; the machine goes on beneath.
 *
 * Time is that of the readings; after the newest of them alarm_tick() lets it go on by this machine's
 * monotonic clock, so it does not matter what the bridge's clock says. Readings come in any order across
 * batches: one that is older than the newest is ignored. But a live one from more than
 * ALARM_SET_BACK_US before says that the bridge's clock was set back, and is the newest: else a clock that
 * was ahead for a moment would silence the alarm until then. One without a value (bad quality) changes
 * nothing: the alarm stays as it is, and the reader is told that its value is bad.
 */
#ifndef BOURDON_SERVER_ALARM_ALARM_H
#define BOURDON_SERVER_ALARM_ALARM_H

#include <stdbool.h>
#include <stdint.h>

enum alarm_level { ALARM_HIGH_HIGH, ALARM_HIGH, ALARM_LOW, ALARM_LOW_LOW };
/* Written-out values: in the store. */
enum alarm_state { ALARM_NORMAL = 0, ALARM_ACTIVE = 1, ALARM_ACTIVE_ACKNOWLEDGED = 2, ALARM_RETURNED = 3 };

enum { ALARM_LEVELS = 4, ALARM_STATES = 4 };
#define ALARM_SET_BACK_US INT64_C(60000000) /* live batches overtake each other by seconds at most */

const char *alarm_level_name(enum alarm_level level); /* "high_high" … */
bool alarm_level_parse(const char *text, enum alarm_level *level);
const char *alarm_state_name(
    enum alarm_state state); /* "normal", "active", "active_acknowledged", "returned" */

struct alarm_setting {
    enum alarm_level level;
    double limit;
    double deadband; /* >= 0: how far back inside it must come to be over */
    int64_t on_delay_us, off_delay_us;
};

/* All zero is a new one. */
struct alarm {
    enum alarm_state state;
    int64_t since_us;         /* of the state; 0 = for ever */
    int64_t shelved_until_us; /* 0 = not shelved */
    int64_t seen_us;          /* of the newest reading … */
    int64_t received_us;      /* … and when it came, monotonic */
    double value;             /* of the newest reading that had one */
    bool bad;                 /* the newest reading had none */
    bool pending;             /* the condition speaks against the state … */
    int64_t pending_since_us; /* … since then */
};

struct alarm_reading {
    int64_t time_us;     /* the bridge's wall clock */
    int64_t received_us; /* monotonic */
    bool live;           /* not backlog */
    bool has_value;
    double value;
};

/* Each returns whether the state changed. */
bool alarm_step(struct alarm *alarm, const struct alarm_setting *setting,
                const struct alarm_reading *reading);
bool alarm_tick(struct alarm *alarm, const struct alarm_setting *setting, int64_t mono_us);
bool alarm_acknowledge(struct alarm *alarm, int64_t now_us);
/* The setting is another one: as if the newest reading came now, and once more. */
bool alarm_judge_again(struct alarm *alarm, const struct alarm_setting *setting, int64_t mono_us);

/* `until_us`: wall clock; 0 takes it off the shelf. */
void alarm_shelve(struct alarm *alarm, int64_t until_us);
/* Takes it off the shelf if its time is over, and says so. */
bool alarm_unshelve_in_time(struct alarm *alarm, int64_t wall_us);
bool alarm_is_shelved(const struct alarm *alarm, int64_t now_us);
bool alarm_is_active(const struct alarm *alarm);

#endif
