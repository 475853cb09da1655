#include "send/delivery.h"

#include "base/clock.h"
#include "tunnel/session_sender.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    OUT_LIMIT = CATALOG_SIZE_MAX + 16 * BATCH_SIZE_MAX, /* bytes that may wait in the connection … */
    OUT_ENOUGH = 1024 * 1024, /* … and when no more batches are put there for now */
    LINGER_MS = 2000,
};

struct delivery {
    const struct delivery_options *options;
    struct loop *loop;
    struct loop_timer *timer;
    struct loop_signal *interrupted, *terminated;
    struct loop_lookup *lookup;
    struct io *io;
    struct sender *sender;
    bool catalog_sent;
    int64_t heard_us; /* monotonic: when something last came forward */
    bool ended;       /* result and why are final */
    enum err result;
    struct err_text why;
};

static void end(struct delivery *delivery, enum err result, const char *format, ...) PRINTF_LIKE(3, 4);

static bool is_done(const struct delivery *delivery)
{
    return delivery->options->outbox->answered == delivery->options->outbox->count;
}

/* The first end counts. */
static void end(struct delivery *delivery, enum err result, const char *format, ...)
{
    if (delivery->ended) {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(delivery->why.text, sizeof delivery->why.text, format, args);
    va_end(args);
    delivery->ended = true;
    delivery->result = result;
}

static void stop(struct delivery *delivery)
{
    loop_stop(delivery->loop);
}

/* ---- the session ---- */

static void on_send(void *owner, struct bytes bytes)
{
    struct delivery *delivery = owner;
    enum err result = io_write(delivery->io, bytes);
    if (result == ERR_LIMIT || result == ERR_NO_MEMORY) {
        end(delivery, result, "%s", err_name(result));
        stop(delivery);
    }
}

static void on_ready(void *owner, const struct frame_hello *hello, const struct frame_welcome *welcome)
{
    struct delivery *delivery = owner;
    const struct outbox *outbox = delivery->options->outbox;
    uint64_t first = outbox->batches[0].seq;
    uint64_t known = delivery->options->repeated ? first + outbox->count - 1 : first - 1;
    delivery->heard_us = clock_mono_us();
    if (welcome->highest > known) {
        end(delivery, ERR_CONFLICT,
            "server %s has batches up to %" PRIu64 " of this epoch, this device knows of %" PRIu64
            ": its --resume file is an old copy; start with a new one",
            hello->server, welcome->highest, known);
    }
}

static void on_catalog_acked(void *owner, const struct frame_catalog_ack *ack)
{
    struct delivery *delivery = owner;
    delivery->heard_us = clock_mono_us();
    if (ack->result == ACK_REJECTED) {
        end(delivery, ERR_REFUSED, "the server rejected the catalog: %s", ack->text);
    }
}

static void take_answer(struct delivery *delivery, struct outbox_batch *batch, const struct ack_range *range,
                        int64_t sent_us)
{
    int64_t now_us = clock_mono_us();
    if (range->result == ACK_RETRY_AFTER) {
        outbox_retry(delivery->options->outbox, batch, now_us + range->delay_ms * CLOCK_US_PER_MS);
        return;
    }
    outbox_answered(delivery->options->outbox, batch);
    delivery->options->answered(delivery->options->owner, batch, range, now_us - sent_us);
}

static void on_acked(void *owner, const struct ack_range *range, int64_t first_sent_us)
{
    struct delivery *delivery = owner;
    delivery->heard_us = clock_mono_us();
    for (uint64_t seq = range->first; seq <= range->last; seq++) {
        struct outbox_batch *batch = outbox_find(delivery->options->outbox, seq);
        if (batch) {
            take_answer(delivery, batch, range, first_sent_us);
        }
    }
}

static void on_session_closed(void *owner, enum err code, enum bye_reason reason, const char *text)
{
    struct delivery *delivery = owner;
    if (is_done(delivery)) {
        end(delivery, ERR_OK, "done");
    } else if (code == ERR_OK) {
        end(delivery, ERR_CLOSED, "%s:%s: the server said goodbye (%s): %s", delivery->options->host,
            delivery->options->port, bye_reason_name(reason), text);
    } else {
        end(delivery, code, "%s", text);
    }
}

static const struct sender_events session_events = {
    .send = on_send,
    .ready = on_ready,
    .catalog_acked = on_catalog_acked,
    .acked = on_acked,
    .closed = on_session_closed,
};

/* ---- what is to be done next ---- */

static void send_what_fits(struct delivery *delivery, int64_t now_us, int64_t *when_us)
{
    struct outbox *outbox = delivery->options->outbox;
    if (!delivery->catalog_sent) {
        enum err result = sender_send_catalog(delivery->sender, delivery->options->catalog, now_us);
        if (result != ERR_OK) {
            end(delivery, result, "the catalog cannot be sent: %s", err_name(result));
            return;
        }
        delivery->catalog_sent = true;
    }
    struct outbox_batch *batch;
    while (io_waiting(delivery->io) < OUT_ENOUGH && (batch = outbox_next(outbox, now_us, when_us)) &&
           sender_has_room(delivery->sender, batch->size)) {
        enum err result = sender_send_batch(delivery->sender, batch->seq,
                                            (struct bytes){batch->encoded, batch->size}, false, now_us);
        if (result != ERR_OK) {
            end(delivery, result, "batch %" PRIu64 " cannot be sent: %s", batch->seq,
                result == ERR_LIMIT ? "it is larger than the server takes; make --batch smaller"
                                    : err_name(result));
            return;
        }
        batch->state = OUTBOX_SENT;
    }
}

static void set_timer(struct delivery *delivery, int64_t now_us, int64_t when_us)
{
    int64_t session_us = delivery->sender ? sender_deadline_us(delivery->sender) : INT64_MAX;
    int64_t patience_us = delivery->heard_us + delivery->options->timeout_us;
    when_us = session_us < when_us ? session_us : when_us;
    when_us = patience_us < when_us ? patience_us : when_us;
    loop_timer_start_ms(delivery->timer, (when_us - now_us) / CLOCK_US_PER_MS + 1);
}

/* Says goodbye where that does not mean waiting for answers. */
static void leave(struct delivery *delivery, int64_t now_us)
{
    bool idle = delivery->sender && sender_in_flight(delivery->sender) == 0;
    if (!idle) {
        stop(delivery);
        return;
    }
    sender_goodbye(delivery->sender, delivery->result == ERR_CONFLICT ? BYE_FENCED : BYE_DONE,
                   delivery->result == ERR_OK ? "" : "see the device's log", now_us);
    io_shutdown(delivery->io, LINGER_MS);
}

/* After every event: sends what may be sent, ends what has ended, and sets the alarm. */
static void move_on(struct delivery *delivery)
{
    int64_t now_us = clock_mono_us();
    int64_t when_us = INT64_MAX;
    bool ready = delivery->sender && sender_state(delivery->sender) == SENDER_READY;
    if (ready && is_done(delivery)) {
        end(delivery, ERR_OK, "done");
    }
    if (ready && !delivery->ended) {
        send_what_fits(delivery, now_us, &when_us);
    }
    if (delivery->ended) {
        leave(delivery, now_us);
    }
    set_timer(delivery, now_us, when_us);
}

/* ---- the connection ---- */

static void on_opened(void *owner)
{
    struct delivery *delivery = owner;
    const struct outbox *outbox = delivery->options->outbox;
    struct sender_options options = {.events = &session_events, .owner = delivery};
    snprintf(options.open.software, sizeof options.open.software, "bourdon send %s", BOURDON_VERSION);
    memcpy(options.open.epoch, delivery->options->epoch, BATCH_EPOCH_SIZE);
    options.open.first_sequence = outbox->batches[0].seq;
    options.open.next_sequence = outbox->batches[0].seq + outbox->count;
    delivery->heard_us = clock_mono_us();
    delivery->sender = sender_new(&options, delivery->heard_us);
    if (!delivery->sender) {
        end(delivery, ERR_NO_MEMORY, "out of memory");
    }
    move_on(delivery);
}

static void on_received(void *owner, struct bytes bytes)
{
    struct delivery *delivery = owner;
    sender_receive(delivery->sender, bytes, clock_mono_us());
    move_on(delivery);
}

static void on_drained(void *owner)
{
    struct delivery *delivery = owner;
    if (!delivery->ended) {
        move_on(delivery);
    }
}

static void on_closed(void *owner, enum err code, const char *reason)
{
    struct delivery *delivery = owner;
    end(delivery, is_done(delivery) ? ERR_OK : code != ERR_OK ? code : ERR_CLOSED, "%s", reason);
    stop(delivery);
}

static const struct io_events connection_events = {
    .opened = on_opened, .received = on_received, .drained = on_drained, .closed = on_closed};

static void on_looked_up(void *owner, enum err result, const char *reason,
                         const struct loop_addresses *addresses)
{
    struct delivery *delivery = owner;
    const struct io_options options = {
        .loop = delivery->loop,
        .tls = delivery->options->tls,
        .server_name = delivery->options->host,
        .events = &connection_events,
        .owner = delivery,
        .handshake_ms = delivery->options->timeout_us / CLOCK_US_PER_MS,
        .out_limit = OUT_LIMIT,
    };
    delivery->lookup = NULL;
    if (result == ERR_OK) {
        result = io_connect(&options, addresses, &delivery->io);
        reason = err_name(result);
    }
    if (result != ERR_OK) {
        end(delivery, result, "%s", reason);
        stop(delivery);
    }
}

/* ---- time and signals ---- */

static void on_timer(void *owner)
{
    struct delivery *delivery = owner;
    int64_t now_us = clock_mono_us();
    if (now_us - delivery->heard_us >= delivery->options->timeout_us) {
        end(delivery, is_done(delivery) ? ERR_OK : ERR_TIMEOUT, "%s:%s: nothing was heard for %" PRId64 " ms",
            delivery->options->host, delivery->options->port,
            delivery->options->timeout_us / CLOCK_US_PER_MS);
        stop(delivery);
        return;
    }
    if (delivery->sender) {
        sender_tick(delivery->sender, now_us);
    }
    move_on(delivery);
}

static void on_signal(void *owner)
{
    struct delivery *delivery = owner;
    end(delivery, ERR_CLOSED, "interrupted");
    stop(delivery);
}

static bool set_up(struct delivery *delivery)
{
    delivery->loop = loop_new();
    if (!delivery->loop) {
        return false;
    }
    delivery->timer = loop_timer_new(delivery->loop, on_timer, delivery);
    delivery->interrupted = loop_signal_new(delivery->loop, SIGINT, on_signal, delivery);
    delivery->terminated = loop_signal_new(delivery->loop, SIGTERM, on_signal, delivery);
    delivery->lookup = loop_lookup_start(delivery->loop, delivery->options->host, delivery->options->port,
                                         on_looked_up, delivery);
    return delivery->timer && delivery->interrupted && delivery->terminated && delivery->lookup;
}

static void tear_down(struct delivery *delivery)
{
    loop_lookup_cancel(delivery->lookup);
    io_free(delivery->io);
    sender_free(delivery->sender);
    loop_timer_free(delivery->timer);
    loop_signal_free(delivery->interrupted);
    loop_signal_free(delivery->terminated);
    loop_free(delivery->loop);
}

enum err delivery_run(const struct delivery_options *options, struct err_text *why)
{
    struct delivery delivery = {.options = options, .heard_us = clock_mono_us()};
    if (set_up(&delivery)) {
        set_timer(&delivery, delivery.heard_us, INT64_MAX);
        loop_run(delivery.loop);
    } else {
        end(&delivery, ERR_NO_MEMORY, "out of memory or file descriptors");
    }
    tear_down(&delivery);
    return delivery.result == ERR_OK ? ERR_OK : err_set(why, delivery.result, "%s", delivery.why.text);
}
