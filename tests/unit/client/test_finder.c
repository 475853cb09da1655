#include "scan/finder.h"

#include "base/array.h"
#include "support/suite.h"

#include <string.h>

enum { ADDRESSES = 2000, RANGES_MAX = 4, REQUESTS_MAX = 10000 };

/* A device: what it has, and how much it gives at once. */
struct device {
    const char *name;
    struct finder_range ranges[RANGES_MAX];
    uint32_t most; /* 0 = no limit */
};

static bool gives(const struct device *device, struct finder_range asked)
{
    if (device->most && asked.end - asked.first > device->most) {
        return false;
    }
    for (size_t i = 0; i < RANGES_MAX; i++) {
        if (asked.first >= device->ranges[i].first && asked.end <= device->ranges[i].end) {
            return true;
        }
    }
    return false;
}

/* Asks until all is decided, or for so many requests; how many there were. */
static size_t run(struct finder *finder, const struct device *device, size_t requests)
{
    struct finder_range ask;
    size_t count = 0;
    while (count < requests && finder_next(finder, &ask)) {
        ck_assert_uint_lt(ask.first, ask.end);
        ck_assert_uint_le(ask.end, ADDRESSES);
        ck_assert_int_eq(finder_take(finder, gives(device, ask)), ERR_OK);
        count++;
    }
    return count;
}

static void check(const struct device *device, const struct finder_known *known)
{
    size_t wanted = 0;
    while (wanted < RANGES_MAX && device->ranges[wanted].end > 0) {
        wanted++;
    }
    ck_assert_msg(known->count == wanted, "%s: %zu ranges", device->name, known->count);
    ck_assert_msg(wanted == 0 || memcmp(known->ranges, device->ranges, wanted * sizeof known->ranges[0]) == 0,
                  "%s: %u to %u", device->name, known->ranges[0].first, known->ranges[0].end);
}

static const struct device devices[] = {
    {"everything", {{0, ADDRESSES}}, 0},
    {"nothing", {{0, 0}}, 0},
    {"a beginning", {{0, 40}}, 0},
    {"the end", {{1980, ADDRESSES}}, 0},
    {"somewhere, by no border", {{333, 351}}, 0},
    {"as short as a step", {{335, 351}}, 0},
    {"several", {{7, 40}, {130, 700}, {701, 720}, {1500, 1777}}, 0},
    {"a hole of one", {{0, 777}, {778, ADDRESSES}}, 0},
    {"ten at once", {{100, 300}}, 10},
    {"one at once", {{100, 180}, {190, 260}}, 1},
    {"one at once, nothing", {{0, 0}}, 1},
};

START_TEST(finds_every_range_of_a_step_or_more)
{
    for (size_t i = 0; i < ARRAY_LENGTH(devices); i++) {
        struct finder_known known = {.most = 125};
        struct finder finder = finder_start(&known, ADDRESSES, 16);
        ck_assert_msg(run(&finder, &devices[i], REQUESTS_MAX) < REQUESTS_MAX, "%s", devices[i].name);
        check(&devices[i], &known);
        finder_known_fini(&known);
    }
}
END_TEST

START_TEST(a_step_of_one_finds_single_addresses)
{
    static const struct device device = {"single", {{3, 4}, {5, 6}, {700, 701}, {1999, ADDRESSES}}, 0};
    struct finder_known known = {.most = 125};
    struct finder finder = finder_start(&known, ADDRESSES, 1);
    run(&finder, &device, REQUESTS_MAX);
    check(&device, &known);
    finder_known_fini(&known);
}
END_TEST

START_TEST(goes_on_where_it_was_stopped)
{
    for (size_t i = 0; i < ARRAY_LENGTH(devices); i++) {
        struct finder_known known = {.most = 125};
        for (size_t done = 1; done > 0;) { /* stopped after every fifty requests */
            struct finder finder = finder_start(&known, ADDRESSES, 1);
            done = run(&finder, &devices[i], 50);
        }
        check(&devices[i], &known);
        finder_known_fini(&known);
    }
}
END_TEST

START_TEST(empty_space_and_full_space_cost_little)
{
    static const struct device nothing = {"nothing", {{0, 0}}, 0};
    static const struct device everything = {"everything", {{0, ADDRESSES}}, 0};
    struct finder_known known = {.most = 125};
    struct finder finder = finder_start(&known, ADDRESSES, 16);
    ck_assert_uint_le(run(&finder, &nothing, REQUESTS_MAX), ADDRESSES / 4);
    known.next = 0;
    finder = finder_start(&known, ADDRESSES, 16);
    ck_assert_uint_eq(run(&finder, &everything, REQUESTS_MAX), ADDRESSES / 125);
    finder_known_fini(&known);
}
END_TEST

START_TEST(learns_how_much_a_device_gives_at_once)
{
    static const struct device device = {"thirty at once", {{0, ADDRESSES}}, 40};
    struct finder_known known = {.most = 125};
    struct finder finder = finder_start(&known, ADDRESSES, 16);
    ck_assert_uint_le(run(&finder, &device, REQUESTS_MAX), ADDRESSES / 20);
    ck_assert_uint_le(known.most, 40);
    ck_assert_uint_ge(known.most, 20);
    finder_known_fini(&known);
}
END_TEST

START_TEST(more_ranges_than_there_is_room_for_are_an_error)
{
    struct finder_known known = {.most = 125};
    for (uint32_t i = 0; i < FINDER_RANGES_MAX; i++) {
        ck_assert_int_eq(finder_add(&known, (struct finder_range){2 * i, 2 * i + 1}), ERR_OK);
    }
    const struct finder_range next = {2 * FINDER_RANGES_MAX, 2 * FINDER_RANGES_MAX + 1};
    ck_assert_int_eq(finder_add(&known, next), ERR_LIMIT);
    finder_known_fini(&known);
}
END_TEST

int main(void)
{
    return suite_run("finder", (const TTest *[]){
                                   finds_every_range_of_a_step_or_more,
                                   a_step_of_one_finds_single_addresses,
                                   goes_on_where_it_was_stopped,
                                   empty_space_and_full_space_cost_little,
                                   learns_how_much_a_device_gives_at_once,
                                   more_ranges_than_there_is_room_for_are_an_error,
                                   NULL,
                               });
}
