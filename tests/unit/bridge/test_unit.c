#include "base/clock.h"
#include "field/unit.h"
#include "support/suite.h"

#include <stdlib.h>
#include <string.h>

enum { TAGS_MAX = 16, KEPT_MAX = 256 };

#define SECOND CLOCK_US_PER_S

/* A unit of uint16 holding registers 0, 1, 2 …, and what it emitted. */
struct rig {
    struct catalog *catalog;
    struct unit unit;
    struct reading kept[KEPT_MAX];
    size_t count;
    struct reading_sink sink;
    struct reading space[EMITTER_READINGS];
    struct emitter emitter;
};

static bool keep(void *owner, const struct reading *readings, size_t count)
{
    struct rig *rig = owner;
    ck_assert_uint_le(rig->count + count, KEPT_MAX);
    for (size_t i = 0; i < count; i++) {
        rig->kept[rig->count++] = readings[i];
    }
    return true;
}

static void start(struct rig *rig, size_t tags, const int64_t *rates_us, const struct report_rule *rule)
{
    static const char *const names[TAGS_MAX] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    struct catalog_tag described[TAGS_MAX];
    struct plan_point *points = calloc(tags, sizeof *points);
    struct report_rule *rules = calloc(1, sizeof *rules);
    for (uint32_t i = 0; i < tags; i++) {
        described[i] = (struct catalog_tag){
            .name = names[i],
            .unit = "",
            .link = "plc",
            .unit_id = 1,
            .table = TABLE_HOLDING,
            .address = (uint16_t)i,
            .type = VALUE_UINT16,
            .words = 1,
            .scale = 1,
        };
        points[i] = (struct plan_point){
            .tag = i,
            .address = (uint16_t)i,
            .size = 1,
            .table = TABLE_HOLDING,
            .rule = rule ? 1 : 0,
            .rate_us = rates_us[i],
        };
    }
    rules[0] = rule ? *rule : rules[0];
    memset(rig, 0, sizeof *rig);
    ck_assert_int_eq(catalog_new(described, tags, &rig->catalog, NULL), ERR_OK);
    const struct unit_setup setup = {
        .id = 1,
        .limits = {.max_registers = 125, .max_bits = 2000},
        .pause_us = 1000,
        .breaker_cap_ms = 30000,
        .points = points,
        .point_count = tags,
        .rules = rules,
    };
    ck_assert_int_eq(unit_init(&rig->unit, rig->catalog, &setup), ERR_OK);
    rig->sink = (struct reading_sink){.owner = rig, .put = keep};
    rig->emitter = (struct emitter){
        .sink = &rig->sink,
        .space = rig->space,
        .stamp = {.request_us = 100, .response_us = 200, .synchronised = true},
    };
    uint32_t number = 0;
    unit_start(&rig->unit, &number, (struct schedule_now){0});
}

static void stop(struct rig *rig)
{
    unit_fini(&rig->unit);
    catalog_free(rig->catalog);
}

/* Takes the next turn at the time it may start, not before `*now_us`, which moves on; its request. */
static struct unit_turn take_turn(struct rig *rig, int64_t *now_us, struct pdu_request *request)
{
    for (;;) {
        struct unit_turn turn = unit_next_turn(&rig->unit, *now_us);
        ck_assert_ptr_nonnull(turn.unit);
        *now_us = turn.start_us > *now_us ? turn.start_us : *now_us;
        if (unit_request(&turn, (struct schedule_now){.mono_us = *now_us}, request)) {
            return turn;
        }
    }
}

static void answer_values(struct rig *rig, const struct unit_turn *turn, const struct pdu_request *request,
                          int64_t now_us, uint8_t value)
{
    uint8_t bytes[2 * TAGS_MAX] = {0};
    for (size_t i = 0; i < request->read.quantity; i++) {
        bytes[2 * i + 1] = (uint8_t)(value + i);
    }
    const struct pdu_response response = {
        .function = request->function,
        .data = {.data = bytes, .size = (size_t)2 * request->read.quantity},
    };
    const struct unit_answer answer = {.response = &response, .now = {.mono_us = now_us}};
    (void)unit_answered(turn, &answer, &rig->emitter);
    emitter_flush(&rig->emitter);
}

static void answer_exception(struct rig *rig, const struct unit_turn *turn, uint8_t exception, int64_t now_us)
{
    const struct pdu_response response = {.function = 3, .exception = exception};
    const struct unit_answer answer = {.response = &response, .now = {.mono_us = now_us}};
    (void)unit_answered(turn, &answer, &rig->emitter);
    emitter_flush(&rig->emitter);
}

