#include "alarm/alarm.h"

#include "base/array.h"

#include <stddef.h>
#include <string.h>

static const char *const level_names[] = {"high_high", "high", "low", "low_low"};
static const char *const state_names[] = {"normal", "active", "active_acknowledged", "returned"};

const char *alarm_level_name(enum alarm_level level)
{
    return level_names[level];
}

bool alarm_level_parse(const char *text, enum alarm_level *level)
{
    for (size_t i = 0; i < ARRAY_LENGTH(level_names); i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *level = (enum alarm_level)i;
            return true;
        }
    }
    return false;
}

const char *alarm_state_name(enum alarm_state state)
{
    return state_names[state];
}

bool alarm_is_active(const struct alarm *alarm)
{
    return alarm->state == ALARM_ACTIVE || alarm->state == ALARM_ACTIVE_ACKNOWLEDGED;
}

/* Whether the value speaks against the state: beyond the limit while inactive, well inside while active. */
static bool speaks_against(const struct alarm *alarm, const struct alarm_setting *setting, double value)
{
    bool upper = setting->level == ALARM_HIGH_HIGH || setting->level == ALARM_HIGH;
    double beyond = upper ? value - setting->limit : setting->limit - value;
    return alarm_is_active(alarm) ? beyond <= -setting->deadband : beyond > 0;
}

static void move(struct alarm *alarm, enum alarm_state state, int64_t time_us)
{
    alarm->state = state;
    alarm->since_us = time_us;
    alarm->pending = false;
}

/* The pending condition has lasted long enough at `time_us`, or not yet. */
static bool settle(struct alarm *alarm, const struct alarm_setting *setting, int64_t time_us)
{
    bool active = alarm_is_active(alarm);
    int64_t delay_us = active ? setting->off_delay_us : setting->on_delay_us;
    if (!alarm->pending || time_us - alarm->pending_since_us < delay_us) {
        return false;
    }
    enum alarm_state over = alarm->state == ALARM_ACTIVE ? ALARM_RETURNED : ALARM_NORMAL;
    move(alarm, active ? over : ALARM_ACTIVE, time_us);
    return true;
}

/* The newest value, which is of `seen_us`. */
static bool judge(struct alarm *alarm, const struct alarm_setting *setting)
{
    if (!speaks_against(alarm, setting, alarm->value)) {
        alarm->pending = false;
        return false;
    }
    if (!alarm->pending) {
        alarm->pending = true;
        alarm->pending_since_us = alarm->seen_us;
    }
    return settle(alarm, setting, alarm->seen_us);
}

static bool is_old(const struct alarm *alarm, const struct alarm_reading *reading)
{
    bool set_back = reading->live && alarm->seen_us - reading->time_us > ALARM_SET_BACK_US;
    return reading->time_us < alarm->seen_us && !set_back;
}

bool alarm_step(struct alarm *alarm, const struct alarm_setting *setting, const struct alarm_reading *reading)
{
    if (is_old(alarm, reading)) {
        return false;
    }
    alarm->pending =
        alarm->pending && reading->time_us >= alarm->seen_us; // across a jump a delay says nothing
    alarm->seen_us = reading->time_us;
    alarm->received_us = reading->received_us;
    alarm->bad = !reading->has_value;
    if (!reading->has_value) {
        return false;
    }
    alarm->value = reading->value;
    return judge(alarm, setting);
}

bool alarm_judge_again(struct alarm *alarm, const struct alarm_setting *setting, int64_t mono_us)
{
    alarm->pending = false;
    alarm->received_us = mono_us;
    return alarm->seen_us > 0 && !alarm->bad && judge(alarm, setting);
}

bool alarm_tick(struct alarm *alarm, const struct alarm_setting *setting, int64_t mono_us)
{
    return !alarm->bad && settle(alarm, setting, alarm->seen_us + mono_us - alarm->received_us);
}

bool alarm_acknowledge(struct alarm *alarm, int64_t now_us)
{
    if (alarm->state != ALARM_ACTIVE && alarm->state != ALARM_RETURNED) {
        return false;
    }
    bool pending = alarm->pending;
    move(alarm, alarm->state == ALARM_ACTIVE ? ALARM_ACTIVE_ACKNOWLEDGED : ALARM_NORMAL, now_us);
    alarm->pending = pending;
    return true;
}

void alarm_shelve(struct alarm *alarm, int64_t until_us)
{
    alarm->shelved_until_us = until_us;
}

bool alarm_unshelve_in_time(struct alarm *alarm, int64_t wall_us)
{
    bool over = alarm->shelved_until_us > 0 && wall_us >= alarm->shelved_until_us;
    if (over) {
        alarm->shelved_until_us = 0;
    }
    return over;
}

bool alarm_is_shelved(const struct alarm *alarm, int64_t now_us)
{
    return alarm->shelved_until_us > now_us;
}
