/*
 * fencing: copies of disks come back, under a seeded scheduler: a store or a spool is restored from a backup,
 * a spool is cloned and both run on, bridges crash, acks are lost, live batches go before their backlog.
 *
 *   fencing [--seeds N] [--first SEED] [--mutant NAME] [--verbose]
 *
 * Spool, fence, renumbering and store are the product's, on real files; what lies between them (the session)
 * is a loop that keeps to its rules. A world has one kind of disaster, see below. In the end every reading
 * that was taken is stored, or a stored gap record accounts for it; otherwise it was lost silently, and the
 * seed that replays it is printed. A mutant leaves out a rule and must be caught: blind-to-holes (what is
 * missing is not told), no-renumbering (a taken number is taken for an answer).
 */
#include "base/arguments.h"
#include "base/clock.h"
#include "base/log.h"
#include "spool/spooler.h"
#include "store/db.h"
#include "store/sqlite.h"
#include "support/temporary.h"
#include "tunnel/batch_decoder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BRIDGES = 2, READINGS_MAX = 4096, NUMBERS_MAX = 8, STEPS = 60, SETTLE_ROUNDS = 60, PER_BATCH = 3 };

enum mutant { MUTANT_NONE, MUTANT_BLIND_TO_HOLES, MUTANT_NO_RENUMBERING };

/* What of a world comes back from copies. Not both at once: if a store forgets a batch and a fork of its
 * spool puts another one under the number, nobody is left who knows. */
enum disaster { RESTORED_STORES, RESTORED_SPOOLS, CLONED_SPOOLS, DISASTERS };

struct bridge {
    char path[TEMPORARY_PATH_MAX], backup[TEMPORARY_PATH_MAX];
    bool has_backup;
    struct spooler *spooler; /* NULL: it does not run */
    struct inbox *inbox;
    struct inbox_content content;
};

/* A reading by its number. */
struct taken {
    int64_t time_us;
    bool stored; /* or accounted for */
    unsigned copies;
    uint64_t numbers[NUMBERS_MAX]; /* sequences of the batches it was in */
    size_t number_count;
};

struct world {
    uint64_t random_state;
    enum disaster disaster;
    enum mutant mutant;
    bool verbose;
    const char *violation;
    char folder[TEMPORARY_PATH_MAX], store_path[TEMPORARY_PATH_MAX], store_backup[TEMPORARY_PATH_MAX];
    bool has_store_backup;
    struct store *store;
    struct catalog *catalog;
    struct batch_decoder *decoder;
    struct spool_configuration configuration;
    struct bridge bridges[BRIDGES];
    struct taken taken[READINGS_MAX];
    uint32_t taken_count;
    uint64_t restored_stores, restored_spools, clones, renumbered, fenced, lost, duplicates;
    struct err_text why;
};

static void must(bool right, const char *what, const struct err_text *why)
{
    if (!right) {
        fprintf(stderr, "fencing: %s: %s\n", what, why->text);
        abort();
    }
}

/* splitmix64 */
static uint64_t draw(struct world *world, uint64_t bound)
{
    world->random_state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = world->random_state;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (mixed ^ (mixed >> 31)) % bound;
}

static void trace(const struct world *world, const char *what, size_t bridge, uint64_t number)
{
    if (world->verbose) {
        printf("reading %4u  bridge %zu  %s %" PRIu64 "\n", world->taken_count, bridge, what, number);
    }
}

/* The spool's inbox looks at the clock itself, so time is the real one. Only its order matters, and that
 * follows from the seed. */
static struct spooler_time now_of(const struct world *world)
{
    (void)world;
    return (struct spooler_time){.mono_us = clock_mono_us(), .wall_us = clock_wall_us(), .trusted = true};
}

static struct catalog *make_catalog(void)
{
    static const struct catalog_tag tag = {
        .name = "p", .unit = "", .link = "", .type = VALUE_UINT16, .words = 1, .scale = 1};
    struct catalog *catalog = NULL;
    struct err_text why;
    must(catalog_new(&tag, 1, &catalog, &why) == ERR_OK, "catalog", &why);
    return catalog;
}

/* Its value is its number. */
static struct reading take_one(struct world *world)
{
    uint32_t number = world->taken_count++;
    int64_t us = clock_wall_us();
    world->taken[number].time_us = us;
    return (struct reading){
        .request_us = us, .response_us = us, .word_count = 1, .words = {(uint16_t)number}};
}

