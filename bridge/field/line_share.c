#include "field/line_share.h"

/* Who comes back after a rest starts level: time not used is nobody's debt. */
static void level(struct line_share *share, enum line_side rested, enum line_side busy)
{
    if (share->used_us[rested] < share->used_us[busy]) {
        share->used_us[rested] = share->used_us[busy];
    }
}

enum line_side line_share_next(struct line_share *share, bool polls_wait, bool live_waits)
{
    if (!live_waits) {
        level(share, LINE_LIVE, LINE_POLLS);
        return LINE_POLLS;
    }
    if (!polls_wait) {
        level(share, LINE_POLLS, LINE_LIVE);
        return LINE_LIVE;
    }
    return share->used_us[LINE_POLLS] <= share->used_us[LINE_LIVE] ? LINE_POLLS : LINE_LIVE;
}

void line_share_use(struct line_share *share, enum line_side side, int64_t duration_us)
{
    share->used_us[side] += duration_us > 0 ? duration_us : 1;
}
