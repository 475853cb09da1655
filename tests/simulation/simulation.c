/*
 * simulation: runs worlds, one a seed, and looks for a violation of the law.
 *
 *   simulation [--seeds N] [--first SEED] [--mutant ack-before-commit|trim-before-ack] [--verbose]
 *
 * Exit status 0: no violation (with --mutant: the mutant was caught). A violation prints the seed that
 * replays it.
 */
#include "world.h"

#include "base/arguments.h"
#include "base/clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t faults_last_us = 120 * CLOCK_US_PER_S;
static const int64_t settles_within_us = 300 * CLOCK_US_PER_S;
static const int64_t half_open_found_us =
    (15 + 20 + 1) * CLOCK_US_PER_S; /* t1 + t3, and a second of latency */

/* splitmix64 */
uint64_t world_random(struct world *world, uint64_t bound)
{
    world->random_state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = world->random_state;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (mixed ^ (mixed >> 31)) % bound;
}

bool world_chance(struct world *world, unsigned percent)
{
    return world_random(world, 100) < percent;
}

void world_trace(const struct world *world, const char *format, ...)
{
    if (!world->verbose) {
        return;
    }
    printf("%12.6f ", (double)world->now_us / 1e6);
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

void world_violation(struct world *world, const char *what)
{
    world_trace(world, "violation: %s", what);
    if (!world->violation) {
        world->violation = what;
    }
}

struct stored_batch stored_batch_copy(struct bytes bytes)
{
    struct stored_batch copy = {.data = malloc(bytes.size), .size = bytes.size};
    if (!copy.data) {
        abort();
    }
    memcpy(copy.data, bytes.data, bytes.size);
    return copy;
}

void stored_batch_free(struct stored_batch *batch)
{
    free(batch->data);
    *batch = (struct stored_batch){0};
}

bool stored_batch_equal(const struct stored_batch *a, const struct stored_batch *b)
{
    return a->data && b->data && a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

void pipe_send(struct world *world, struct pipe_model *pipe, struct bytes bytes)
{
    if (!world->connected || pipe->silent) {
        return;
    }
    if (pipe->count == WORLD_SEGMENTS_MAX) {
        world_violation(world, "more frames under way than the windows allow");
        return;
    }
    int64_t arrives = world->now_us + 1 + (int64_t)world_random(world, 200 * CLOCK_US_PER_MS);
    if (arrives <= pipe->last_arrival_us) {
        arrives = pipe->last_arrival_us + 1;
    }
    struct stored_batch copy = stored_batch_copy(bytes);
    size_t slot = (pipe->first + pipe->count++) % WORLD_SEGMENTS_MAX;
    pipe->segments[slot].data = copy.data;
    pipe->segments[slot].size = copy.size;
    pipe->segments[slot].arrives_us = pipe->last_arrival_us = arrives;
}

void pipe_clear(struct pipe_model *pipe)
{
    for (; pipe->count > 0; pipe->count--, pipe->first = (pipe->first + 1) % WORLD_SEGMENTS_MAX) {
        free(pipe->segments[pipe->first].data);
    }
    *pipe = (struct pipe_model){0};
}

int64_t pipe_next_us(const struct pipe_model *pipe)
{
    return pipe->count > 0 ? pipe->segments[pipe->first].arrives_us : WORLD_NEVER;
}

void world_disconnect(struct world *world)
{
    if (!world->connected) {
        return;
    }
    world->connected = false;
    world->silent_since_us = WORLD_NEVER;
    pipe_clear(&world->to_server);
    pipe_clear(&world->to_bridge);
    bridge_forget_session(world);
    server_forget_session(world);
}

/* Delivers the next segment of a direction, in one piece or in two. */
static void deliver(struct world *world, struct pipe_model *pipe)
{
    size_t slot = pipe->first;
    uint8_t *data = pipe->segments[slot].data;
    size_t size = pipe->segments[slot].size;
    pipe->first = (pipe->first + 1) % WORLD_SEGMENTS_MAX;
    pipe->count--;
    size_t split = world_random(world, size + 1);
    const struct bytes parts[] = {{data, split}, {data + split, size - split}};
    for (size_t i = 0; i < 2 && world->connected; i++) {
        if (parts[i].size > 0 && pipe == &world->to_server && !world->server.closed) {
            receiver_receive(world->server.receiver, parts[i], world->now_us);
        } else if (parts[i].size > 0 && pipe == &world->to_bridge && !world->bridge.closed) {
            sender_receive(world->bridge.sender, parts[i], world->now_us);
        }
    }
    free(data);
}

static void go_silent(struct world *world)
{
    if (!world->connected) {
        return;
    }
    world_trace(world, "network: half-open");
    world->to_server.silent = world->to_bridge.silent = true;
    world->silent_since_us = world->now_us;
}

static void inject_fault(struct world *world)
{
    switch (world_random(world, 4)) {
    case 0:
        world->resets++;
        world_trace(world, "network: reset");
        world_disconnect(world);
        break;
    case 1:
        world->crashes++;
        bridge_crash(world);
        break;
    case 2:
        world->crashes++;
        server_crash(world);
        break;
    default:
        go_silent(world);
        break;
    }
    world->next_fault_us = world->now_us + 1 + (int64_t)world_random(world, 20 * CLOCK_US_PER_S);
    if (world->next_fault_us >= world->faults_end_us) {
        world->next_fault_us = WORLD_NEVER;
    }
}

static int64_t next_event_us(const struct world *world)
{
    const int64_t times[] = {
        world->next_fault_us,
        bridge_next_us(world),
        server_next_us(world),
        pipe_next_us(&world->to_server),
        pipe_next_us(&world->to_bridge),
    };
    int64_t next = WORLD_NEVER;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        next = times[i] < next ? times[i] : next;
    }
    return next;
}

static bool everything_arrived(const struct world *world)
{
    const struct bridge_model *bridge = &world->bridge;
    if (world->now_us < world->faults_end_us || bridge->appending.data) {
        return false;
    }
    for (uint64_t i = 1; i < bridge->next_sequence; i++) {
        if (!bridge->acked[i]) {
            return false;
        }
    }
    return true;
}

static void check_end(struct world *world)
{
    for (uint64_t i = 1; i < world->bridge.next_sequence; i++) {
        if (!world->server.store[i].data) {
            world_violation(world, "a spooled batch never reached the store");
        }
    }
}

static void run(struct world *world)
{
    while (!world->violation && !everything_arrived(world)) {
        int64_t next = next_event_us(world);
        if (next == WORLD_NEVER || next > world->faults_end_us + settles_within_us) {
            world_violation(world, "does not settle after the faults have ended");
            break;
        }
        world->now_us = next > world->now_us ? next : world->now_us;
        if (world->next_fault_us <= world->now_us) {
            inject_fault(world);
        }
        if (pipe_next_us(&world->to_server) <= world->now_us) {
            deliver(world, &world->to_server);
        }
        if (pipe_next_us(&world->to_bridge) <= world->now_us) {
            deliver(world, &world->to_bridge);
        }
        server_step(world);
        bridge_step(world);
        if (world->silent_since_us != WORLD_NEVER &&
            world->now_us - world->silent_since_us > half_open_found_us) {
            world_violation(world, "a half-open connection outlived t1 + t3");
        }
    }
    check_end(world);
}

static void world_free(struct world *world)
{
    world->connected = true;
    world_disconnect(world);
    server_crash(world);
    stored_batch_free(&world->bridge.appending);
    for (size_t i = 0; i <= WORLD_BATCHES_MAX; i++) {
        stored_batch_free(&world->bridge.spool[i]);
        stored_batch_free(&world->server.store[i]);
    }
    batch_decoder_free(world->decoder);
    catalog_free(world->catalog);
    free(world);
}

struct totals {
    uint64_t violations, batches, resets, crashes, disk_errors, duplicates, retries;
};

static void run_seed(uint64_t seed, enum mutant mutant, bool verbose, struct totals *totals)
{
    static const struct catalog_tag tag = {
        .name = "p", .unit = "", .link = "", .type = VALUE_UINT16, .words = 1, .scale = 1};
    struct world *world = calloc(1, sizeof *world);
    if (!world || catalog_new(&tag, 1, &world->catalog, NULL) != ERR_OK ||
        !(world->decoder = batch_decoder_new())) {
        abort();
    }
    world->seed = world->random_state = seed;
    world->mutant = mutant;
    world->verbose = verbose;
    world->faults_end_us = faults_last_us;
    world->silent_since_us = WORLD_NEVER;
    world->server.commit_us = world->server.lookup_us = world->server.catalog_us = WORLD_NEVER;
    world->next_fault_us = (int64_t)world_random(world, 10 * CLOCK_US_PER_S);
    world->bridge.next_sequence = 1;
    bridge_start(world);
    run(world);
    if (world->violation && mutant == MUTANT_NONE) {
        printf("seed %" PRIu64 ": %s\n  replay: simulation --first %" PRIu64 " --seeds 1 --verbose\n", seed,
               world->violation, seed);
    }
    totals->violations += world->violation != NULL;
    totals->batches += world->bridge.next_sequence - 1;
    totals->resets += world->resets;
    totals->crashes += world->crashes;
    totals->disk_errors += world->disk_errors;
    totals->duplicates += world->duplicates;
    totals->retries += world->retries;
    world_free(world);
}

static bool parse_mutant(const char *text, enum mutant *mutant)
{
    *mutant = MUTANT_NONE;
    if (text && strcmp(text, "ack-before-commit") == 0) {
        *mutant = MUTANT_ACK_BEFORE_COMMIT;
    } else if (text && strcmp(text, "trim-before-ack") == 0) {
        *mutant = MUTANT_TRIM_BEFORE_ACK;
    } else if (text) {
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    const char *seeds_text = "10000", *first_text = "1", *mutant_text = NULL;
    bool verbose = false;
    const struct argument arguments[] = {
        {.name = "seeds", .value = "N", .help = "how many worlds (default 10000)", .text = &seeds_text},
        {.name = "first", .value = "SEED", .help = "seed of the first (default 1)", .text = &first_text},
        {.name = "mutant",
         .value = "NAME",
         .help = "ack-before-commit or trim-before-ack",
         .text = &mutant_text},
        {.name = "verbose", .help = "print every event", .flag = &verbose},
        ARGUMENTS_END,
    };
    const struct command_line line = {
        .program = "simulation",
        .summary = "Looks for a violation of the law of durability under a seeded scheduler.",
        .usage = "[options]",
        .arguments = arguments,
    };
    size_t positional;
    enum arguments_result parsed = arguments_parse(&line, argc, argv, &positional);
    if (parsed != ARGUMENTS_RUN) {
        return parsed == ARGUMENTS_DONE ? EXIT_SUCCESS : EXIT_USAGE;
    }
    enum mutant mutant;
    if (!parse_mutant(mutant_text, &mutant)) {
        fprintf(stderr, "simulation: no mutant %s\n", mutant_text);
        return EXIT_USAGE;
    }
    struct totals totals = {0};
    uint64_t first = strtoull(first_text, NULL, 10), seeds = strtoull(seeds_text, NULL, 10);
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        run_seed(seed, mutant, verbose, &totals);
    }
    printf("%" PRIu64 " worlds: %" PRIu64 " batches, %" PRIu64 " acknowledged as duplicates, %" PRIu64
           " asked for again; %" PRIu64 " resets, %" PRIu64 " crashes, %" PRIu64 " disk errors; %" PRIu64
           " violations\n",
           seeds, totals.batches, totals.duplicates, totals.retries, totals.resets, totals.crashes,
           totals.disk_errors, totals.violations);
    bool caught = totals.violations > 0;
    bool saw_something = totals.batches > 0 && (mutant != MUTANT_NONE || totals.duplicates > 0);
    return saw_something && caught == (mutant != MUTANT_NONE) ? EXIT_SUCCESS : EXIT_FAILURE;
}
