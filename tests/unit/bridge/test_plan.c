#include "base/array.h"
#include "field/plan.h"
#include "support/sample.h"
#include "support/suite.h"

#include <stdlib.h>
#include <string.h>

static const struct plan_limits standard = {.max_registers = 125, .max_bits = 2000, .gap = 0};

struct tag_row {
    uint16_t address;
    uint8_t size;
    enum table table;
    int64_t rate_us;
};

static void make_plan(struct plan *plan, const struct plan_limits *limits, const struct tag_row *rows,
                      size_t count)
{
    struct plan_point *points = calloc(count + 1, sizeof *points);
    for (size_t i = 0; i < count; i++) {
        points[i] = (struct plan_point){
            .tag = (uint32_t)i,
            .address = rows[i].address,
            .size = rows[i].size,
            .table = (uint8_t)rows[i].table,
            .rate_us = rows[i].rate_us,
        };
    }
    ck_assert_int_eq(plan_init(plan, limits, points, count), ERR_OK);
}

/* `count` registers one after the other, of one tag each. */
static void make_registers(struct plan *plan, const struct plan_limits *limits, uint16_t count)
{
    struct plan_point *points = calloc(count, sizeof *points);
    for (uint16_t i = 0; i < count; i++) {
        points[i] = (struct plan_point){
            .tag = i, .address = i, .size = 1, .table = TABLE_HOLDING, .rate_us = 1000000};
    }
    ck_assert_int_eq(plan_init(plan, limits, points, count), ERR_OK);
}

/* What a device refuses, and what came of a pass. */
struct device {
    uint16_t hole_first, hole_last; /* nothing if first > last */
    uint16_t hole2_first, hole2_last;
    uint16_t max_read;
};
struct outcome {
    size_t requests;
    size_t served; /* tags */
    size_t refused;
    bool is_served[2000];
};

static bool touches(const struct plan_block *block, uint16_t first, uint16_t last)
{
    return first <= last && block->address <= last && block->address + block->quantity > first;
}

static bool refuses(const struct device *device, const struct plan_block *block)
{
    return touches(block, device->hole_first, device->hole_last) ||
           touches(block, device->hole2_first, device->hole2_last) ||
           (device->max_read && block->quantity > device->max_read);
}

static void take_block(struct plan *plan, const struct plan_block *block, bool served,
                       struct outcome *outcome)
{
    outcome->served += served ? block->count : 0;
    outcome->refused += served ? 0 : block->count;
    for (uint32_t i = 0; i < block->count; i++) {
        outcome->is_served[plan->points[block->first + i].tag] = served;
    }
}

static void run_pass(struct plan *plan, const struct device *device, int64_t now_us, struct outcome *outcome)
{
    *outcome = (struct outcome){.requests = 0};
    plan_begin_pass(plan, 0, now_us);
    for (size_t index = 0; plan_block(plan, 0, index);) {
        struct plan_block block = *plan_block(plan, 0, index);
        ck_assert_uint_lt(outcome->requests++, 5000);
        if (!refuses(device, &block)) {
            take_block(plan, &block, true, outcome);
            plan_accept(plan, 0, index++, now_us);
        } else if (plan_refuse(plan, 0, index, now_us) != PLAN_RETRY) {
            take_block(plan, &block, false, outcome);
            index++;
        }
    }
}

