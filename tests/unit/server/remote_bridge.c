#include "remote_bridge.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { TICK_MS = 20, READINGS = 5, FRAME_TYPE_AT = 4 };
#define START_US (INT64_C(1769860800) * CLOCK_US_PER_S) /* 2026-01-31T12:00:00Z */

/* ---- the session ---- */

static void send_bytes(void *owner, struct bytes bytes)
{
    struct remote_bridge *bridge = owner;
    (void)!io_write(bridge->io, bytes);
}

static void session_ready(void *owner, const struct frame_hello *hello, const struct frame_welcome *welcome)
{
    struct remote_bridge *bridge = owner;
    bridge->ready = true;
    bridge->hello = *hello;
    bridge->welcome = *welcome;
}

static void catalog_acked(void *owner, const struct frame_catalog_ack *ack)
{
    (void)owner;
    ck_assert_int_eq(ack->result, ACK_COMMITTED);
}

static void acked(void *owner, const struct ack_range *range, int64_t first_sent_us)
{
    struct remote_bridge *bridge = owner;
    (void)first_sent_us;
    for (uint64_t sequence = range->first; sequence <= range->last; sequence++) {
        bridge->acks[sequence % REMOTE_SEQUENCES_MAX] = *range;
        bridge->ack_count++;
    }
}

static void session_closed(void *owner, enum err code, enum bye_reason reason, const char *text)
{
    struct remote_bridge *bridge = owner;
    (void)code;
    bridge->session_over = true;
    bridge->bye = reason;
    snprintf(bridge->bye_text, sizeof bridge->bye_text, "%s", text);
}

static const struct sender_events session_events = {
    .send = send_bytes,
    .ready = session_ready,
    .catalog_acked = catalog_acked,
    .acked = acked,
    .closed = session_closed,
};

/* ---- the connection ---- */

static void opened(void *owner)
{
    (void)owner;
}

static void received(void *owner, struct bytes bytes)
{
    struct remote_bridge *bridge = owner;
    bridge->type =
        bridge->heard == 0 && bytes.size > FRAME_TYPE_AT ? bytes.data[FRAME_TYPE_AT] : bridge->type;
    bridge->heard += bytes.size;
    sender_receive(bridge->sender, bytes, clock_mono_us());
    if (bridge->session_over) {
        io_shutdown(bridge->io, REMOTE_DEADLINE_MS);
    }
}

static void closed(void *owner, enum err code, const char *reason)
{
    struct remote_bridge *bridge = owner;
    (void)code;
    bridge->gone = true;
    snprintf(bridge->reason, sizeof bridge->reason, "%s", reason);
}

static const struct io_events connection_events = {
    .opened = opened, .received = received, .drained = opened, .closed = closed};

static struct tls_context *client_context(const struct certificates *plant, const char *pair)
{
    char paths[3][TEMPORARY_PATH_MAX];
    char name[128];
    struct tls_options options = {.side = TLS_CLIENT, .alpn = "bourdon/1"};
    struct tls_context *context = NULL;
    struct err_text why;
    options.ca = certificates_path(plant, "ca.pem", paths[0]);
    snprintf(name, sizeof name, "%s.pem", pair);
    options.certificate = certificates_path(plant, name, paths[1]);
    snprintf(name, sizeof name, "%s.key", pair);
    options.key = certificates_path(plant, name, paths[2]);
    ck_assert_msg(tls_context_new(&options, &context, &why) == ERR_OK, "%s", why.text);
    return context;
}

static struct loop_addresses local(uint16_t port)
{
    struct loop_addresses addresses = {.count = 1, .sizes = {sizeof(struct sockaddr_in)}};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(&addresses.items[0], &address, sizeof address);
    return addresses;
}

/* ---- time ---- */

static void too_late(void *owner)
{
    const struct remote_bridge *bridge = owner;
    ck_abort_msg("waited too long: ready %d, %zu acks, over %d (%s), gone %d (%s)", bridge->ready,
                 bridge->ack_count, bridge->session_over, bridge->bye_text, bridge->gone, bridge->reason);
}

static void ticked(void *owner)
{
    struct remote_bridge *bridge = owner;
    if (!bridge->session_over) {
        sender_tick(bridge->sender, clock_mono_us());
    }
    loop_timer_start_ms(bridge->tick, TICK_MS);
    loop_stop(bridge->loop);
}

