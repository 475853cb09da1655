#include "world.h"

#include "base/clock.h"

#include <string.h>

static void on_send(void *owner, struct bytes bytes)
{
    struct world *world = owner;
    pipe_send(world, &world->to_bridge, bytes);
}

static void on_open(void *owner, const struct frame_open *open)
{
    struct world *world = owner;
    (void)open;
    world->server.lookup_us = world->now_us + (int64_t)world_random(world, 50 * CLOCK_US_PER_MS);
}

static void on_catalog(void *owner, const struct catalog *catalog)
{
    struct world *world = owner;
    if (memcmp(catalog_hash(catalog), catalog_hash(world->catalog), CATALOG_HASH_SIZE) != 0) {
        world_violation(world, "a catalog changed on the way");
    }
    world->server.catalog_us = world->now_us + (int64_t)world_random(world, 50 * CLOCK_US_PER_MS);
}

static void on_batch(void *owner, const struct batch_view *view, bool historical)
{
    struct world *world = owner;
    struct server_model *server = &world->server;
    (void)historical;
    if (receiver_outstanding(server->receiver) > server->window ||
        server->waiting_count == WORLD_WAITING_MAX) {
        world_violation(world, "more batches outstanding than the window allows");
        return;
    }
    server->waiting[server->waiting_count].sequence = view->identity.sequence;
    server->waiting[server->waiting_count].generation = server->generation;
    server->waiting[server->waiting_count++].batch = stored_batch_copy(view->encoded);
    if (server->commit_us == WORLD_NEVER) {
        bool slow = world_chance(world, 3); /* long enough for the keep-alive acks to matter */
        server->commit_us =
            world->now_us + (int64_t)world_random(world, slow ? 60 * CLOCK_US_PER_S : 30 * CLOCK_US_PER_MS);
    }
}

static const struct catalog *on_find_catalog(void *owner, const uint8_t *hash)
{
    const struct world *world = owner;
    bool known =
        world->server.catalog_stored && memcmp(hash, catalog_hash(world->catalog), CATALOG_HASH_SIZE) == 0;
    return known ? world->catalog : NULL;
}

static void on_rejected(void *owner, uint64_t sequence, const char *text)
{
    world_trace(owner, "server: rejected %llu: %s", (unsigned long long)sequence, text);
    world_violation(owner, "the server rejects an honest batch");
}

static void on_closed(void *owner, enum err code, enum bye_reason reason, const char *text)
{
    struct world *world = owner;
    world_trace(world, "server: session closed: %s, %s, %s", err_name(code), bye_reason_name(reason), text);
    world->server.closed = true;
}

static const struct receiver_events events = {
    .send = on_send,
    .open = on_open,
    .catalog = on_catalog,
    .batch = on_batch,
    .find_catalog = on_find_catalog,
    .rejected = on_rejected,
    .closed = on_closed,
};

void server_accept(struct world *world)
{
    struct server_model *server = &world->server;
    server->window = 1 + (uint32_t)world_random(world, 16);
    struct receiver_options options = {
        .events = &events,
        .owner = world,
        .decoder = world->decoder,
        .hello = {.version_min = TUNNEL_VERSION,
                  .version_max = TUNNEL_VERSION,
                  .server = "simulation",
                  .max_batch = BATCH_SIZE_MAX,
                  .max_catalog = CATALOG_SIZE_MAX,
                  .window_batches = server->window,
                  .window_bytes = BATCH_SIZE_MAX,
                  .t1_ms = 15000,
                  .t2_ms = 10000,
                  .t3_ms = 20000},
    };
    server->generation++;
    server->closed = server->opened = false;
    server->lookup_us = server->catalog_us = WORLD_NEVER;
    server->receiver = receiver_new(&options, world->now_us);
    receiver_start(server->receiver, world->now_us);
}

void server_forget_session(struct world *world)
{
    struct server_model *server = &world->server;
    receiver_free(server->receiver);
    server->receiver = NULL;
    server->closed = false;
    server->lookup_us = server->catalog_us = WORLD_NEVER;
}

static void forget_waiting(struct server_model *server)
{
    for (size_t i = 0; i < server->waiting_count; i++) {
        stored_batch_free(&server->waiting[i].batch);
    }
    server->waiting_count = 0;
    server->commit_us = WORLD_NEVER;
}

void server_crash(struct world *world)
{
    world_trace(world, "server: killed");
    world_disconnect(world);
    forget_waiting(&world->server);
}

