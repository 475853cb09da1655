#include "world.h"

#include "base/clock.h"

#include <string.h>

static void on_send(void *owner, struct bytes bytes)
{
    struct world *world = owner;
    pipe_send(world, &world->to_server, bytes);
}

static void on_ready(void *owner, const struct frame_hello *hello, const struct frame_welcome *welcome)
{
    struct world *world = owner;
    (void)hello;
    if (welcome->highest >= world->bridge.next_sequence) {
        world_violation(world, "the store knows a batch the spool never committed");
    }
    world->bridge.ready = true;
}

static void on_catalog_acked(void *owner, const struct frame_catalog_ack *ack)
{
    if (ack->result != ACK_COMMITTED && ack->result != ACK_DUPLICATE) {
        world_violation(owner, "a catalog was refused");
    }
}

/* The trim: what is acknowledged must be in the store now, byte for byte. */
static void trim(struct world *world, uint64_t sequence)
{
    struct bridge_model *bridge = &world->bridge;
    if (!stored_batch_equal(&bridge->spool[sequence], &world->server.store[sequence])) {
        world_violation(world, "acknowledged, but not in the store as it was spooled");
    }
    stored_batch_free(&bridge->spool[sequence]);
    bridge->acked[sequence] = true;
}

static void on_acked(void *owner, const struct ack_range *range, int64_t first_sent_us)
{
    struct world *world = owner;
    struct bridge_model *bridge = &world->bridge;
    (void)first_sent_us;
    for (uint64_t sequence = range->first; sequence <= range->last; sequence++) {
        world_trace(world, "bridge: %s %llu", ack_result_name(range->result), (unsigned long long)sequence);
        if (sequence >= bridge->next_sequence || !bridge->in_flight[sequence]) {
            world_violation(world, "an ack for a batch that was not in flight");
            return;
        }
        bridge->in_flight[sequence] = false;
        world->duplicates += range->result == ACK_DUPLICATE;
        world->retries += range->result == ACK_RETRY_AFTER;
        if (range->result == ACK_RETRY_AFTER) {
            bridge->retry_us[sequence] = world->now_us + range->delay_ms * CLOCK_US_PER_MS;
        } else if (range->result == ACK_REJECTED) {
            world_violation(world, "an honest batch was rejected");
        } else {
            trim(world, sequence);
        }
    }
}

static void on_closed(void *owner, enum err code, enum bye_reason reason, const char *text)
{
    struct world *world = owner;
    world_trace(world, "bridge: session closed: %s, %s, %s", err_name(code), bye_reason_name(reason), text);
    if (reason == BYE_PROTOCOL) {
        world_violation(world, "two honest ends disagree about the protocol");
    }
    world->bridge.closed = true;
}

static const struct sender_events events = {
    .send = on_send,
    .ready = on_ready,
    .catalog_acked = on_catalog_acked,
    .acked = on_acked,
    .closed = on_closed,
};

static uint64_t oldest_unacked(const struct bridge_model *bridge)
{
    uint64_t sequence = 1;
    while (sequence < bridge->next_sequence && !bridge->spool[sequence].data) {
        sequence++;
    }
    return sequence;
}

void bridge_start(struct world *world)
{
    struct bridge_model *bridge = &world->bridge;
    memset(bridge->in_flight, 0, sizeof bridge->in_flight);
    memset(bridge->retry_us, 0, sizeof bridge->retry_us);
    bridge->append_done_us = WORLD_NEVER;
    bridge->next_reading_us = world->now_us + (int64_t)world_random(world, 2 * CLOCK_US_PER_S);
    bridge->connect_us = world->now_us + (int64_t)world_random(world, 5 * CLOCK_US_PER_S);
}

void bridge_connect(struct world *world)
{
    struct bridge_model *bridge = &world->bridge;
    struct sender_options options = {
        .events = &events,
        .owner = world,
        .open = {.software = "simulation",
                 .first_sequence = oldest_unacked(bridge),
                 .next_sequence = bridge->next_sequence},
    };
    memset(options.open.epoch, 7, sizeof options.open.epoch);
    bridge->sender = sender_new(&options, world->now_us);
    bridge->ready = bridge->catalog_sent = bridge->closed = false;
    bridge->connect_us = WORLD_NEVER;
    world->connected = true;
    server_accept(world);
}

void bridge_forget_session(struct world *world)
{
    struct bridge_model *bridge = &world->bridge;
    sender_free(bridge->sender);
    bridge->sender = NULL;
    bridge->ready = bridge->closed = false;
    memset(bridge->in_flight, 0, sizeof bridge->in_flight);
    bridge->connect_us = world->now_us + (int64_t)world_random(world, 3 * CLOCK_US_PER_S);
}

void bridge_crash(struct world *world)
{
    world_trace(world, "bridge: killed");
    world_disconnect(world);
    stored_batch_free(&world->bridge.appending);
    bridge_start(world);
}

