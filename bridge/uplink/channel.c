#include "uplink/channel.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum { OUT_LIMIT = CATALOG_SIZE_MAX + BATCH_SIZE_MAX + 2 * CHANNEL_WAITING_MAX };

struct channel {
    struct channel_options options; /* endpoint is replaced by host and port */
    char host[IO_HOST_MAX];
    char port[IO_PORT_MAX];
    struct loop_lookup *lookup;
    struct io *io;
    struct sender *sender;
    struct loop_timer *timer;
    bool ended; /* the session has said why; the connection is closing */
    enum err code;
    enum bye_reason reason;
    char text[ERR_TEXT_MAX];
};

/* ---- the end ---- */

static void note_end(struct channel *channel, enum err code, enum bye_reason reason, const char *text)
{
    channel->ended = true;
    channel->code = code;
    channel->reason = reason;
    strncpy(channel->text, text, sizeof channel->text - 1);
}

static void close_now(struct channel *channel)
{
    channel->options.events->closed(channel->options.owner, channel->code, channel->reason, channel->text);
}

/* ---- the session machine's events ---- */

static void on_send(void *owner, struct bytes bytes)
{
    struct channel *channel = owner;
    enum err result = io_write(channel->io, bytes);
    if (result == ERR_LIMIT || result == ERR_NO_MEMORY) {
        note_end(channel, result, BYE_SHUTTING_DOWN, "no memory for what is to be sent");
        io_shutdown(channel->io, 0);
    }
}

static void on_ready(void *owner, const struct frame_hello *hello, const struct frame_welcome *welcome)
{
    struct channel *channel = owner;
    channel->options.events->ready(channel->options.owner, hello, welcome);
}

static void on_catalog_acked(void *owner, const struct frame_catalog_ack *ack)
{
    struct channel *channel = owner;
    channel->options.events->catalog_acked(channel->options.owner, ack);
}

static void on_acked(void *owner, const struct ack_range *range, int64_t first_sent_us)
{
    struct channel *channel = owner;
    (void)first_sent_us;
    channel->options.events->acked(channel->options.owner, range);
}

static void on_session_closed(void *owner, enum err code, enum bye_reason reason, const char *text)
{
    struct channel *channel = owner;
    if (!channel->ended) {
        note_end(channel, code, reason, text[0] != '\0' ? text : bye_reason_name(reason));
        io_shutdown(channel->io, CHANNEL_LINGER_MS);
    }
}

static const struct sender_events sender_events = {
    .send = on_send,
    .ready = on_ready,
    .catalog_acked = on_catalog_acked,
    .acked = on_acked,
    .closed = on_session_closed,
};

static void rearm(struct channel *channel)
{
    int64_t deadline = sender_deadline_us(channel->sender);
    if (deadline == INT64_MAX) {
        loop_timer_stop(channel->timer);
        return;
    }
    int64_t left_us = deadline - clock_mono_us();
    loop_timer_start_ms(channel->timer, (left_us + CLOCK_US_PER_MS - 1) / CLOCK_US_PER_MS);
}

static void take_turn(struct channel *channel)
{
    channel->options.events->turn(channel->options.owner);
    rearm(channel);
}

static void on_timer(void *owner)
{
    struct channel *channel = owner;
    sender_tick(channel->sender, clock_mono_us());
    take_turn(channel);
}

/* ---- the connection's events ---- */

static void on_opened(void *owner)
{
    struct channel *channel = owner;
    const struct sender_options options = {
        .events = &sender_events, .owner = channel, .open = channel->options.open};
    channel->sender = sender_new(&options, clock_mono_us());
    if (!channel->sender) {
        note_end(channel, ERR_NO_MEMORY, BYE_SHUTTING_DOWN, "out of memory");
        io_shutdown(channel->io, 0);
        return;
    }
    rearm(channel);
}

static void on_received(void *owner, struct bytes bytes)
{
    struct channel *channel = owner;
    if (channel->sender && !channel->ended) {
        sender_receive(channel->sender, bytes, clock_mono_us());
        take_turn(channel);
    }
}