static void finish_lookup(struct world *world)
{
    struct server_model *server = &world->server;
    struct frame_welcome welcome = {0};
    for (uint64_t i = 1; i <= WORLD_BATCHES_MAX; i++) {
        if (server->store[i].data) {
            welcome.contiguous = welcome.contiguous + 1 == i ? i : welcome.contiguous;
            welcome.highest = i;
        }
    }
    server->lookup_us = WORLD_NEVER;
    receiver_opened(server->receiver, &welcome, world->now_us);
}

static void finish_catalog(struct world *world)
{
    struct server_model *server = &world->server;
    struct frame_catalog_ack ack = {.result = server->catalog_stored ? ACK_DUPLICATE : ACK_COMMITTED};
    memcpy(ack.hash, catalog_hash(world->catalog), CATALOG_HASH_SIZE);
    server->catalog_stored = true;
    server->catalog_us = WORLD_NEVER;
    receiver_catalog_stored(server->receiver, &ack, world->now_us);
}

/* The store is unique on the sequence: stores once, tells a duplicate from a conflict. */
static enum ack_result store_batch(struct world *world, uint64_t sequence, const struct stored_batch *batch)
{
    struct stored_batch *place = &world->server.store[sequence];
    if (!place->data) {
        *place = stored_batch_copy((struct bytes){.data = batch->data, .size = batch->size});
        return ACK_COMMITTED;
    }
    if (stored_batch_equal(place, batch)) {
        return ACK_DUPLICATE;
    }
    world_violation(world, "two different batches under one sequence");
    return ACK_REJECTED;
}

static void answer(struct world *world, size_t index, enum ack_result result)
{
    struct server_model *server = &world->server;
    if (server->receiver && !server->closed && server->waiting[index].generation == server->generation) {
        uint32_t delay_ms = result == ACK_RETRY_AFTER ? 500 : 0;
        int64_t committed_us = result == ACK_RETRY_AFTER ? 0 : world->now_us;
        receiver_stored(server->receiver, server->waiting[index].sequence, result, committed_us, delay_ms, "",
                        world->now_us);
    }
}

/* One group: committed whole or not at all; then, if nobody was killed in between, answered. */
static void finish_commit(struct world *world)
{
    struct server_model *server = &world->server;
    if (server->receiver && !server->closed && server->catalog_us != WORLD_NEVER) {
        finish_catalog(world); /* the store works in order: the catalog came before the batches */
    }
    bool faulty = world->now_us < world->faults_end_us;
    bool full = faulty && world_chance(world, 10);
    bool killed_before = faulty && world_chance(world, 5);
    bool killed_after = faulty && world_chance(world, 5);
    world->disk_errors += full;
    enum ack_result results[WORLD_WAITING_MAX] = {0};
    if (world->mutant == MUTANT_ACK_BEFORE_COMMIT) {
        for (size_t i = 0; i < server->waiting_count; i++) {
            answer(world, i, ACK_COMMITTED);
        }
    }
    if (killed_before) {
        world->crashes++;
        server_crash(world);
        return;
    }
    for (size_t i = 0; i < server->waiting_count; i++) {
        results[i] = full ? ACK_RETRY_AFTER
                          : store_batch(world, server->waiting[i].sequence, &server->waiting[i].batch);
    }
    if (killed_after) {
        world->crashes++;
        server_crash(world);
        return;
    }
    if (server->receiver) {
        receiver_cork(server->receiver);
    }
    for (size_t i = 0; i < server->waiting_count && world->mutant != MUTANT_ACK_BEFORE_COMMIT; i++) {
        answer(world, i, results[i]);
    }
    if (server->receiver) {
        receiver_uncork(server->receiver, world->now_us);
    }
    forget_waiting(server);
}

int64_t server_next_us(const struct world *world)
{
    const struct server_model *server = &world->server;
    int64_t times[] = {
        server->lookup_us,
        server->catalog_us,
        server->commit_us,
        server->receiver ? receiver_deadline_us(server->receiver) : WORLD_NEVER,
    };
    int64_t next = WORLD_NEVER;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        next = times[i] < next ? times[i] : next;
    }
    return next;
}

void server_step(struct world *world)
{
    struct server_model *server = &world->server;
    if (server->receiver && !server->closed && server->lookup_us <= world->now_us) {
        finish_lookup(world);
    }
    if (server->receiver && !server->closed && server->catalog_us <= world->now_us) {
        finish_catalog(world);
    }
    if (server->commit_us <= world->now_us) {
        finish_commit(world);
    }
    if (server->receiver && !server->closed && receiver_deadline_us(server->receiver) <= world->now_us) {
        receiver_tick(server->receiver, world->now_us);
    }
    if (server->closed) {
        world_disconnect(world);
    }
}