/* ---- disks ---- */

static void copy_file(const char *from, const char *to, const char *suffix)
{
    char paths[2][TEMPORARY_PATH_MAX + 8];
    static char bytes[1 << 16];
    snprintf(paths[0], sizeof paths[0], "%s%s", from, suffix);
    snprintf(paths[1], sizeof paths[1], "%s%s", to, suffix);
    (void)unlink(paths[1]);
    FILE *in = fopen(paths[0], "rb");
    FILE *out = in ? fopen(paths[1], "wb") : NULL;
    size_t size;
    while (out && (size = fread(bytes, 1, sizeof bytes, in)) > 0) {
        must(fwrite(bytes, 1, size, out) == size, paths[1], &(struct err_text){"cannot be written"});
    }
    if (out) {
        fclose(out);
    }
    if (in) {
        fclose(in);
    }
}

/* Nobody writes meanwhile, so that the copy is one of a moment. The index of the log is made anew. */
static void copy_database(const char *from, const char *to)
{
    char index[TEMPORARY_PATH_MAX + 8];
    snprintf(index, sizeof index, "%s-shm", to);
    (void)unlink(index);
    copy_file(from, to, "");
    copy_file(from, to, "-wal");
}

static void open_store(struct world *world)
{
    must(sqlite_store_open(world->store_path, &world->store, &world->why) == ERR_OK, "store", &world->why);
}

static void restore_store(struct world *world)
{
    if (!world->has_store_backup) {
        return;
    }
    trace(world, "store restored", 0, ++world->restored_stores);
    store_close(world->store);
    copy_database(world->store_backup, world->store_path);
    open_store(world);
}

/* As by kill -9. */
static void kill_bridge(struct bridge *bridge)
{
    spooler_free(bridge->spooler);
    inbox_content_fini(&bridge->content);
    inbox_free(bridge->inbox);
    bridge->spooler = NULL;
    bridge->inbox = NULL;
    bridge->content = (struct inbox_content){0};
}

static void start_bridge(struct world *world, struct bridge *bridge)
{
    const struct spool_options options = {.path = bridge->path, .bridge = "cell-3", .ack_log_rows = 1000};
    struct spooler_time now = now_of(world);
    struct spool *spool = NULL;
    bridge->inbox = inbox_new();
    must(spool_open(&options, now.wall_us, &spool, &world->why) == ERR_OK, "spool", &world->why);
    must(spooler_new(spool, &world->configuration, &bridge->spooler, &world->why) == ERR_OK, "spooler",
         &world->why);
    must(spooler_start(bridge->spooler, &now, &world->why) == ERR_OK, "start", &world->why);
}

/* ---- the bridge's work ---- */

static enum err note_number(void *owner, const struct reading *reading)
{
    struct world *world = ((void **)owner)[0];
    const uint64_t *seq = ((void **)owner)[1];
    struct taken *taken = &world->taken[reading->words[0]];
    taken->numbers[taken->number_count % NUMBERS_MAX] = *seq;
    taken->number_count++;
    return ERR_OK;
}

/* Which readings are in the batches that the spool has committed. */
static void note_batches(struct world *world, struct spool_batches *batches)
{
    struct spool_batch *batch;
    while ((batch = spool_batches_take(batches))) {
        struct batch_view view;
        void *owner[] = {world, &batch->seq};
        const struct batch_visitor visitor = {.owner = owner, .reading = note_number};
        must(batch_open(spool_batch_bytes(batch), &view, &world->why) == ERR_OK, "batch", &world->why);
        must(view.kind == BATCH_GAPS ||
                 batch_decode(world->decoder, &view, world->catalog, &visitor, &world->why) == ERR_OK,
             "batch", &world->why);
        spool_batch_free(batch);
    }
}

