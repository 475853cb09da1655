#include "field/unit.h"

#include "field/decode.h"

#include <stdlib.h>

enum err unit_init(struct unit *unit, const struct catalog *catalog, const struct unit_setup *setup)
{
    *unit = (struct unit){
        .id = setup->id,
        .catalog = catalog,
        .rules = setup->rules,
        .pause_us = setup->pause_us,
        .quarantine_us = setup->quarantine_us,
    };
    enum err result = plan_init(&unit->plan, &setup->limits, setup->points, setup->point_count);
    if (result == ERR_OK) {
        unit->groups = calloc(unit->plan.group_count + 1, sizeof *unit->groups);
        unit->states = calloc(setup->point_count + 1, sizeof *unit->states);
    }
    if (!unit->groups || !unit->states) {
        unit_fini(unit);
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < unit->plan.group_count; i++) {
        unit->groups[i].schedule.rate_us = unit->plan.groups[i].rate_us;
        unit->groups[i].schedule.align = setup->align;
    }
    breaker_init(&unit->breaker, setup->breaker_cap_ms);
    metric_set(&unit->counters[UNIT_TAGS], (int64_t)setup->point_count);
    return ERR_OK;
}

void unit_fini(struct unit *unit)
{
    plan_fini(&unit->plan);
    free(unit->groups);
    free(unit->states);
    free(unit->rules);
    unit->groups = NULL;
    unit->states = NULL;
    unit->rules = NULL;
}

void unit_start(struct unit *unit, uint32_t *number, struct schedule_now now)
{
    for (size_t i = 0; i < unit->plan.group_count; i++) {
        schedule_start(&unit->groups[i].schedule, (*number)++, now);
        unit->groups[i].fresh_us = now.mono_us;
    }
}

