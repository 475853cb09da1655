#include "field/plan.h"

#include <stdlib.h>
#include <string.h>

enum { BITS_PER_REGISTER = 16, ADDRESSES = 65536 };

bool plan_table_is_bits(enum table table)
{
    return table == TABLE_COIL || table == TABLE_DISCRETE;
}

static int compare_points(const void *a, const void *b)
{
    const struct plan_point *left = a;
    const struct plan_point *right = b;
    if (left->rate_us != right->rate_us) {
        return left->rate_us < right->rate_us ? -1 : 1;
    }
    if (left->table != right->table) {
        return left->table - right->table;
    }
    if (left->address != right->address) {
        return left->address - right->address;
    }
    if (left->size != right->size) {
        return left->size - right->size;
    }
    return left->tag < right->tag ? -1 : 1;
}

static uint32_t point_end(const struct plan_point *point)
{
    return (uint32_t)point->address + point->size;
}

static uint32_t block_end(const struct plan_block *block)
{
    return (uint32_t)block->address + block->quantity;
}

/* Whether the point may join the block that the points before it make. */
static bool joins(const struct plan_limits *limits, const struct plan_block *block,
                  const struct plan_point *point)
{
    if (point->cut || point->probing || (enum table)point->table != block->table) {
        return false;
    }
    bool bits = plan_table_is_bits(block->table);
    uint32_t gap = bits ? (uint32_t)limits->gap * BITS_PER_REGISTER : limits->gap;
    uint32_t most = bits ? limits->max_bits : limits->max_registers;
    return point->address <= block_end(block) + gap && point_end(point) <= block->address + most;
}

static void extend(struct plan_block *block, const struct plan_point *point)
{
    block->count++;
    if (point_end(point) > block_end(block)) {
        block->quantity = (uint16_t)(point_end(point) - block->address);
    }
}

static void open_block(struct plan *plan, uint32_t index)
{
    const struct plan_point *point = &plan->points[index];
    plan->blocks[plan->block_count++] = (struct plan_block){
        .first = index,
        .count = 1,
        .address = point->address,
        .quantity = point->size,
        .table = (enum table)point->table,
    };
}

static void build_group(struct plan *plan, struct plan_group *group)
{
    group->first_block = (uint32_t)plan->block_count;
    bool apart = true; /* the next point opens a block */
    for (uint32_t i = group->first_point; i < group->first_point + group->point_count; i++) {
        const struct plan_point *point = &plan->points[i];
        struct plan_block *last = apart ? NULL : &plan->blocks[plan->block_count - 1];
        if (point->out) {
            apart = true;
        } else if (last && joins(&plan->limits, last, point)) {
            extend(last, point);
        } else {
            open_block(plan, i);
            apart = point->probing;
        }
    }
    group->block_count = (uint32_t)plan->block_count - group->first_block;
}

static void build(struct plan *plan)
{
    plan->block_count = 0;
    for (size_t i = 0; i < plan->group_count; i++) {
        build_group(plan, &plan->groups[i]);
    }
}

static size_t count_rates(const struct plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->point_count; i++) {
        count += i == 0 || plan->points[i].rate_us != plan->points[i - 1].rate_us ? 1 : 0;
    }
    return count;
}

static void make_groups(struct plan *plan)
{
    for (uint32_t i = 0; i < plan->point_count; i++) {
        if (i == 0 || plan->points[i].rate_us != plan->points[i - 1].rate_us) {
            plan->groups[plan->group_count++] = (struct plan_group){
                .rate_us = plan->points[i].rate_us,
                .first_point = i,
            };
        }
        plan->groups[plan->group_count - 1].point_count++;
    }
}

enum err plan_init(struct plan *plan, const struct plan_limits *limits, struct plan_point *points,
                   size_t count)
{
    *plan = (struct plan){.limits = *limits, .points = points, .point_count = count};
    qsort(points, count, sizeof *points, compare_points);
    plan->blocks = calloc(count + 1, sizeof *plan->blocks);
    plan->groups = calloc(count_rates(plan) + 1, sizeof *plan->groups);
    if (!plan->blocks || !plan->groups) {
        plan_fini(plan);
        return ERR_NO_MEMORY;
    }
    make_groups(plan);
    build(plan);
    return ERR_OK;
}

void plan_fini(struct plan *plan)
{
    free(plan->points);
    free(plan->blocks);
    free(plan->groups);
    *plan = (struct plan){.point_count = 0};
}