static bool time_out(struct rig *rig, const struct unit_turn *turn, int64_t now_us)
{
    const struct unit_answer answer = {.now = {.mono_us = now_us}};
    bool opened = unit_failed(turn, QUALITY_BAD_TIMEOUT, &answer, &rig->emitter);
    emitter_flush(&rig->emitter);
    return opened;
}

static const int64_t one_second[TAGS_MAX] = {SECOND, SECOND, SECOND, SECOND};

START_TEST(an_answer_becomes_readings_with_its_times)
{
    struct rig rig;
    start(&rig, 3, one_second, NULL);
    int64_t now_us = 0;
    struct pdu_request request;
    struct unit_turn turn = take_turn(&rig, &now_us, &request);
    ck_assert_int_eq(request.function, MODBUS_READ_HOLDING_REGISTERS);
    ck_assert_uint_eq(request.read.address, 0);
    ck_assert_uint_eq(request.read.quantity, 3);
    answer_values(&rig, &turn, &request, now_us, 7);
    ck_assert_uint_eq(rig.count, 3);
    for (uint16_t i = 0; i < 3; i++) {
        ck_assert_uint_eq(rig.kept[i].tag, i);
        ck_assert_int_eq(rig.kept[i].quality, QUALITY_GOOD);
        ck_assert_uint_eq(rig.kept[i].words[0], 7 + i);
        ck_assert_int_eq(rig.kept[i].request_us, 100);
        ck_assert_int_eq(rig.kept[i].response_us, 200);
    }
    stop(&rig);
}
END_TEST

START_TEST(each_rate_has_its_own_turn)
{
    static const int64_t rates_us[] = {SECOND, 10 * SECOND, SECOND};
    struct rig rig;
    start(&rig, 3, rates_us, NULL);
    int64_t now_us = 0;
    size_t polls[2] = {0};
    while (now_us < 100 * SECOND) {
        struct pdu_request request;
        struct unit_turn turn = take_turn(&rig, &now_us, &request);
        answer_values(&rig, &turn, &request, now_us, 0);
        rig.count = 0;
        polls[request.read.address == 1]++;
    }
    ck_assert_uint_ge(polls[0], 198); /* registers 0 and 2 lie apart */
    ck_assert_uint_le(polls[0], 204);
    ck_assert_uint_ge(polls[1], 9);
    ck_assert_uint_le(polls[1], 11);
    ck_assert_int_eq(metric_get(&rig.unit.counters[UNIT_OVERRUNS]), 0);
    stop(&rig);
}
END_TEST

START_TEST(a_clock_that_follows_nothing_makes_values_uncertain_at_once)
{
    static const struct report_rule rule = {.deadband = 0};
    struct rig rig;
    start(&rig, 1, one_second, &rule);
    int64_t now_us = 0;
    for (int i = 0; i < 4; i++) {
        struct pdu_request request;
        struct unit_turn turn = take_turn(&rig, &now_us, &request);
        rig.emitter.stamp.synchronised = i < 2;
        answer_values(&rig, &turn, &request, now_us, 7);
    }
    ck_assert_uint_eq(rig.count, 2);
    ck_assert_int_eq(rig.kept[0].quality, QUALITY_GOOD);
    ck_assert_int_eq(rig.kept[1].quality, QUALITY_UNCERTAIN_CLOCK);
    ck_assert_uint_eq(rig.kept[1].word_count, 1);
    stop(&rig);
}
END_TEST

START_TEST(a_pause_is_kept_between_answer_and_request)
{
    static const int64_t rates_us[] = {10000, 20000};
    struct rig rig;
    start(&rig, 2, rates_us, NULL);
    int64_t now_us = 0;
    int64_t last_us = -SECOND;
    for (int i = 0; i < 50; i++) {
        struct pdu_request request;
        struct unit_turn turn = take_turn(&rig, &now_us, &request);
        ck_assert_int_ge(now_us - last_us, 1000);
        now_us += 300;
        answer_values(&rig, &turn, &request, now_us, 0);
        rig.count = 0;
        last_us = now_us;
    }
    stop(&rig);
}
END_TEST

START_TEST(after_a_time_out_a_unit_rests_for_its_quarantine)
{
    struct rig rig;
    start(&rig, 1, one_second, NULL);
    rig.unit.quarantine_us = 5 * SECOND;
    int64_t now_us = 0;
    struct pdu_request request;
    struct unit_turn turn = take_turn(&rig, &now_us, &request);
    now_us += SECOND;
    (void)time_out(&rig, &turn, now_us);
    ck_assert_int_eq(unit_next_turn(&rig.unit, now_us).start_us, now_us + 5 * SECOND);
    stop(&rig);
}
END_TEST

