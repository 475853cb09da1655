#include "base/array.h"
#include "spool/room.h"
#include "support/suite.h"

static const struct room_bounds bounds = {.max_bytes = 1600, .min_free = 160};

START_TEST(is_full_at_the_bounds_and_open_again_with_some_to_spare)
{
    static const struct {
        const char *name;
        struct room_view view;
        bool full;
    } rows[] = {
        {"empty", {.used = 0, .free = 1000}, false},
        {"last byte", {.used = 1599, .free = 1000}, false},
        {"at the bound", {.used = 1600, .free = 1000}, true},
        {"stopped, not enough to spare", {.used = 1500, .free = 1000, .stopped = true}, true},
        {"stopped, enough to spare", {.used = 1499, .free = 1000, .stopped = true}, false},
        {"disk at the watermark", {.used = 0, .free = 160}, false},
        {"disk below it", {.used = 0, .free = 159}, true},
        {"stopped, disk not free enough", {.used = 0, .free = 169, .stopped = true}, true},
        {"stopped, disk free enough", {.used = 0, .free = 170, .stopped = true}, false},
        {"disk unknown", {.used = 0, .free = -1}, false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_msg(room_is_full(&bounds, &rows[i].view) == rows[i].full, "%s", rows[i].name);
    }
}
END_TEST

START_TEST(the_excess_leads_back_below_the_bounds)
{
    ck_assert_int_eq(room_excess(&bounds, &(struct room_view){.used = 1600, .free = 1000}), 100);
    ck_assert_int_eq(room_excess(&bounds, &(struct room_view){.used = 0, .free = 100}), 70);
    ck_assert_int_ge(room_excess(&bounds, &(struct room_view){.used = 0, .free = 159}), 1);
}
END_TEST

int main(void)
{
    return suite_run("room", (const TTest *[]){
                                 is_full_at_the_bounds_and_open_again_with_some_to_spare,
                                 the_excess_leads_back_below_the_bounds,
                                 NULL,
                             });
}
