#include "base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

_Static_assert(sizeof(time_t) == sizeof(int64_t), "times go on after 2038");

static int64_t now_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * CLOCK_US_PER_S + now.tv_nsec / 1000;
}

int64_t clock_wall_us(void)
{
    return now_us(CLOCK_REALTIME);
}

int64_t clock_mono_us(void)
{
    return now_us(CLOCK_MONOTONIC);
}

bool clock_is_synchronised(void)
{
    struct timex state = {.modes = 0};
    int result = adjtimex(&state);
    return result >= 0 && result != TIME_ERROR && !(state.status & STA_UNSYNC);
}

char *clock_format(int64_t wall_us, char *text)
{
    time_t seconds = (time_t)(wall_us / CLOCK_US_PER_S);
    int64_t fraction = wall_us % CLOCK_US_PER_S;
    if (fraction < 0) {
        fraction += CLOCK_US_PER_S;
        seconds--;
    }
    struct tm utc;
    if (!gmtime_r(&seconds, &utc)) {
        memcpy(text, "invalid", sizeof "invalid");
        return text;
    }
    char date[CLOCK_TEXT_MAX];
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, CLOCK_TEXT_MAX, "%.23s.%06dZ", date, (int)fraction);
    return text;
}

/* Reads ".123" as 123000 µs; leaves `*at` behind it. An absent fraction is 0. */
static bool parse_fraction(const char **at, int64_t *us)
{
    *us = 0;
    if (**at != '.') {
        return true;
    }
    int64_t weight = CLOCK_US_PER_S / 10;
    for ((*at)++; **at >= '0' && **at <= '9'; (*at)++, weight /= 10) {
        if (weight == 0) {
            return false;
        }
        *us += (**at - '0') * weight;
    }
    return weight < CLOCK_US_PER_S / 10;
}

static bool parse_seconds(const char *text, int64_t *wall_us)
{
    const char *at = text;
    int64_t seconds = 0;
    enum { MAX_DIGITS = 12 };
    while (*at >= '0' && *at <= '9' && at - text < MAX_DIGITS) {
        seconds = seconds * 10 + (*at++ - '0');
    }
    int64_t fraction;
    if (at == text || !parse_fraction(&at, &fraction) || *at) {
        return false;
    }
    *wall_us = seconds * CLOCK_US_PER_S + fraction;
    return true;
}

/* strptime() alone would take blanks and single digits. */
static bool has_date_shape(const char *text)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        if (shape[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != shape[i]) {
            return false;
        }
    }
    return true;
}

bool clock_parse(const char *text, int64_t *wall_us)
{
    if (!has_date_shape(text)) {
        return parse_seconds(text, wall_us);
    }
    struct tm utc = {0};
    const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
    int64_t fraction;
    if (!at || !parse_fraction(&at, &fraction) || strcmp(at, "Z") != 0) {
        return false;
    }
    int day = utc.tm_mday;
    *wall_us = (int64_t)timegm(&utc) * CLOCK_US_PER_S + fraction;
    return utc.tm_mday == day; /* 30 February became 2 March */
}