START_TEST(a_refused_tag_is_bad_once_and_the_others_good)
{
    struct rig rig;
    start(&rig, 4, one_second, NULL);
    int64_t now_us = 0;
    struct pdu_request request;
    while (now_us < 5 * SECOND) {
        struct unit_turn turn = take_turn(&rig, &now_us, &request);
        bool refused = request.read.address <= 2 && request.read.address + request.read.quantity > 2;
        if (refused) {
            answer_exception(&rig, &turn, MODBUS_ILLEGAL_DATA_ADDRESS, now_us);
        } else {
            answer_values(&rig, &turn, &request, now_us, 0);
        }
    }
    size_t good[4] = {0};
    size_t bad[4] = {0};
    for (size_t i = 0; i < rig.count; i++) {
        size_t *counts = rig.kept[i].quality == QUALITY_GOOD ? good : bad;
        counts[rig.kept[i].tag]++;
    }
    static const size_t bad_wanted[] = {0, 0, 1, 0};
    ck_assert_mem_eq(bad, bad_wanted, sizeof bad);
    ck_assert_uint_ge(good[0], 4);
    ck_assert_uint_ge(good[1], 4);
    ck_assert_uint_eq(good[2], 0);
    ck_assert_uint_ge(good[3], 4);
    ck_assert_int_eq(metric_get(&rig.unit.counters[UNIT_TAGS_REFUSED]), 1);
    stop(&rig);
}
END_TEST

START_TEST(an_exception_names_itself_in_the_quality)
{
    static const uint8_t exceptions[] = {1, 4, 5, 6, 8, 15, 16, 255};
    for (size_t i = 0; i < sizeof exceptions; i++) {
        struct rig rig;
        start(&rig, 1, one_second, NULL);
        int64_t now_us = 0;
        struct pdu_request request;
        struct unit_turn turn = take_turn(&rig, &now_us, &request);
        answer_exception(&rig, &turn, exceptions[i], now_us);
        int quality = QUALITY_BAD_EXCEPTION + exceptions[i];
        ck_assert_uint_eq(rig.count, 1);
        ck_assert_int_eq(rig.kept[0].quality, quality < QUALITY_MAX ? quality : QUALITY_MAX);
        ck_assert_uint_eq(rig.kept[0].word_count, 0);
        stop(&rig);
    }
}
END_TEST

START_TEST(a_dead_unit_is_asked_ever_more_rarely_and_says_so_once)
{
    static const int64_t rates_us[] = {SECOND, 3600 * SECOND};
    struct rig rig;
    start(&rig, 2, rates_us, NULL);
    int64_t now_us = 0;
    struct pdu_request request;
    for (int i = 0; i < 2; i++) { /* both tags are good first */
        struct unit_turn turn = take_turn(&rig, &now_us, &request);
        answer_values(&rig, &turn, &request, now_us, 0);
    }
    rig.count = 0;
    int asked = 0;
    int opened = 0;
    while (now_us < 600 * SECOND) {
        struct unit_turn turn = take_turn(&rig, &now_us, &request);
        now_us += SECOND / 10;
        opened += time_out(&rig, &turn, now_us) ? 1 : 0;
        asked++;
    }
    ck_assert_int_eq(opened, 1);
    ck_assert_int_le(asked, BREAKER_FAILURES + 6 + 600 / 15);
    ck_assert_int_ge(asked, 600 / 30);
    ck_assert_uint_eq(rig.count, 2);
    ck_assert_int_eq(rig.kept[0].quality, QUALITY_BAD_TIMEOUT);
    ck_assert_int_eq(rig.kept[1].quality, QUALITY_BAD_SUSPENDED);
    ck_assert_int_eq(metric_get(&rig.unit.counters[UNIT_OVERRUNS]), 0);

    struct unit_turn turn = take_turn(&rig, &now_us, &request);
    answer_values(&rig, &turn, &request, now_us, 0);
    ck_assert_uint_eq(rig.count, 3);
    ck_assert_int_eq(metric_get(&rig.unit.counters[UNIT_BREAKER]), BREAKER_CLOSED);
    stop(&rig);
}
END_TEST