START_TEST(neighbours_share_a_request_up_to_the_limits)
{
    static const struct {
        const char *name;
        struct plan_limits limits;
        struct tag_row tags[4];
        size_t tag_count;
        size_t block_count;
        uint16_t address, quantity; /* of the first block */
    } rows[] = {
        {"one tag", {125, 2000, 0}, {{7, 2, TABLE_HOLDING, 1}}, 1, 1, 7, 2},
        {"adjacent", {125, 2000, 0}, {{9, 1, TABLE_HOLDING, 1}, {7, 2, TABLE_HOLDING, 1}}, 2, 1, 7, 3},
        {"a gap is not spanned",
         {125, 2000, 0},
         {{7, 2, TABLE_HOLDING, 1}, {10, 1, TABLE_HOLDING, 1}},
         2,
         2,
         7,
         2},
        {"unless permitted",
         {125, 2000, 1},
         {{7, 2, TABLE_HOLDING, 1}, {10, 1, TABLE_HOLDING, 1}},
         2,
         1,
         7,
         4},
        {"but no wider", {125, 2000, 1}, {{7, 2, TABLE_HOLDING, 1}, {11, 1, TABLE_HOLDING, 1}}, 2, 2, 7, 2},
        {"bits have 16 to the register",
         {125, 2000, 1},
         {{0, 1, TABLE_COIL, 1}, {17, 1, TABLE_COIL, 1}},
         2,
         1,
         0,
         18},
        {"and no more", {125, 2000, 1}, {{0, 1, TABLE_COIL, 1}, {18, 1, TABLE_COIL, 1}}, 2, 2, 0, 1},
        {"tables are apart", {125, 2000, 0}, {{7, 1, TABLE_INPUT, 1}, {8, 1, TABLE_HOLDING, 1}}, 2, 2, 7, 1},
        {"rates are apart", {125, 2000, 0}, {{7, 1, TABLE_INPUT, 1}, {8, 1, TABLE_INPUT, 2}}, 2, 2, 7, 1},
        {"the device's limit",
         {2, 2000, 0},
         {{0, 1, TABLE_INPUT, 1}, {1, 1, TABLE_INPUT, 1}, {2, 1, TABLE_INPUT, 1}},
         3,
         2,
         0,
         2},
        {"a value is not torn", {3, 2000, 0}, {{0, 2, TABLE_INPUT, 1}, {2, 2, TABLE_INPUT, 1}}, 2, 2, 0, 2},
        {"on each other",
         {125, 2000, 0},
         {{0, 4, TABLE_INPUT, 1}, {1, 1, TABLE_INPUT, 1}, {1, 1, TABLE_INPUT, 1}},
         3,
         1,
         0,
         4},
        {"the last register",
         {125, 2000, 9},
         {{65535, 1, TABLE_INPUT, 1}, {65532, 2, TABLE_INPUT, 1}},
         2,
         1,
         65532,
         4},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct plan plan;
        make_plan(&plan, &rows[i].limits, rows[i].tags, rows[i].tag_count);
        ck_assert_msg(plan.block_count == rows[i].block_count, "%s: %zu", rows[i].name, plan.block_count);
        ck_assert_msg(plan.blocks[0].address == rows[i].address, "%s", rows[i].name);
        ck_assert_msg(plan.blocks[0].quantity == rows[i].quantity, "%s", rows[i].name);
        plan_fini(&plan);
    }
}
END_TEST

START_TEST(a_read_is_never_larger_than_the_standard_allows)
{
    struct plan plan;
    make_registers(&plan, &standard, 300);
    ck_assert_uint_eq(plan.block_count, 3);
    ck_assert_uint_eq(plan.blocks[0].quantity, 125);
    ck_assert_uint_eq(plan.blocks[1].quantity, 125);
    ck_assert_uint_eq(plan.blocks[2].quantity, 50);
    plan_fini(&plan);
}
END_TEST

START_TEST(a_unit_without_tags_has_nothing_to_read)
{
    struct plan plan;
    make_plan(&plan, &standard, NULL, 0);
    ck_assert_uint_eq(plan.group_count, 0);
    plan_fini(&plan);
}
END_TEST

START_TEST(only_the_guilty_tag_is_left_out_wherever_it_lies)
{
    const uint16_t tags = 100;
    for (uint16_t guilty = 0; guilty < tags; guilty++) {
        struct plan plan;
        struct outcome outcome;
        struct device device = {.hole_first = guilty, .hole_last = guilty, .hole2_first = 1};
        make_registers(&plan, &standard, tags);
        run_pass(&plan, &device, 0, &outcome);
        ck_assert_uint_eq(outcome.served, 99);
        ck_assert_uint_eq(outcome.refused, 1);
        ck_assert(!outcome.is_served[guilty]);
        ck_assert_uint_le(outcome.requests, 2 * 7 + 1); /* 7 = log2 of 100, rounded up */
        /* From then on nothing is lost to it: one block each side. */
        run_pass(&plan, &device, 1, &outcome);
        ck_assert_uint_eq(outcome.served, 99);
        ck_assert_uint_eq(outcome.refused, 0);
        ck_assert_uint_le(outcome.requests, 2);
        plan_fini(&plan);
    }
}
END_TEST