bool unit_turn_before(const struct unit_turn *a, const struct unit_turn *b, int64_t now_us)
{
    if (!a->unit || !b->unit) {
        return a->unit != NULL;
    }
    bool a_may = a->start_us <= now_us;
    bool b_may = b->start_us <= now_us;
    if (a_may && b_may) {
        return a->deadline_us < b->deadline_us;
    }
    return a_may || b_may ? a_may : a->start_us < b->start_us;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

struct unit_turn unit_next_turn(struct unit *unit, int64_t now_us)
{
    struct unit_turn best = {.unit = NULL};
    int64_t ready_us = later(unit->ready_us, breaker_ready_us(&unit->breaker));
    for (size_t i = 0; i < unit->plan.group_count; i++) {
        const struct unit_group *group = &unit->groups[i];
        struct unit_turn turn = {
            .unit = unit,
            .group = i,
            .start_us = later(group->running ? 0 : group->schedule.due_us, ready_us),
            .deadline_us = schedule_deadline_us(&group->schedule),
        };
        if (unit_turn_before(&turn, &best, now_us)) {
            best = turn;
        }
    }
    return best;
}

/* Ends the pass and moves its schedule on. */
static void end_pass(struct unit *unit, struct unit_group *group, struct schedule_now now)
{
    uint64_t before = group->schedule.overruns;
    schedule_advance(&group->schedule, now, !group->excused);
    metric_add(&unit->counters[UNIT_OVERRUNS], (int64_t)(group->schedule.overruns - before));
    group->fresh_us = now.mono_us;
    group->running = false;
    group->excused = false;
}

static uint8_t function_of(enum table table)
{
    static const uint8_t functions[] = {
        [TABLE_COIL] = MODBUS_READ_COILS,
        [TABLE_DISCRETE] = MODBUS_READ_DISCRETE_INPUTS,
        [TABLE_INPUT] = MODBUS_READ_INPUT_REGISTERS,
        [TABLE_HOLDING] = MODBUS_READ_HOLDING_REGISTERS,
    };
    return functions[table];
}

bool unit_request(const struct unit_turn *turn, struct schedule_now now, struct pdu_request *request)
{
    struct unit *unit = turn->unit;
    struct unit_group *group = &unit->groups[turn->group];
    if (!group->running) {
        plan_begin_pass(&unit->plan, turn->group, now.mono_us);
        group->running = true;
        group->next_block = 0;
    }
    const struct plan_block *block = plan_block(&unit->plan, turn->group, group->next_block);
    if (!block) {
        end_pass(unit, group, now);
        return false;
    }
    breaker_request(&unit->breaker);
    metric_add(&unit->counters[UNIT_REQUESTS], 1);
    *request = (struct pdu_request){
        .function = function_of(block->table),
        .read = {.address = block->address, .quantity = block->quantity},
    };
    return true;
}

static const struct report_rule *rule_of(const struct unit *unit, const struct plan_point *point)
{
    return point->rule ? &unit->rules[point->rule - 1] : NULL;
}

static enum quality with_clock(enum quality quality, const struct stamp *stamp)
{
    return quality == QUALITY_GOOD && !stamp->synchronised ? QUALITY_UNCERTAIN_CLOCK : quality;
}

static void emit_value(struct unit *unit, const struct plan_block *block, size_t index, struct bytes data,
                       int64_t now_us, struct emitter *emitter)
{
    const struct plan_point *point = &unit->plan.points[index];
    const struct catalog_tag *tag = catalog_tag(unit->catalog, point->tag);
    const struct report_rule *rule = rule_of(unit, point);
    struct reading *reading = emitter_slot(emitter);
    struct report_sample sample = decode_sample(tag, rule, data, block->address, reading->words);
    sample.quality = with_clock(sample.quality, &emitter->stamp);
    if (!report_due(rule, &unit->states[index], &sample, now_us)) {
        return;
    }
    reading->tag = point->tag;
    reading->quality = sample.quality;
    reading->word_count = quality_has_value(sample.quality) ? tag->words : 0;
    emitter_commit(emitter);
}

static void emit_bad(struct unit *unit, size_t index, enum quality quality, int64_t now_us,
                     struct emitter *emitter)
{
    const struct plan_point *point = &unit->plan.points[index];
    struct report_sample sample = {.quality = quality};
    if (!report_due(rule_of(unit, point), &unit->states[index], &sample, now_us)) {
        return;
    }
    struct reading *reading = emitter_slot(emitter);
    reading->tag = point->tag;
    reading->quality = quality;
    reading->word_count = 0;
    emitter_commit(emitter);
}

static void emit_bad_block(struct unit *unit, const struct plan_block *block, enum quality quality,
                           int64_t now_us, struct emitter *emitter)
{
    for (uint32_t i = 0; i < block->count; i++) {
        emit_bad(unit, block->first + i, quality, now_us, emitter);
    }
}

/* The quality of an exception; codes of the vendor's beyond those we have room for count as the last. */
static enum quality quality_of_exception(uint8_t exception)
{
    int quality = QUALITY_BAD_EXCEPTION + exception;
    return quality > QUALITY_MAX ? QUALITY_MAX : (enum quality)quality;
}

static void count_refused(struct unit *unit)
{
    int64_t refused = 0;
    for (size_t i = 0; i < unit->plan.point_count; i++) {
        refused += unit->plan.points[i].refused ? 1 : 0;
    }
    metric_set(&unit->counters[UNIT_TAGS_REFUSED], refused);
}

/* Whether the pass goes on to the next block. */
static bool take_exception(const struct unit_turn *turn, const struct plan_block *block, uint8_t exception,
                           int64_t now_us, struct emitter *emitter)
{
    struct unit *unit = turn->unit;
    const struct unit_group *group = &unit->groups[turn->group];
    metric_add(&unit->counters[UNIT_EXCEPTIONS], 1);
    if (exception == MODBUS_ILLEGAL_DATA_ADDRESS || exception == MODBUS_ILLEGAL_DATA_VALUE) {
        struct plan_block refused = *block; /* the plan may change under it */
        enum plan_refusal refusal = plan_refuse(&unit->plan, turn->group, group->next_block, now_us);
        if (refusal == PLAN_RETRY) {
            return false;
        }
        if (refusal == PLAN_GUILTY) {
            unit->refused_tag = unit->plan.points[refused.first].tag;
            count_refused(unit);
        }
        emit_bad_block(unit, &refused, quality_of_exception(exception), now_us, emitter);
        return true;
    }
    emit_bad_block(unit, block, quality_of_exception(exception), now_us, emitter);
    return true;
}

static void take_values(const struct unit_turn *turn, const struct plan_block *block, struct bytes data,
                        int64_t now_us, struct emitter *emitter)
{
    struct unit *unit = turn->unit;
    for (uint32_t i = 0; i < block->count; i++) {
        emit_value(unit, block, block->first + i, data, now_us, emitter);
    }
    if (unit->plan.points[block->first].probing) {
        plan_accept(&unit->plan, turn->group, unit->groups[turn->group].next_block, now_us);
        count_refused(unit);
    }
}

static void next_block(const struct unit_turn *turn, struct schedule_now now)
{
    struct unit *unit = turn->unit;
    struct unit_group *group = &unit->groups[turn->group];
    unit->ready_us = now.mono_us + unit->pause_us;
    if (!plan_block(&unit->plan, turn->group, ++group->next_block)) {
        end_pass(unit, group, now);
    }
}

bool unit_answered(const struct unit_turn *turn, const struct unit_answer *answer, struct emitter *emitter)
{
    struct unit *unit = turn->unit;
    struct unit_group *group = &unit->groups[turn->group];
    const struct plan_block *block = plan_block(&unit->plan, turn->group, group->next_block);
    const struct pdu_response *response = answer->response;
    bool go_on = true;
    if (response->exception) {
        go_on = take_exception(turn, block, response->exception, answer->now.mono_us, emitter);
    } else {
        take_values(turn, block, response->data, answer->now.mono_us, emitter);
    }
    bool back = breaker_success(&unit->breaker);
    metric_set(&unit->counters[UNIT_BREAKER], unit->breaker.state);
    if (go_on) {
        next_block(turn, answer->now);
    } else {
        unit->ready_us = answer->now.mono_us + unit->pause_us;
    }
    return back;
}

bool unit_failed(const struct unit_turn *turn, enum quality quality, const struct unit_answer *answer,
                 struct emitter *emitter)
{
    struct unit *unit = turn->unit;
    struct unit_group *group = &unit->groups[turn->group];
    const struct plan_block *block = plan_block(&unit->plan, turn->group, group->next_block);
    int64_t now_us = answer->now.mono_us;
    metric_add(&unit->counters[UNIT_FAILURES], 1);
    emit_bad_block(unit, block, quality, now_us, emitter);
    bool opened = breaker_failure(&unit->breaker, now_us, answer->random);
    metric_set(&unit->counters[UNIT_BREAKER], unit->breaker.state);
    metric_set(&unit->counters[UNIT_SUSPENSIONS], (int64_t)unit->breaker.opened);
    if (opened) {
        unit_mark(unit, QUALITY_BAD_SUSPENDED, now_us, emitter);
    }
    for (size_t i = 0; i < unit->plan.group_count; i++) {
        unit->groups[i].excused = true;
    }
    next_block(turn, answer->now);
    if (quality == QUALITY_BAD_TIMEOUT) {
        unit->ready_us = later(unit->ready_us, now_us + unit->quarantine_us);
    }
    return opened;
}

void unit_mark(struct unit *unit, enum quality quality, int64_t now_us, struct emitter *emitter)
{
    for (size_t i = 0; i < unit->plan.point_count; i++) {
        const struct report_state *state = &unit->states[i];
        if (!state->reported || quality_has_value((enum quality)state->quality)) {
            emit_bad(unit, i, quality, now_us, emitter);
        }
    }
    for (size_t i = 0; i < unit->plan.group_count; i++) {
        unit->groups[i].excused = true;
        unit->groups[i].running = false;
    }
}

static bool is_stale(const struct unit_group *group, int64_t now_us)
{
    int64_t age_us = now_us - group->fresh_us;
    return age_us > UNIT_STALE_PERIODS * group->schedule.rate_us + UNIT_STALE_GRACE_US;
}

bool unit_has_stale(const struct unit *unit, int64_t now_us)
{
    for (size_t i = 0; i < unit->plan.group_count; i++) {
        if (is_stale(&unit->groups[i], now_us)) {
            return true;
        }
    }
    return false;
}

static void emit_stale(struct unit *unit, size_t index, int64_t now_us, struct emitter *emitter)
{
    const struct plan_point *point = &unit->plan.points[index];
    struct report_state *state = &unit->states[index];
    enum quality quality = (enum quality)state->quality;
    if (!state->reported || quality == QUALITY_STALE || !quality_has_value(quality)) {
        return;
    }
    const struct catalog_tag *tag = catalog_tag(unit->catalog, point->tag);
    struct reading *reading = emitter_slot(emitter);
    if (!decode_raw(tag, state->raw, reading->words)) {
        emit_bad(unit, index, QUALITY_BAD_TIMEOUT, now_us, emitter);
        return;
    }
    const struct report_sample sample = {
        .quality = QUALITY_STALE, .number = state->number, .raw = state->raw};
    if (report_due(rule_of(unit, point), state, &sample, now_us)) {
        reading->tag = point->tag;
        reading->quality = QUALITY_STALE;
        reading->word_count = tag->words;
        emitter_commit(emitter);
    }
}

void unit_mark_stale(struct unit *unit, int64_t now_us, struct emitter *emitter)
{
    for (size_t i = 0; i < unit->plan.group_count; i++) {
        const struct plan_group *group = &unit->plan.groups[i];
        if (!is_stale(&unit->groups[i], now_us)) {
            continue;
        }
        for (uint32_t j = 0; j < group->point_count; j++) {
            emit_stale(unit, group->first_point + j, now_us, emitter);
        }
        unit->groups[i].fresh_us = now_us;
    }
}

void unit_forget(struct unit *unit)
{
    for (size_t i = 0; i < unit->plan.point_count; i++) {
        report_forget(&unit->states[i]);
    }
    for (size_t i = 0; i < unit->plan.group_count; i++) {
        unit->groups[i].excused = true;
    }
}