static void take_readings(struct world *world, struct bridge *bridge, bool commit)
{
    struct spool_batches made = {0};
    uint64_t count = 1 + draw(world, 2 * PER_BATCH);
    for (uint64_t i = 0; i < count && world->taken_count < READINGS_MAX; i++) {
        struct reading reading = take_one(world);
        must(inbox_put_readings(bridge->inbox, &reading, 1), "inbox", &(struct err_text){"full"});
    }
    struct spooler_time now = now_of(world);
    inbox_take(bridge->inbox, 0, true, &bridge->content);
    must(spooler_collect(bridge->spooler, &bridge->content, &now, true, &world->why) == ERR_OK, "collect",
         &world->why);
    if (commit) {
        must(spooler_commit(bridge->spooler, &now, true, &made, &world->why) == ERR_OK, "commit",
             &world->why);
    }
    note_batches(world, &made);
}

/* ---- a session ---- */

static bool is_in(const struct store_watermarks *marks, uint64_t seq)
{
    for (size_t i = 0; i < marks->missing_count; i++) {
        if (seq >= marks->missing[i].first && seq <= marks->missing[i].last) {
            return false;
        }
    }
    return seq <= marks->highest;
}

static struct store_watermarks meet(struct world *world, struct bridge *bridge)
{
    struct spooler_time now = now_of(world);
    struct spool *spool = spooler_spool(bridge->spooler);
    struct store_watermarks marks;
    struct fence_verdict verdict;
    struct spool_batches made = {0};
    must(store_look_up(world->store, "cell-3", spool_epoch(spool), &marks, &world->why) == ERR_OK, "look up",
         &world->why);
    struct fence_meeting meeting = {.highest = marks.highest,
                                    .next_seq = spool_state(spool)->next_seq,
                                    .missing_count = marks.missing_count,
                                    .missing = marks.missing};
    memcpy(meeting.store, world->store->id, sizeof meeting.store);
    if (world->mutant == MUTANT_BLIND_TO_HOLES) {
        meeting.missing_count = 0;
    }
    must(spooler_meet(bridge->spooler, &meeting, &now, &made, &verdict, &world->why) == ERR_OK, "meet",
         &world->why);
    world->restored_spools += verdict.spool_restored;
    note_batches(world, &made);
    return marks;
}

static struct store_batch store_one(struct world *world, const struct batch_view *view)
{
    struct store_batch item = {.bridge = "cell-3", .view = view, .received_us = 1};
    struct store_catalog catalog = {
        .hash = catalog_hash(world->catalog), .encoded = catalog_encoded(world->catalog), .received_us = 1};
    bool good = store_begin(world->store, now_of(world).wall_us, &world->why) == ERR_OK &&
                store_put_catalog(world->store, &catalog, &world->why) == ERR_OK &&
                store_put_batch(world->store, &item, &world->why) == ERR_OK &&
                store_commit(world->store, &world->why) == ERR_OK;
    must(good, "store", &world->why);
    return item;
}

static void trim(struct world *world, struct bridge *bridge, uint64_t seq, enum ack_result result)
{
    struct spooler_time now = now_of(world);
    const struct spool_ack ack = {
        .seq = seq, .result = (int)result, .sent_us = 1, .committed_us = 1, .acked_us = 1};
    must(spooler_ack(bridge->spooler, &ack, NULL, &now) == ERR_OK, "ack", &world->why);
}

static void renumber_one(struct world *world, struct bridge *bridge, uint64_t seq)
{
    struct spooler_time now = now_of(world);
    struct spool_batches made = {0};
    world->renumbered++;
    must(spooler_renumber(bridge->spooler, seq, &now, &made, &world->why) == ERR_OK, "renumber", &world->why);
    note_batches(world, &made);
}

/* Sends one batch and does what the answer says. False: the session has ended. */
static bool send_one(struct world *world, struct bridge *bridge, const struct spool_batch *batch,
                     const struct store_watermarks *marks, bool heard)
{
    struct batch_view view;
    must(batch_open(spool_batch_bytes(batch), &view, &world->why) == ERR_OK, "batch", &world->why);
    enum store_result result = store_one(world, &view).result;
    trace(world, result == STORE_CONFLICT ? "conflict" : "stored", (size_t)(bridge - world->bridges),
          batch->seq);
    if (!heard) {
        return true;
    }
    if (result != STORE_CONFLICT) {
        trim(world, bridge, batch->seq, result == STORE_COMMITTED ? ACK_COMMITTED : ACK_DUPLICATE);
    } else if (world->mutant == MUTANT_NO_RENUMBERING) {
        trim(world, bridge, batch->seq, ACK_DUPLICATE);
    } else if (is_in(marks, batch->seq)) {
        renumber_one(world, bridge, batch->seq);
    } else {
        world->fenced++;
        return false;
    }
    return true;
}