START_TEST(marking_a_unit_bad_tells_each_tag_once)
{
    struct rig rig;
    start(&rig, 3, one_second, NULL);
    for (int i = 0; i < 3; i++) {
        unit_mark(&rig.unit, QUALITY_BAD_REFUSED, i, &rig.emitter);
    }
    emitter_flush(&rig.emitter);
    ck_assert_uint_eq(rig.count, 3);
    unit_forget(&rig.unit);
    unit_mark(&rig.unit, QUALITY_BAD_REFUSED, 9, &rig.emitter);
    emitter_flush(&rig.emitter);
    ck_assert_uint_eq(rig.count, 6);
    stop(&rig);
}
END_TEST

START_TEST(a_fast_group_goes_between_the_blocks_of_a_slow_one)
{
    /* Two slow blocks (registers 0 and 2) and a fast one (register 1). */
    static const int64_t rates_us[] = {SECOND, 10000, SECOND};
    struct rig rig;
    start(&rig, 3, rates_us, NULL);
    int64_t now_us = 0;
    struct pdu_request request = {.read = {.address = 1}};
    struct unit_turn turn = {.unit = NULL};
    while (request.read.address == 1) {
        turn = take_turn(&rig, &now_us, &request);
        answer_values(&rig, &turn, &request, now_us, 0);
    }
    ck_assert_uint_eq(request.read.address, 0);
    now_us += 15000; /* the fast one is due again before the slow pass is over */
    turn = take_turn(&rig, &now_us, &request);
    ck_assert_uint_eq(request.read.address, 1);
    while (request.read.address == 1) {
        answer_values(&rig, &turn, &request, now_us, 0);
        turn = take_turn(&rig, &now_us, &request);
    }
    ck_assert_uint_eq(request.read.address, 2);
    stop(&rig);
}
END_TEST

START_TEST(a_value_nobody_renews_becomes_stale_once)
{
    static const int64_t rates_us[] = {SECOND, 3600 * SECOND};
    struct rig rig;
    start(&rig, 2, rates_us, NULL);
    int64_t now_us = 0;
    for (uint8_t value = 7; rig.count < 3; value++) {
        struct pdu_request request;
        struct unit_turn turn = take_turn(&rig, &now_us, &request);
        answer_values(&rig, &turn, &request, now_us, value);
    }
    uint16_t last = rig.kept[2].words[0];
    rig.count = 0;
    int64_t limit_us = now_us + UNIT_STALE_PERIODS * SECOND + UNIT_STALE_GRACE_US;
    ck_assert(!unit_has_stale(&rig.unit, limit_us));
    for (int64_t late_us = limit_us + SECOND; late_us < limit_us + 200 * SECOND; late_us += 10 * SECOND) {
        ck_assert(unit_has_stale(&rig.unit, late_us));
        unit_mark_stale(&rig.unit, late_us, &rig.emitter);
        emitter_flush(&rig.emitter);
    }
    ck_assert_uint_eq(rig.count, 1);
    ck_assert_uint_eq(rig.kept[0].tag, 0);
    ck_assert_int_eq(rig.kept[0].quality, QUALITY_STALE);
    ck_assert_uint_eq(rig.kept[0].word_count, 1);
    ck_assert_uint_eq(rig.kept[0].words[0], last);
    stop(&rig);
}
END_TEST

START_TEST(a_bad_tag_does_not_become_stale)
{
    struct rig rig;
    start(&rig, 1, one_second, NULL);
    int64_t now_us = 0;
    struct pdu_request request;
    struct unit_turn turn = take_turn(&rig, &now_us, &request);
    answer_exception(&rig, &turn, MODBUS_SERVER_DEVICE_FAILURE, now_us);
    unit_mark_stale(&rig.unit, now_us + 100 * SECOND, &rig.emitter);
    emitter_flush(&rig.emitter);
    ck_assert_uint_eq(rig.count, 1);
    stop(&rig);
}
END_TEST

int main(void)
{
    return suite_run("unit", (const TTest *[]){
                                 an_answer_becomes_readings_with_its_times,
                                 each_rate_has_its_own_turn,
                                 a_clock_that_follows_nothing_makes_values_uncertain_at_once,
                                 a_pause_is_kept_between_answer_and_request,
                                 after_a_time_out_a_unit_rests_for_its_quarantine,
                                 a_refused_tag_is_bad_once_and_the_others_good,
                                 an_exception_names_itself_in_the_quality,
                                 a_dead_unit_is_asked_ever_more_rarely_and_says_so_once,
                                 marking_a_unit_bad_tells_each_tag_once,
                                 a_fast_group_goes_between_the_blocks_of_a_slow_one,
                                 a_value_nobody_renews_becomes_stale_once,
                                 a_bad_tag_does_not_become_stale,
                                 NULL,
                             });
}
