/*
 * line_share: whose turn the line is when both polls and live requests wait for it.
 *
 * The rule: whoever has used less time of the line since both have been waiting goes next; on a tie the poll
 * does. So each side gets at least half of the line for as long as it wants it, whatever the other does, and
 * all of it while the other wants nothing; what one did not use is not owed to it later. One exchange is
 * never cut short, so a side waits for one exchange of the other at most, longer only to pay for one of its
 * own.
 *
 * Pure: the time an exchange took comes from outside. One thread.
 */
#ifndef BOURDON_FIELD_LINE_SHARE_H
#define BOURDON_FIELD_LINE_SHARE_H

#include <stdbool.h>
#include <stdint.h>

enum line_side { LINE_POLLS, LINE_LIVE, LINE_SIDES };

/* Zero-initialised = nobody has used it. */
struct line_share {
    int64_t used_us[LINE_SIDES];
};

/* Whose turn it is. One of them waits at least. */
enum line_side line_share_next(struct line_share *share, bool polls_wait, bool live_waits);

/* A side used the line. What took no measurable time counts as 1 µs. */
void line_share_use(struct line_share *share, enum line_side side, int64_t duration_us);

#endif