static void on_drained(void *owner)
{
    struct channel *channel = owner;
    if (channel->sender && !channel->ended) {
        take_turn(channel);
    }
}

static void on_io_closed(void *owner, enum err code, const char *reason)
{
    struct channel *channel = owner;
    if (!channel->ended) {
        note_end(channel, code == ERR_OK ? ERR_CLOSED : code, BYE_DONE,
                 code == ERR_OK ? "the server closed the connection" : reason);
    }
    close_now(channel);
}

static const struct io_events io_events = {
    .opened = on_opened, .received = on_received, .drained = on_drained, .closed = on_io_closed};

static void on_resolved(void *owner, enum err result, const char *reason,
                        const struct loop_addresses *addresses)
{
    struct channel *channel = owner;
    channel->lookup = NULL;
    if (result == ERR_OK) {
        const struct io_options options = {
            .loop = channel->options.loop,
            .tls = channel->options.tls,
            .server_name = channel->host,
            .events = &io_events,
            .owner = channel,
            .handshake_ms = channel->options.connect_ms,
            .out_limit = OUT_LIMIT,
        };
        result = io_connect(&options, addresses, &channel->io);
        reason = "out of memory";
    }
    if (result != ERR_OK) {
        note_end(channel, result, BYE_DONE, reason);
        close_now(channel);
    }
}

/* ---- for the uplink ---- */

enum err channel_open(const struct channel_options *options, struct channel **out)
{
    *out = NULL;
    struct channel *channel = calloc(1, sizeof *channel);
    if (!channel) {
        return ERR_NO_MEMORY;
    }
    channel->options = *options;
    if (!io_split_address(options->endpoint, channel->host, channel->port)) {
        free(channel);
        return ERR_CONFIG;
    }
    channel->options.endpoint = NULL;
    channel->options.tls = options->tls ? tls_context_ref(options->tls) : NULL;
    channel->timer = loop_timer_new(options->loop, on_timer, channel);
    channel->lookup = loop_lookup_start(options->loop, channel->host, channel->port, on_resolved, channel);
    if (!channel->timer || !channel->lookup) {
        channel_free(channel);
        return ERR_NO_MEMORY;
    }
    *out = channel;
    return ERR_OK;
}

void channel_free(struct channel *channel)
{
    if (!channel) {
        return;
    }
    loop_lookup_cancel(channel->lookup);
    loop_timer_free(channel->timer);
    io_free(channel->io);
    sender_free(channel->sender);
    tls_context_unref(channel->options.tls);
    free(channel);
}

bool channel_has_room(const struct channel *channel, size_t batch_size)
{
    return channel->sender && !channel->ended && io_waiting(channel->io) < CHANNEL_WAITING_MAX &&
           sender_has_room(channel->sender, batch_size);
}

enum err channel_send_batch(struct channel *channel, uint64_t seq, struct bytes encoded, bool historical)
{
    if (!channel->sender || channel->ended || io_waiting(channel->io) >= CHANNEL_WAITING_MAX) {
        return ERR_BUSY;
    }
    return sender_send_batch(channel->sender, seq, encoded, historical, clock_mono_us());
}

enum err channel_send_catalog(struct channel *channel, struct bytes encoded)
{
    if (!channel->sender || channel->ended) {
        return ERR_BUSY;
    }
    return sender_send_catalog(channel->sender, encoded, clock_mono_us());
}

void channel_goodbye(struct channel *channel, enum bye_reason reason, const char *text)
{
    if (channel->sender && !channel->ended) {
        sender_goodbye(channel->sender, reason, text, clock_mono_us());
        rearm(channel);
        return;
    }
    if (channel->io && !channel->ended) {
        note_end(channel, ERR_OK, reason, text);
        io_shutdown(channel->io, CHANNEL_LINGER_MS);
    }
}

const char *channel_address(const struct channel *channel)
{
    return channel->io ? io_address(channel->io) : "";
}

const char *channel_cipher(const struct channel *channel)
{
    return channel->io ? io_cipher(channel->io) : "";
}