START_TEST(two_guilty_tags_are_both_found)
{
    for (uint16_t second = 41; second < 100; second += 7) {
        struct plan plan;
        struct outcome outcome;
        struct device device = {
            .hole_first = 40, .hole_last = 40, .hole2_first = second, .hole2_last = second};
        make_registers(&plan, &standard, 100);
        for (int64_t pass = 0; pass < 3; pass++) {
            run_pass(&plan, &device, pass, &outcome);
            ck_assert_uint_eq(outcome.served, 98);
        }
        ck_assert_uint_le(outcome.requests, 3);
        plan_fini(&plan);
    }
}
END_TEST

START_TEST(a_device_that_gives_one_register_a_read_still_works)
{
    struct plan plan;
    struct outcome outcome;
    struct device device = {.hole_first = 1, .hole2_first = 1, .max_read = 1};
    make_registers(&plan, &standard, 125);
    int pass = 0;
    do {
        run_pass(&plan, &device, pass, &outcome);
        ck_assert_uint_le(outcome.requests, 125 + PLAN_CUTS_PER_PASS);
    } while (outcome.served < 125 && ++pass < 10);
    ck_assert_uint_eq(outcome.served, 125);
    ck_assert_int_le(pass, 125 / PLAN_CUTS_PER_PASS + 1);
    run_pass(&plan, &device, pass + 1, &outcome);
    ck_assert_uint_eq(outcome.requests, 125);
    plan_fini(&plan);
}
END_TEST

START_TEST(a_hole_between_two_tags_makes_nobody_guilty)
{
    static const struct tag_row tags[] = {{0, 1, TABLE_INPUT, 1}, {4, 1, TABLE_INPUT, 1}};
    struct plan_limits limits = {.max_registers = 125, .max_bits = 2000, .gap = 8};
    struct plan plan;
    struct outcome outcome;
    struct device device = {.hole_first = 2, .hole_last = 2, .hole2_first = 1};
    make_plan(&plan, &limits, tags, 2);
    ck_assert_uint_eq(plan.block_count, 1);
    run_pass(&plan, &device, 0, &outcome);
    ck_assert_uint_eq(outcome.served, 2);
    run_pass(&plan, &device, 1, &outcome);
    ck_assert_uint_eq(outcome.requests, 2);
    ck_assert_uint_eq(outcome.refused, 0);
    plan_fini(&plan);
}
END_TEST

START_TEST(bits_of_one_refused_register_are_left_out_together)
{
    static const struct tag_row tags[] = {
        {0, 1, TABLE_INPUT, 1}, {1, 1, TABLE_INPUT, 1}, {1, 1, TABLE_INPUT, 1},
        {1, 1, TABLE_INPUT, 1}, {2, 1, TABLE_INPUT, 1},
    };
    struct plan plan;
    struct outcome outcome;
    struct device device = {.hole_first = 1, .hole_last = 1, .hole2_first = 1};
    make_plan(&plan, &standard, tags, ARRAY_LENGTH(tags));
    run_pass(&plan, &device, 0, &outcome);
    ck_assert_uint_eq(outcome.served, 2);
    ck_assert_uint_eq(outcome.refused, 3);
    plan_fini(&plan);
}
END_TEST

START_TEST(a_refused_tag_is_tried_again_ever_more_rarely)
{
    struct plan plan;
    struct outcome outcome;
    struct device device = {.hole_first = 5, .hole_last = 5, .hole2_first = 1};
    make_registers(&plan, &standard, 10);
    int64_t now_us = 0;
    run_pass(&plan, &device, now_us, &outcome);
    int64_t wait_us = PLAN_PROBE_FIRST_US;
    for (int i = 0; i < 10; i++) {
        run_pass(&plan, &device, now_us + wait_us - 1, &outcome);
        ck_assert_uint_eq(outcome.refused, 0);
        now_us += wait_us;
        run_pass(&plan, &device, now_us, &outcome);
        ck_assert_uint_eq(outcome.refused, 1);
        ck_assert_uint_eq(outcome.served, 9);
        wait_us = wait_us < PLAN_PROBE_FIRST_US << PLAN_PROBE_DOUBLINGS ? wait_us * 2 : wait_us;
    }
    plan_fini(&plan);
}
END_TEST