/* Encodes a batch under the next sequence; the spool's commit takes its time. */
static void make_batch(struct world *world)
{
    struct bridge_model *bridge = &world->bridge;
    struct batch_builder *builder = batch_builder_new(world->catalog);
    size_t readings = 1 + world_random(world, 3);
    for (size_t i = 0; i < readings; i++) {
        struct reading reading = {
            .request_us = world->now_us + (int64_t)i,
            .response_us = world->now_us + (int64_t)i + 1,
            .word_count = 1,
            .words = {(uint16_t)world_random(world, 65536)},
        };
        if (batch_builder_add(builder, &reading) != ERR_OK) {
            world_violation(world, "a reading does not fit a batch");
        }
    }
    struct batch_identity identity = {.sequence = bridge->next_sequence};
    memset(identity.epoch, 7, sizeof identity.epoch);
    struct buffer encoded;
    buffer_init(&encoded, BATCH_SIZE_MAX);
    if (batch_builder_finish(builder, &identity, &encoded) != ERR_OK) {
        world_violation(world, "a batch does not encode");
    }
    bridge->appending = stored_batch_copy(buffer_bytes(&encoded));
    buffer_fini(&encoded);
    batch_builder_free(builder);
    bridge->append_done_us = world->now_us + (int64_t)world_random(world, 20 * CLOCK_US_PER_MS);
}

static void finish_append(struct world *world)
{
    struct bridge_model *bridge = &world->bridge;
    if (world->now_us < world->faults_end_us && world_chance(world, 5)) {
        world->disk_errors++; /* the transaction rolled back: tried again with the same bytes */
        bridge->append_done_us = world->now_us + CLOCK_US_PER_S;
        return;
    }
    bridge->spool[bridge->next_sequence++] = bridge->appending;
    bridge->appending = (struct stored_batch){0};
    bridge->append_done_us = WORLD_NEVER;
}

static bool may_send(const struct world *world, uint64_t sequence)
{
    const struct bridge_model *bridge = &world->bridge;
    return bridge->spool[sequence].data && !bridge->in_flight[sequence] &&
           bridge->retry_us[sequence] <= world->now_us;
}

static void send_one(struct world *world, uint64_t sequence)
{
    struct bridge_model *bridge = &world->bridge;
    struct bytes encoded = {.data = bridge->spool[sequence].data, .size = bridge->spool[sequence].size};
    if (!may_send(world, sequence) || !sender_has_room(bridge->sender, encoded.size)) {
        return;
    }
    bool historical = sequence + 1 < bridge->next_sequence;
    if (sender_send_batch(bridge->sender, sequence, encoded, historical, world->now_us) != ERR_OK) {
        world_violation(world, "a batch that fits the window was not taken");
    }
    bridge->in_flight[sequence] = true;
    if (world->mutant == MUTANT_TRIM_BEFORE_ACK) {
        bridge->acked[sequence] = true;
        stored_batch_free(&bridge->spool[sequence]);
    }
}

static void send_what_fits(struct world *world)
{
    struct bridge_model *bridge = &world->bridge;
    if (!bridge->ready || bridge->closed || sender_state(bridge->sender) != SENDER_READY) {
        return;
    }
    if (!bridge->catalog_sent) {
        bridge->catalog_sent = true;
        if (sender_send_catalog(bridge->sender, catalog_encoded(world->catalog), world->now_us) != ERR_OK) {
            world_violation(world, "a catalog was not taken");
        }
    }
    bool live_first = world_chance(world, 50);
    for (uint64_t i = 1; i < bridge->next_sequence; i++) {
        send_one(world, live_first ? bridge->next_sequence - i : i);
    }
}

static int64_t next_retry_us(const struct world *world)
{
    int64_t next = WORLD_NEVER;
    for (uint64_t i = 1; world->bridge.ready && i < world->bridge.next_sequence; i++) {
        if (world->bridge.spool[i].data && world->bridge.retry_us[i] > world->now_us &&
            world->bridge.retry_us[i] < next) {
            next = world->bridge.retry_us[i];
        }
    }
    return next;
}

int64_t bridge_next_us(const struct world *world)
{
    const struct bridge_model *bridge = &world->bridge;
    int64_t times[] = {
        bridge->append_done_us,
        bridge->next_reading_us,
        bridge->sender ? sender_deadline_us(bridge->sender) : bridge->connect_us,
        next_retry_us(world),
    };
    int64_t next = WORLD_NEVER;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        next = times[i] < next ? times[i] : next;
    }
    return next;
}

void bridge_step(struct world *world)
{
    struct bridge_model *bridge = &world->bridge;
    if (bridge->append_done_us <= world->now_us) {
        finish_append(world);
    }
    if (bridge->next_reading_us <= world->now_us) {
        bool more = bridge->next_sequence < WORLD_BATCHES_MAX && world->now_us < world->faults_end_us;
        if (more && !bridge->appending.data) {
            make_batch(world);
        }
        bridge->next_reading_us =
            more ? world->now_us + (int64_t)world_random(world, 2 * CLOCK_US_PER_S) + 1 : WORLD_NEVER;
    }
    if (!bridge->sender && bridge->connect_us <= world->now_us) {
        bridge_connect(world);
    }
    if (bridge->sender && sender_deadline_us(bridge->sender) <= world->now_us) {
        sender_tick(bridge->sender, world->now_us);
    }
    if (bridge->sender) {
        send_what_fits(world);
    }
    if (bridge->closed) {
        world_disconnect(world);
    }
}
