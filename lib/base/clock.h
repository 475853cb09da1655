/*
 * clock: the only place that asks what time it is.
 *
 * Waiting uses the monotonic clock, stamps use the wall clock; both in microseconds. Pure code takes a time
 * as an argument instead of calling these, so that tests own it. Any thread.
 */
#ifndef BOURDON_BASE_CLOCK_H
#define BOURDON_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_US_PER_MS INT64_C(1000)
#define CLOCK_US_PER_S  INT64_C(1000000)

/* Length of "2026-01-31T23:59:59.123456Z" with its terminator. */
enum { CLOCK_TEXT_MAX = 32 };

/* Microseconds since 1970-01-01T00:00:00Z. May jump. */
int64_t clock_wall_us(void);

/* Microseconds since an arbitrary start; never goes back. */
int64_t clock_mono_us(void);

/* Whether the kernel believes its wall clock follows a reference (adjtimex, STA_UNSYNC clear). */
bool clock_is_synchronised(void);

/* Writes a wall time as RFC 3339 in UTC with microseconds into text[CLOCK_TEXT_MAX] and returns `text`. */
char *clock_format(int64_t wall_us, char *text);

/*
 * Reads RFC 3339 in UTC ("2026-01-31T23:59:59.5Z", 0 to 6 digits of fraction) or a whole number of seconds
 * since 1970, optionally with a fraction. False if the text is neither.
 */
bool clock_parse(const char *text, int64_t *wall_us);

#endif
