#include "base/array.h"
#include "field/line_share.h"
#include "support/suite.h"

#include <stdint.h>

/* Both sides wait all the time; how long each had the line. */
static void run(int64_t poll_us, int64_t live_us, int64_t *had_us)
{
    struct line_share share = {.used_us = {0}};
    had_us[LINE_POLLS] = had_us[LINE_LIVE] = 0;
    for (int i = 0; i < 10000; i++) {
        enum line_side side = line_share_next(&share, true, true);
        int64_t took_us = side == LINE_POLLS ? poll_us : live_us;
        line_share_use(&share, side, took_us);
        had_us[side] += took_us;
    }
}

START_TEST(neither_side_starves_however_long_its_exchanges_take)
{
    static const struct {
        int64_t poll_us, live_us;
    } rows[] = {{1000, 1000}, {10, 1000000}, {1000000, 10}, {1, 1}, {500, 700}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        int64_t had_us[LINE_SIDES];
        run(rows[i].poll_us, rows[i].live_us, had_us);
        int64_t longest = rows[i].poll_us > rows[i].live_us ? rows[i].poll_us : rows[i].live_us;
        int64_t apart = had_us[LINE_POLLS] - had_us[LINE_LIVE];
        ck_assert_msg(apart <= longest && apart >= -longest, "row %zu: %lld apart", i, (long long)apart);
    }
}
END_TEST

START_TEST(who_is_alone_has_the_whole_line)
{
    struct line_share share = {.used_us = {0}};
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(line_share_next(&share, false, true), LINE_LIVE);
        line_share_use(&share, LINE_LIVE, 1000);
    }
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(line_share_next(&share, true, false), LINE_POLLS);
        line_share_use(&share, LINE_POLLS, 1000);
    }
}
END_TEST

START_TEST(a_poll_that_falls_due_under_a_flood_goes_next)
{
    struct line_share share = {.used_us = {0}};
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(line_share_next(&share, false, true), LINE_LIVE);
        line_share_use(&share, LINE_LIVE, 1000);
    }
    ck_assert_int_eq(line_share_next(&share, true, true), LINE_POLLS);
}
END_TEST

START_TEST(a_rest_is_no_credit)
{
    struct line_share share = {.used_us = {0}};
    for (int i = 0; i < 1000; i++) { /* hours of polls alone */
        (void)line_share_next(&share, true, false);
        line_share_use(&share, LINE_POLLS, 1000000);
    }
    (void)line_share_next(&share, true, false);
    int live = 0;
    for (int i = 0; i < 10; i++) {
        enum line_side side = line_share_next(&share, true, true);
        line_share_use(&share, side, 1000);
        live += side == LINE_LIVE;
    }
    ck_assert_int_eq(live, 5);
}
END_TEST

int main(void)
{
    return suite_run("line_share", (const TTest *[]){
                                       neither_side_starves_however_long_its_exchanges_take,
                                       who_is_alone_has_the_whole_line,
                                       a_poll_that_falls_due_under_a_flood_goes_next,
                                       a_rest_is_no_credit,
                                       NULL,
                                   });
}