/* Sends up to `most` batches, the newest or the oldest first; answers arrive, or do not. */
static void run_session(struct world *world, struct bridge *bridge, uint64_t most, bool faults)
{
    struct spooler_time now = now_of(world);
    struct store_watermarks marks = meet(world, bridge);
    struct backlog_chunk *chunk = calloc(1, sizeof *chunk);
    struct spool_batches more = {0};
    struct spool_batch *batches[BACKLOG_CHUNK_BATCHES];
    size_t count = 0;
    must(chunk && spooler_read(bridge->spooler, 1, INT64_MAX, &now, chunk, &more, &world->why) == ERR_OK,
         "read", &world->why);
    while (count < BACKLOG_CHUNK_BATCHES && (batches[count] = spool_batches_take(&chunk->batches))) {
        count++;
    }
    bool live_first = draw(world, 2) == 0;
    bool open = true;
    for (size_t i = 0; i < count; i++) {
        struct spool_batch *batch = batches[live_first ? count - 1 - i : i];
        if (open && i < most) {
            open = send_one(world, bridge, batch, &marks, !faults || draw(world, 10) > 0);
        }
        spool_batch_free(batch);
    }
    if (!faults || draw(world, 4) > 0) { /* else the acks are in memory only */
        must(spooler_commit(bridge->spooler, &now, true, &more, &world->why) == ERR_OK, "commit",
             &world->why);
    }
    note_batches(world, &more);
    free(chunk);
}

/* ---- what happens ---- */

static void restart(struct world *world, struct bridge *bridge, const char *from)
{
    kill_bridge(bridge);
    if (from) {
        copy_database(from, bridge->path);
    }
    start_bridge(world, bridge);
}

static void happen(struct world *world)
{
    size_t number = (size_t)draw(world, BRIDGES);
    struct bridge *bridge = &world->bridges[number];
    uint64_t what = draw(world, 20);
    if (!bridge->spooler) {
        if (what == 0 && world->disaster == CLONED_SPOOLS) {
            trace(world, "cloned", number, ++world->clones);
            copy_database(world->bridges[0].path, bridge->path);
            start_bridge(world, bridge);
        }
    } else if (what < 8) {
        take_readings(world, bridge, true);
    } else if (what < 14) {
        run_session(world, bridge, draw(world, 12), true);
    } else if (what == 14) {
        take_readings(world, bridge, draw(world, 2) == 0);
        restart(world, bridge, NULL);
    } else if (what == 15) {
        copy_database(bridge->path, bridge->backup);
        bridge->has_backup = true;
    } else if (what == 16 && bridge->has_backup && world->disaster != RESTORED_STORES) {
        trace(world, "spool restored", number, 0);
        restart(world, bridge, bridge->backup);
    } else if (what == 17) {
        copy_database(world->store_path, world->store_backup);
        world->has_store_backup = true;
    } else if (what == 18 && world->disaster == RESTORED_STORES) {
        restore_store(world);
    }
}

static bool settle(struct world *world)
{
    bool empty = false;
    for (int round = 0; round < SETTLE_ROUNDS && !empty; round++) {
        empty = true;
        for (size_t i = 0; i < BRIDGES; i++) {
            struct bridge *bridge = &world->bridges[i];
            if (bridge->spooler) {
                run_session(world, bridge, UINT64_MAX, false);
                empty = empty && spool_state(spooler_spool(bridge->spooler))->batches == 0;
            }
        }
    }
    return empty;
}

/* ---- the oracle ---- */

static enum err note_stored(void *owner, const struct reading *reading)
{
    struct world *world = owner;
    struct taken *taken = &world->taken[reading->words[0]];
    taken->stored = true;
    taken->copies++;
    return ERR_OK;
}

/* By its time, or if the gap has none by the number of a batch it was in. */
static bool accounts_for(const struct gap *gap, const struct taken *taken)
{
    if (gap->to_us != 0) {
        return taken->time_us >= gap->from_us && taken->time_us <= gap->to_us;
    }
    for (size_t i = 0; i < taken->number_count && i < NUMBERS_MAX; i++) {
        if (taken->numbers[i] >= gap->first_sequence && taken->numbers[i] <= gap->last_sequence) {
            return true;
        }
    }
    return false;
}

