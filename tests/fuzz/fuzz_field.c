/*
 * What a PLC answers, from the received frame to the readings: whatever the bytes, only frames that are the
 * answer become values, every reading is one of the catalog, and the unit always has a next turn.
 */
#include "field/unit.h"
#include "link/frame_check.h"

#include <stdlib.h>
#include <string.h>

enum { TAGS = 8, STEPS_MAX = 64 };

static const struct catalog_tag tags[TAGS] = {
    {.name = "a",
     .unit = "bar",
     .link = "l",
     .table = TABLE_HOLDING,
     .type = VALUE_FLOAT32,
     .words = 2,
     .scale = 1},
    {.name = "b",
     .unit = "",
     .link = "l",
     .table = TABLE_HOLDING,
     .address = 2,
     .type = VALUE_BCD32,
     .words = 2,
     .scale = 1},
    {.name = "c",
     .unit = "",
     .link = "l",
     .table = TABLE_HOLDING,
     .address = 4,
     .type = VALUE_BOOL,
     .words = 1,
     .scale = 1,
     .bit = 7},
    {.name = "d",
     .unit = "",
     .link = "l",
     .table = TABLE_HOLDING,
     .address = 5,
     .type = VALUE_STRING,
     .words = 9,
     .scale = 1},
    {.name = "e",
     .unit = "",
     .link = "l",
     .table = TABLE_INPUT,
     .address = 9,
     .type = VALUE_FLOAT64,
     .words = 4,
     .scale = 0.1,
     .order = 3},
    {.name = "f",
     .unit = "",
     .link = "l",
     .table = TABLE_INPUT,
     .address = 13,
     .type = VALUE_UINT64,
     .words = 4,
     .scale = 1},
    {.name = "g",
     .unit = "",
     .link = "l",
     .table = TABLE_COIL,
     .address = 3,
     .type = VALUE_BOOL,
     .words = 1,
     .scale = 1},
    {.name = "h",
     .unit = "",
     .link = "l",
     .table = TABLE_DISCRETE,
     .address = 4,
     .type = VALUE_BOOL,
     .words = 1,
     .scale = 1},
};

/* Also where assertions are compiled out. */
static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool check_readings(void *owner, const struct reading *readings, size_t count)
{
    (void)owner;
    for (size_t i = 0; i < count; i++) {
        require(readings[i].tag < TAGS);
        require((unsigned)readings[i].quality <= QUALITY_MAX);
        uint8_t words = quality_has_value(readings[i].quality) ? tags[readings[i].tag].words : 0;
        require(readings[i].word_count == words);
    }
    return true;
}

static void start_unit(struct unit *unit, const struct catalog *catalog)
{
    struct plan_point *points = calloc(TAGS, sizeof *points);
    struct report_rule *rules = calloc(1, sizeof *rules);
    rules[0] =
        (struct report_rule){.bounded = true, .low = 0, .high = 100, .deadband = 1, .max_age_us = 1000};
    for (uint32_t i = 0; i < TAGS; i++) {
        points[i] = (struct plan_point){
            .tag = i,
            .address = tags[i].address,
            .size = tags[i].words,
            .table = (uint8_t)tags[i].table,
            .rule = i % 2 == 0 && tags[i].type != VALUE_STRING ? 1 : 0,
            .rate_us = 1000,
        };
    }
    const struct unit_setup setup = {
        .id = 1,
        .limits = {.max_registers = 125, .max_bits = 2000, .gap = 4},
        .breaker_cap_ms = 1000,
        .points = points,
        .point_count = TAGS,
        .rules = rules,
    };
    enum err result = unit_init(unit, catalog, &setup);
    require(result == ERR_OK);
}

/* The next frame of the input: a length byte, then as many bytes. */
static struct bytes next_frame(struct wire_reader *input)
{
    size_t size = wire_read_u8(input);
    size = size < wire_left(input) ? size : wire_left(input);
    return wire_read_bytes(input, size);
}

static void step(struct unit *unit, struct wire_reader *input, struct emitter *emitter, int64_t now_us)
{
    struct unit_turn turn = unit_next_turn(unit, now_us);
    struct schedule_now now = {.mono_us = turn.start_us > now_us ? turn.start_us : now_us};
    require(turn.unit == unit);
    struct pdu_request request;
    if (!unit_request(&turn, now, &request)) {
        return;
    }
    const struct frame_expected expected = {.transaction = 7, .unit = 1, .request = &request};
    struct bytes frame = next_frame(input);
    struct pdu_response response;
    const struct unit_answer answer = {.response = &response, .now = now, .random = 12345};
    if (frame_check_tcp(frame, &expected, &response) == FRAME_ANSWER) {
        unit_answered(&turn, &answer, emitter);
    } else {
        unit_failed(&turn, QUALITY_BAD_PROTOCOL, &answer, emitter);
    }
    emitter_flush(emitter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct catalog *catalog;
    require(catalog || catalog_new(tags, TAGS, &catalog, NULL) == ERR_OK);
    struct unit unit;
    start_unit(&unit, catalog);
    static struct reading space[EMITTER_READINGS];
    const struct reading_sink sink = {.put = check_readings};
    struct emitter emitter = {.sink = &sink, .space = space, .stamp = {.synchronised = true}};
    struct wire_reader input = wire_reader(data, size);
    for (int i = 0; i < STEPS_MAX && wire_left(&input) > 0; i++) {
        step(&unit, &input, &emitter, (int64_t)i * 1000000);
    }
    unit_fini(&unit);
    return 0;
}