/* Undoes the cuts of a group. */
static void heal(struct plan *plan, struct plan_group *group)
{
    for (uint32_t i = group->first_point; i < group->first_point + group->point_count; i++) {
        plan->points[i].cut = false;
    }
    group->heal = false;
}

/* A device that is whole again, after answering anything with exceptions for a while, is soon read whole. */
static uint16_t probes_allowed(const struct plan_group *group)
{
    if (!group->probed || group->probe_failed) {
        return PLAN_PROBES_PER_PASS;
    }
    return group->probes < PLAN_PROBES_MAX ? (uint16_t)(group->probes * 2) : PLAN_PROBES_MAX;
}

static void choose_probes(struct plan *plan, struct plan_group *group, int64_t now_us)
{
    group->probes = probes_allowed(group);
    group->refused = false;
    group->probed = false;
    group->probe_failed = false;
    int left = group->probes;
    for (uint32_t i = group->first_point; i < group->first_point + group->point_count; i++) {
        struct plan_point *point = &plan->points[i];
        point->probing = point->refused && left > 0 && now_us >= point->probe_us;
        point->out = point->refused && !point->probing;
        left -= point->probing ? 1 : 0;
        group->refused |= point->refused;
        group->probed |= point->probing;
    }
}

void plan_begin_pass(struct plan *plan, size_t index, int64_t now_us)
{
    struct plan_group *group = &plan->groups[index];
    group->cuts_left = PLAN_CUTS_PER_PASS;
    if (!group->heal && !group->refused) {
        return;
    }
    if (group->heal) {
        heal(plan, group);
    }
    choose_probes(plan, group, now_us);
    build(plan);
}

const struct plan_block *plan_block(const struct plan *plan, size_t group, size_t index)
{
    if (index >= plan->groups[group].block_count) {
        return NULL;
    }
    return &plan->blocks[plan->groups[group].first_block + index];
}

/* Whether a cut before the point makes different requests: not between tags of the very same registers. */
static bool may_cut_before(const struct plan *plan, uint32_t index)
{
    const struct plan_point *before = &plan->points[index - 1];
    const struct plan_point *behind = &plan->points[index];
    return before->address != behind->address || before->size != behind->size;
}

/* The point nearest to the middle of the block before which it may be cut; 0 = none (never the first). */
static uint32_t find_cut(const struct plan *plan, const struct plan_block *block)
{
    uint32_t middle = block->count / 2;
    for (uint32_t distance = 0; distance < block->count; distance++) {
        uint32_t above = middle + distance;
        uint32_t below = distance < middle ? middle - distance : 0;
        if (above > 0 && above < block->count && may_cut_before(plan, block->first + above)) {
            return above;
        }
        if (below > 0 && may_cut_before(plan, block->first + below)) {
            return below;
        }
    }
    return 0;
}

/* From the next pass on: the blocks of this one keep their indices. */
static void leave_out(struct plan_point *point, int64_t now_us)
{
    point->refused = true;
    point->probe_us = now_us + (PLAN_PROBE_FIRST_US << point->refusals);
    if (point->refusals < PLAN_PROBE_DOUBLINGS) {
        point->refusals++;
    }
}

enum plan_refusal plan_refuse(struct plan *plan, size_t group_index, size_t index, int64_t now_us)
{
    struct plan_group *group = &plan->groups[group_index];
    const struct plan_block *block = plan_block(plan, group_index, index);
    uint32_t cut = find_cut(plan, block);
    if (cut == 0) {
        /* Cuts are undone where this is news, not for a probe that failed once more. */
        group->heal |= !plan->points[block->first].refused;
        group->probe_failed |= plan->points[block->first].probing;
        group->refused = true;
        for (uint32_t i = 0; i < block->count; i++) {
            leave_out(&plan->points[block->first + i], now_us);
        }
        return PLAN_GUILTY;
    }
    if (group->cuts_left == 0) {
        return PLAN_LATER;
    }
    group->cuts_left--;
    plan->points[block->first + cut].cut = true;
    build(plan);
    return PLAN_RETRY;
}

void plan_accept(struct plan *plan, size_t group_index, size_t index, int64_t now_us)
{
    const struct plan_block *block = plan_block(plan, group_index, index);
    struct plan_point *point = &plan->points[block->first];
    if (!point->probing) {
        return;
    }
    point->refused = false;
    point->refusals = 0;
    struct plan_group *group = &plan->groups[group_index];
    for (uint32_t i = group->first_point; i < group->first_point + group->point_count; i++) {
        /* What was wrong with this one may be over for the others too. */
        plan->points[i].probe_us = now_us;
    }
}