static uint32_t taken_before(const struct world *world, int64_t us)
{
    uint32_t count = 0;
    while (count < world->taken_count && world->taken[count].time_us < us) {
        count++;
    }
    return count;
}

static void trace_gap(const struct world *world, const struct gap *gap)
{
    if (world->verbose) {
        printf("gap: reason %d, sequences %" PRIu64 " to %" PRIu64 ", readings %u to %u\n", (int)gap->reason,
               gap->first_sequence, gap->last_sequence, taken_before(world, gap->from_us),
               taken_before(world, gap->to_us + 1));
    }
}

static void account(struct world *world, const struct gap *gap)
{
    trace_gap(world, gap);
    for (uint32_t i = 0; i < world->taken_count; i++) {
        world->taken[i].stored = world->taken[i].stored || accounts_for(gap, &world->taken[i]);
    }
}

static void read_stored(struct world *world, struct bytes encoded)
{
    static struct gap gaps[BATCH_GAPS_MAX];
    struct batch_view view;
    size_t count = 0;
    const struct batch_visitor visitor = {.owner = world, .reading = note_stored};
    must(batch_open(encoded, &view, &world->why) == ERR_OK, "stored batch", &world->why);
    if (view.kind == BATCH_READINGS) {
        must(batch_decode(world->decoder, &view, world->catalog, &visitor, &world->why) == ERR_OK,
             "stored batch", &world->why);
        return;
    }
    must(batch_decode_gaps(&view, gaps, BATCH_GAPS_MAX, &count, &world->why) == ERR_OK, "gaps", &world->why);
    for (size_t i = 0; i < count; i++) {
        account(world, &gaps[i]);
    }
}

static void check_end(struct world *world)
{
    struct db *db;
    sqlite3_stmt *all = NULL;
    bool row = true;
    store_close(world->store);
    world->store = NULL;
    must(db_open(world->store_path, &store_schema, &db, &world->why) == ERR_OK, "store", &world->why);
    must(db_prepare(db, "SELECT encoded FROM batch ORDER BY id", &all, &world->why) == ERR_OK, "store",
         &world->why);
    while (db_step(db, all, &row, &world->why) == ERR_OK && row) {
        read_stored(world, db_column_bytes(all, 0));
    }
    sqlite3_reset(all);
    db_close(db);
    for (uint32_t i = 0; i < world->taken_count; i++) {
        world->lost += world->taken[i].copies == 0;
        world->duplicates += world->taken[i].copies > 1;
        if (!world->taken[i].stored) {
            trace(world, "lost silently: reading", 0, i);
            world->violation = "a reading is neither stored nor accounted for";
        }
    }
}

/* ---- worlds ---- */

static struct world *world_new(uint64_t seed)
{
    struct world *world = calloc(1, sizeof *world);
    must(world != NULL, "world", &(struct err_text){"out of memory"});
    world->random_state = seed;
    world->decoder = batch_decoder_new();
    world->catalog = make_catalog();
    world->configuration = (struct spool_configuration){
        .catalog = world->catalog, .batch = {.max_readings = PER_BATCH}, .bounds = {.max_bytes = 100000000}};
    temporary_folder(world->folder);
    temporary_path(world->folder, "store.db", world->store_path);
    temporary_path(world->folder, "store.copy", world->store_backup);
    for (size_t i = 0; i < BRIDGES; i++) {
        char name[32];
        snprintf(name, sizeof name, "spool-%zu.db", i);
        temporary_path(world->folder, name, world->bridges[i].path);
        snprintf(name, sizeof name, "spool-%zu.copy", i);
        temporary_path(world->folder, name, world->bridges[i].backup);
    }
    open_store(world);
    start_bridge(world, &world->bridges[0]);
    return world;
}

static void world_free(struct world *world)
{
    for (size_t i = 0; i < BRIDGES; i++) {
        kill_bridge(&world->bridges[i]);
    }
    store_close(world->store);
    batch_decoder_free(world->decoder);
    catalog_free(world->catalog);
    temporary_remove(world->folder);
    free(world);
}

struct totals {
    uint64_t violations, readings, lost, duplicates, restored_stores, restored_spools, clones, renumbered,
        fenced;
};