START_TEST(a_tag_that_comes_back_joins_its_block_again)
{
    struct plan plan;
    struct outcome outcome;
    struct device device = {.hole_first = 5, .hole_last = 6, .hole2_first = 1};
    make_registers(&plan, &standard, 10);
    run_pass(&plan, &device, 0, &outcome);
    ck_assert_uint_eq(outcome.served, 8);
    device.hole_first = 9999;
    run_pass(&plan, &device, PLAN_PROBE_FIRST_US, &outcome);
    ck_assert_uint_eq(outcome.served, 10);
    run_pass(&plan, &device, PLAN_PROBE_FIRST_US + 1, &outcome);
    ck_assert_uint_eq(outcome.served, 10);
    ck_assert_uint_eq(outcome.requests, 1);
    plan_fini(&plan);
}
END_TEST

START_TEST(when_one_comes_back_the_others_are_soon_tried)
{
    enum { TAGS = 100 };
    struct plan plan;
    struct outcome outcome;
    struct device device = {.hole_first = 0, .hole_last = TAGS - 1, .hole2_first = 1};
    make_registers(&plan, &standard, TAGS);
    int64_t now_us = 0;
    for (int i = 0; i < 100; i++, now_us += PLAN_PROBE_FIRST_US) {
        run_pass(&plan, &device, now_us, &outcome);
        ck_assert_uint_eq(outcome.served, 0);
    }
    device.hole_first = 9999;
    int64_t until_us = now_us + (PLAN_PROBE_FIRST_US << PLAN_PROBE_DOUBLINGS);
    while (outcome.served == 0 && now_us <= until_us) {
        now_us += 1000000;
        run_pass(&plan, &device, now_us, &outcome);
    }
    int passes = 0;
    while (outcome.served < TAGS && passes++ < 1000) {
        now_us += 1000000;
        run_pass(&plan, &device, now_us, &outcome);
    }
    ck_assert_int_le(passes, 5); /* 4 and 8, 16, 32, 64 more; without it each would wait for its own time */
    plan_fini(&plan);
}
END_TEST

static uint16_t below(struct sample *sample, unsigned end)
{
    return (uint16_t)sample_below(sample, end);
}

static void check_random_device(unsigned seed)
{
    struct sample sample = sample_seed(seed);
    struct plan_limits limits = {.max_registers = 125, .max_bits = 2000, .gap = below(&sample, 10)};
    struct tag_row tags[200];
    for (size_t i = 0; i < ARRAY_LENGTH(tags); i++) {
        uint8_t size = (uint8_t)(1 + below(&sample, 4));
        tags[i] = (struct tag_row){below(&sample, 500), size, TABLE_HOLDING, 1};
    }
    struct device device = {.hole_first = below(&sample, 500), .hole2_first = below(&sample, 500)};
    device.hole_last = (uint16_t)(device.hole_first + below(&sample, 30));
    device.hole2_last = (uint16_t)(device.hole2_first + below(&sample, 3));
    device.max_read = below(&sample, 3) == 0 ? (uint16_t)(4 + below(&sample, 40)) : 0;
    struct plan plan;
    struct outcome outcome;
    make_plan(&plan, &limits, tags, ARRAY_LENGTH(tags));
    for (int64_t pass = 0; pass < 100; pass++) {
        run_pass(&plan, &device, pass * 60000000, &outcome);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(tags); i++) {
        struct plan_block alone = {.address = tags[i].address, .quantity = tags[i].size};
        ck_assert_msg(outcome.is_served[i] == !refuses(&device, &alone), "seed %u, tag %zu at %u of %u", seed,
                      i, tags[i].address, tags[i].size);
    }
    plan_fini(&plan);
}

START_TEST(whatever_can_be_read_on_its_own_is_read)
{
    for (unsigned seed = 1; seed <= 200; seed++) {
        check_random_device(seed);
    }
}
END_TEST

int main(void)
{
    return suite_run("plan", (const TTest *[]){
                                 neighbours_share_a_request_up_to_the_limits,
                                 a_read_is_never_larger_than_the_standard_allows,
                                 a_unit_without_tags_has_nothing_to_read,
                                 only_the_guilty_tag_is_left_out_wherever_it_lies,
                                 two_guilty_tags_are_both_found,
                                 a_device_that_gives_one_register_a_read_still_works,
                                 a_hole_between_two_tags_makes_nobody_guilty,
                                 bits_of_one_refused_register_are_left_out_together,
                                 a_refused_tag_is_tried_again_ever_more_rarely,
                                 a_tag_that_comes_back_joins_its_block_again,
                                 when_one_comes_back_the_others_are_soon_tried,
                                 whatever_can_be_read_on_its_own_is_read,
                                 NULL,
                             });
}
