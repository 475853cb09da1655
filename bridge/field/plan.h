/*
 * plan: which registers of a unit are read with which request.
 *
 * The tags of one rate are a group, polled in one pass. Within a group, tags of one table that lie next to
 * each other (or apart by no more than the permitted gap) become one block, up to what the device gives in
 * one read.
 *
 * A device may refuse a block (exception 02 or 03) because of one tag, of a hole between two, or of its size.
 * The block is then cut in two and both halves are tried in the same pass, and so on, until each block is
 * answered or is one tag, which is the guilty one: only that is left out, the cuts are undone, and it is
 * tried again on its own with a growing back-off. Tags of the very same registers are guilty together.
 *
 * Pure; no allocation after plan_init(). One thread.
 */
#ifndef BOURDON_FIELD_PLAN_H
#define BOURDON_FIELD_PLAN_H

#include "base/err.h"
#include "tunnel/catalog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PLAN_CUTS_PER_PASS = 32,  /* requests a pass may lose to hunting the guilty tag */
    PLAN_PROBES_PER_PASS = 4, /* refused tags tried again in one pass; doubles while all succeed … */
    PLAN_PROBES_MAX = 128,    /* … up to this */
    PLAN_PROBE_DOUBLINGS = 6,
};
#define PLAN_PROBE_FIRST_US INT64_C(10000000) /* doubles up to 640 s */

struct plan_limits {
    uint16_t max_registers;
    uint16_t max_bits;
    uint16_t gap; /* registers; 16 times as many bits */
};

struct plan_point {
    uint32_t tag; /* index in the catalog */
    uint16_t address;
    uint8_t size;  /* registers, or 1 bit */
    uint8_t table; /* enum table */
    uint16_t rule; /* of no meaning to the plan: see unit.h */
    int64_t rate_us;
    /* Kept by the plan. */
    int64_t probe_us;
    bool cut;     /* no block spans this point and the one before */
    bool refused; /* found guilty */
    bool out;     /* refused, and left out of this pass */
    bool probing; /* refused, but tried on its own in this pass */
    uint8_t refusals;
};

struct plan_block {
    uint32_t first; /* index of the first point … */
    uint32_t count; /* … and how many follow each other */
    uint16_t address;
    uint16_t quantity;
    enum table table;
};

struct plan_group {
    int64_t rate_us;
    uint32_t first_point, point_count;
    uint32_t first_block, block_count;
    uint16_t cuts_left; /* in this pass */
    bool heal;          /* undo the cuts at the next pass */
    uint16_t probes;    /* allowed in this pass */
    bool probed;        /* some were tried in this pass, … */
    bool probe_failed;  /* … and not all succeeded */
    bool refused;       /* some point is */
};

struct plan {
    struct plan_limits limits;
    struct plan_point *points; /* owned; by group, table, address */
    size_t point_count;
    struct plan_block *blocks; /* owned; room for one a point */
    size_t block_count;
    struct plan_group *groups; /* owned */
    size_t group_count;
};

/* Takes over `points` (heap; any order, freed on failure too). ERR_NO_MEMORY. */
MUST_USE enum err plan_init(struct plan *plan, const struct plan_limits *limits, struct plan_point *points,
                            size_t count);
void plan_fini(struct plan *plan);

/* A pass over the group begins: undoes cuts, takes in refused tags whose time has come. Blocks may change. */
void plan_begin_pass(struct plan *plan, size_t group, int64_t now_us);

/* The block `index` of the group; NULL behind the last. */
const struct plan_block *plan_block(const struct plan *plan, size_t group, size_t index);

enum plan_refusal {
    PLAN_RETRY,  /* cut: the same index is now the first half */
    PLAN_GUILTY, /* one tag (or several of the same registers): left out until its probe; go on to the next
                    index */
    PLAN_LATER,  /* too many cuts in this pass: go on to the next index */
};

/* The device refused the block (exception 02 or 03). */
enum plan_refusal plan_refuse(struct plan *plan, size_t group, size_t index, int64_t now_us);

/* The device answered the block. */
void plan_accept(struct plan *plan, size_t group, size_t index, int64_t now_us);

bool plan_table_is_bits(enum table table);

#endif