static void add_up(struct totals *totals, const struct world *world)
{
    totals->violations += world->violation != NULL;
    totals->readings += world->taken_count;
    totals->lost += world->lost;
    totals->duplicates += world->duplicates;
    totals->restored_stores += world->restored_stores;
    totals->restored_spools += world->restored_spools;
    totals->clones += world->clones;
    totals->renumbered += world->renumbered;
    totals->fenced += world->fenced;
}

static void run_seed(uint64_t seed, enum mutant mutant, bool verbose, struct totals *totals)
{
    struct world *world = world_new(seed);
    world->disaster = (enum disaster)(seed % DISASTERS);
    world->mutant = mutant;
    world->verbose = verbose;
    for (int i = 0; i < STEPS; i++) {
        happen(world);
    }
    if (!settle(world)) {
        world->violation = "the bridges do not settle";
    }
    check_end(world);
    if (world->violation && mutant == MUTANT_NONE) {
        printf("seed %" PRIu64 ": %s\n  replay: fencing --first %" PRIu64 " --seeds 1 --verbose\n", seed,
               world->violation, seed);
    }
    add_up(totals, world);
    world_free(world);
}

static void be_silent(void *owner, const char *line, size_t size)
{
    (void)owner;
    (void)line;
    (void)size;
}

static bool parse_mutant(const char *text, enum mutant *mutant)
{
    *mutant = MUTANT_NONE;
    if (text && strcmp(text, "blind-to-holes") == 0) {
        *mutant = MUTANT_BLIND_TO_HOLES;
    } else if (text && strcmp(text, "no-renumbering") == 0) {
        *mutant = MUTANT_NO_RENUMBERING;
    } else if (text) {
        return false;
    }
    return true;
}

static const char memory[] = "/dev/shm";

static int run_all(uint64_t first, uint64_t seeds, enum mutant mutant, bool verbose)
{
    struct totals sum = {0};
    log_set_sink(be_silent, NULL);
    if (access(memory, W_OK) == 0) { /* no power is cut here, so no sync has to reach a disk */
        (void)setenv("TMPDIR", memory, 1);
    }
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        run_seed(seed, mutant, verbose, &sum);
    }
    printf("%" PRIu64 " worlds: %" PRIu64 " readings, %" PRIu64 " lost and accounted for, %" PRIu64
           " stored twice; %" PRIu64 " stores and %" PRIu64 " spools back from a copy, %" PRIu64
           " clones; %" PRIu64 " batches renumbered, %" PRIu64 " sessions fenced; %" PRIu64 " violations\n",
           seeds, sum.readings, sum.lost, sum.duplicates, sum.restored_stores, sum.restored_spools,
           sum.clones, sum.renumbered, sum.fenced, sum.violations);
    bool caught = sum.violations > 0;
    return sum.readings > 0 && caught == (mutant != MUTANT_NONE) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    const char *seeds = "100", *first = "1", *mutant_text = NULL;
    bool verbose = false;
    const struct argument arguments[] = {
        {.name = "seeds", .value = "N", .help = "how many worlds (default 100)", .text = &seeds},
        {.name = "first", .value = "SEED", .help = "seed of the first (default 1)", .text = &first},
        {.name = "mutant", .value = "NAME", .help = "blind-to-holes or no-renumbering", .text = &mutant_text},
        {.name = "verbose", .help = "print every event", .flag = &verbose},
        ARGUMENTS_END,
    };
    const struct command_line line = {
        .program = "fencing",
        .summary = "Looks for a silent loss when copies of disks come back, under a seeded scheduler.",
        .usage = "[options]",
        .arguments = arguments,
    };
    size_t positional;
    enum mutant mutant;
    enum arguments_result parsed = arguments_parse(&line, argc, argv, &positional);
    if (parsed != ARGUMENTS_RUN) {
        return parsed == ARGUMENTS_DONE ? EXIT_SUCCESS : EXIT_USAGE;
    }
    if (!parse_mutant(mutant_text, &mutant)) {
        fprintf(stderr, "fencing: no mutant %s\n", mutant_text);
        return EXIT_USAGE;
    }
    return run_all(strtoull(first, NULL, 10), strtoull(seeds, NULL, 10), mutant, verbose);
}