void remote_bridge_await(struct remote_bridge *bridge, bool (*done)(const struct remote_bridge *bridge))
{
    loop_timer_start_ms(bridge->deadline, REMOTE_DEADLINE_MS);
    while (!done(bridge)) {
        loop_run(bridge->loop);
    }
    loop_timer_stop(bridge->deadline);
}

bool remote_bridge_is_ready(const struct remote_bridge *bridge)
{
    return bridge->ready;
}

bool remote_bridge_is_gone(const struct remote_bridge *bridge)
{
    return bridge->gone;
}

void remote_bridge_await_acks(struct remote_bridge *bridge, size_t count)
{
    loop_timer_start_ms(bridge->deadline, REMOTE_DEADLINE_MS);
    while (bridge->ack_count < count) {
        loop_run(bridge->loop);
    }
    loop_timer_stop(bridge->deadline);
}

/* ---- life ---- */

static void make_catalog(struct remote_bridge *bridge)
{
    const struct catalog_tag tag = {.name = "pressure",
                                    .unit = "bar",
                                    .link = "plc",
                                    .unit_id = 1,
                                    .table = TABLE_HOLDING,
                                    .type = VALUE_UINT16,
                                    .words = 1,
                                    .scale = 0.1};
    struct err_text why;
    ck_assert_msg(catalog_new(&tag, 1, &bridge->catalog, &why) == ERR_OK, "%s", why.text);
    bridge->builder = batch_builder_new(bridge->catalog);
}

void remote_bridge_open(struct remote_bridge *bridge, const struct certificates *plant, const char *pair,
                        uint16_t port, uint8_t epoch, uint64_t first, uint64_t next)
{
    memset(bridge, 0, sizeof *bridge);
    memset(bridge->epoch, epoch, sizeof bridge->epoch);
    make_catalog(bridge);
    bridge->loop = loop_new();
    bridge->deadline = loop_timer_new(bridge->loop, too_late, bridge);
    bridge->tick = loop_timer_new(bridge->loop, ticked, bridge);
    bridge->tls = client_context(plant, pair);
    struct sender_options session = {.events = &session_events, .owner = bridge};
    memcpy(session.open.epoch, bridge->epoch, sizeof bridge->epoch);
    session.open.first_sequence = first;
    session.open.next_sequence = next;
    bridge->sender = sender_new(&session, clock_mono_us());
    struct loop_addresses addresses = local(port);
    const struct io_options options = {
        .loop = bridge->loop,
        .tls = bridge->tls,
        .server_name = "localhost",
        .events = &connection_events,
        .owner = bridge,
        .handshake_ms = REMOTE_DEADLINE_MS,
        .out_limit = 64 * 1024 * 1024,
    };
    ck_assert_int_eq(io_connect(&options, &addresses, &bridge->io), ERR_OK);
    loop_timer_start_ms(bridge->tick, TICK_MS);
}

void remote_bridge_close(struct remote_bridge *bridge)
{
    io_free(bridge->io);
    sender_free(bridge->sender);
    loop_timer_free(bridge->deadline);
    loop_timer_free(bridge->tick);
    loop_free(bridge->loop);
    tls_context_unref(bridge->tls);
    batch_builder_free(bridge->builder);
    catalog_free(bridge->catalog);
}

void remote_bridge_send_catalog(struct remote_bridge *bridge)
{
    ck_assert_int_eq(sender_send_catalog(bridge->sender, catalog_encoded(bridge->catalog), clock_mono_us()),
                     ERR_OK);
}

void remote_bridge_send(struct remote_bridge *bridge, uint64_t sequence, uint16_t content)
{
    struct batch_identity identity = {.sequence = sequence};
    memcpy(identity.epoch, bridge->epoch, sizeof identity.epoch);
    for (int i = 0; i < READINGS; i++) {
        int64_t time_us =
            START_US + ((int64_t)(sequence % REMOTE_SEQUENCES_MAX) * READINGS + i) * CLOCK_US_PER_S;
        const struct reading reading = {
            .request_us = time_us, .response_us = time_us + 1, .word_count = 1, .words = {content}};
        ck_assert_int_eq(batch_builder_add(bridge->builder, &reading), ERR_OK);
    }
    struct buffer encoded;
    buffer_init(&encoded, BATCH_SIZE_MAX);
    ck_assert_int_eq(batch_builder_finish(bridge->builder, &identity, &encoded), ERR_OK);
    ck_assert_int_eq(
        sender_send_batch(bridge->sender, sequence, buffer_bytes(&encoded), false, clock_mono_us()), ERR_OK);
    buffer_fini(&encoded);
}
