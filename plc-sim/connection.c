#include "connection.h"

#include "base/clock.h"
#include "base/log.h"
#include "outbox.h"
#include "rtu.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct connection {
    struct connection_options options;
    int fd;        /* -1: `io` has it */
    struct io *io; /* TLS; NULL = plain */
    struct loop_watch *watch;
    struct loop_timer *timer;   /* runs until something of the outbox is due */
    struct loop_timer *silence; /* serial: runs from the last byte that came in */
    union {
        struct mbap_reader mbap;
        struct rtu_reader rtu;
    } reader;
    struct outbox outbox;
    int64_t last_active_us;
    unsigned watched; /* LOOP_* events asked for */
    bool deaf;        /* half-open: never read nor written again */
    bool input_ended;
    bool abrupt; /* ends without a goodbye */
    struct connection *next;
};

int64_t connection_last_active_us(const struct connection *connection)
{
    return connection->last_active_us;
}

struct connection *connection_next(const struct connection *connection)
{
    return connection->next;
}

void connection_set_next(struct connection *connection, struct connection *next)
{
    connection->next = next;
}

/* Bytes that wait for the client to take them. */
static size_t unsent(const struct connection *connection)
{
    return connection->outbox.out.size + (connection->io ? io_waiting(connection->io) : 0);
}

static void set_watched(struct connection *connection, unsigned events)
{
    connection->watched = events;
    if (!connection->io) {
        loop_watch_set(connection->watch, events);
    } else if (events & LOOP_READABLE) {
        io_resume(connection->io);
    } else {
        io_pause(connection->io);
    }
}

static void watch_what_matters(struct connection *connection)
{
    bool unread = !connection->input_ended && unsent(connection) <= CONNECTION_OUT_ENOUGH;
    unsigned events = (unread ? LOOP_READABLE : 0) | (connection->outbox.out.size > 0 ? LOOP_WRITABLE : 0);
    events = connection->deaf ? 0 : events;
    if (events != connection->watched) {
        set_watched(connection, events);
    }
}

/* Hands on as much as io takes; the rest goes when that has left. False: the connection is dead. */
static bool send_through_tls(struct connection *connection)
{
    struct buffer *out = &connection->outbox.out;
    size_t waiting = io_waiting(connection->io);
    size_t room = waiting < CONNECTION_OUT_ENOUGH ? CONNECTION_OUT_ENOUGH - waiting : 0;
    struct bytes piece = buffer_bytes(out);
    piece.size = piece.size < room ? piece.size : room;
    if (piece.size == 0) {
        return true;
    }
    if (io_write(connection->io, piece) != ERR_OK) {
        return false;
    }
    buffer_consume(out, piece.size);
    return true;
}

/* False: the connection is dead. */
static bool send_out(struct connection *connection)
{
    if (connection->io) {
        return send_through_tls(connection);
    }
    while (connection->outbox.out.size > 0) {
        struct bytes waiting = buffer_bytes(&connection->outbox.out);
        ssize_t sent = write(connection->fd, waiting.data, waiting.size);
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        buffer_consume(&connection->outbox.out, (size_t)sent);
    }
    return true;
}

/* False: the connection is to be closed. */
static bool release_due(struct connection *connection)
{
    int64_t now_us = clock_mono_us();
    if (outbox_release(&connection->outbox, now_us) != ERR_OK) {
        return false;
    }
    int64_t due_us = outbox_due_us(&connection->outbox);
    if (due_us != INT64_MAX) {
        loop_timer_start_ms(connection->timer, (due_us - now_us + CLOCK_US_PER_MS - 1) / CLOCK_US_PER_MS);
    }
    return true;
}

static bool refuse(struct connection *connection, const struct mbap *adu, enum modbus_exception exception)
{
    struct device_answer refusal;
    device_refuse(&refusal, adu->pdu.data[0], exception);
    uint8_t frame[MBAP_ADU_MAX];
    struct wire_writer writer = wire_writer(frame, sizeof frame);
    service_frame(connection->options.units, adu, (struct bytes){.data = refusal.pdu, .size = refusal.size},
                  &writer);
    return buffer_append(&connection->outbox.out, frame, wire_written(&writer)) == ERR_OK;
}

/* The connection ends with a reset instead of an orderly close; with TLS at least without a goodbye. */
static void make_close_abrupt(struct connection *connection)
{
    connection->abrupt = true;
    if (connection->io) {
        return;
    }
    struct linger abrupt = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
}

/* Does what becomes of the connection; false: it is to be closed. A serial line can only be silent. */
static bool meet_fate(struct connection *connection, enum fault_kind fate)
{
    if (connection->options.units->serial) {
        return true;
    }
    if (fate == FAULT_RESET) {
        make_close_abrupt(connection);
        return false;
    }
    if (fate == FAULT_HALF_OPEN) {
        connection->deaf = true;
    }
    if (fate == FAULT_HALF_CLOSE && connection->io) {
        io_shutdown(connection->io, CONNECTION_HANDSHAKE_MS);
    } else if (fate == FAULT_HALF_CLOSE) {
        shutdown(connection->fd, SHUT_WR);
    }
    return true;
}

/* False: the connection is to be closed. */
static bool answer(struct connection *connection, const struct mbap *adu)
{
    if (connection->io && !access_allows(connection->options.rules, connection->options.rule_count,
                                         io_peer(connection->io)->role, adu->pdu)) {
        return refuse(connection, adu, MODBUS_ILLEGAL_FUNCTION);
    }
    /* One more request than we take at once: the messaging guide wants exception 06. */
    if (outbox_is_full(&connection->outbox)) {
        return refuse(connection, adu, MODBUS_SERVER_DEVICE_BUSY);
    }
    struct service_reply reply = {.fate = FAULT_NONE};
    int64_t now_us = clock_mono_us();
    service_answer(connection->options.service, connection->options.units, adu,
                   now_us - connection->options.start_us, clock_wall_us(), &reply);
    if (reply.fate != FAULT_NONE) {
        return meet_fate(connection, reply.fate);
    }
    enum { SERIAL_OVERHEAD = 3 }; /* unit and CRC of the request */
    reply.delay_us += connection->options.byte_us * (int64_t)(adu->pdu.size + SERIAL_OVERHEAD + reply.size);
    bool taken = outbox_put(&connection->outbox, &reply, now_us) == ERR_OK;
    return taken && (connection->outbox.pending_count == 0 || release_due(connection));
}

static enum mbap_result read_frame(struct connection *connection, struct bytes *input, struct mbap *adu)
{
    return connection->options.units->serial ? rtu_read(&connection->reader.rtu, input, adu)
                                             : mbap_read(&connection->reader.mbap, input, adu);
}

/* False: the connection is to be closed. */
static bool take(struct connection *connection, struct bytes input)
{
    while (!connection->deaf) {
        struct mbap adu;
        switch (read_frame(connection, &input, &adu)) {
        case MBAP_NEED_MORE:
            return true;
        case MBAP_BROKEN:
            return false;
        case MBAP_DISCARDED:
            break;
        case MBAP_ADU:
            if (!answer(connection, &adu)) {
                return false;
            }
            break;
        }
    }
    return true;
}

/* False: the connection is to be closed. */
static bool receive(struct connection *connection)
{
    uint8_t bytes[CONNECTION_READ_MAX];
    ssize_t got = read(connection->fd, bytes, sizeof bytes);
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    if (got == 0) {
        connection->input_ended = true;
        return true;
    }
    connection->last_active_us = clock_mono_us();
    if (connection->silence) {
        loop_timer_start_ms(connection->silence, CONNECTION_SILENCE_MS);
    }
    return take(connection, (struct bytes){.data = bytes, .size = (size_t)got});
}

/* After anything that changed what is to be sent. Must be the last thing a callback does. */
static void go_on(struct connection *connection, bool alive)
{
    bool sent = alive && send_out(connection);
    if (!sent && connection->io && !connection->abrupt) {
        connection->deaf = true;
        io_shutdown(connection->io, CONNECTION_LINGER_MS); /* `closed` ends it */
        return;
    }
    if (!sent || (connection->input_ended && outbox_is_empty(&connection->outbox))) {
        connection->options.ended(connection->options.owner, connection);
        return;
    }
    watch_what_matters(connection);
}

static void on_ready(void *owner, unsigned events)
{
    struct connection *connection = owner;
    go_on(connection, !(events & LOOP_READABLE) || receive(connection));
}

static void on_due(void *owner)
{
    struct connection *connection = owner;
    if (!connection->deaf) {
        go_on(connection, release_due(connection));
    }
}

static void on_silence(void *owner)
{
    struct connection *connection = owner;
    struct mbap adu;
    bool ended = rtu_silence(&connection->reader.rtu, &adu) == MBAP_ADU;
    go_on(connection, !ended || answer(connection, &adu));
}

static void on_tls_opened(void *owner)
{
    const struct connection *connection = owner;
    const struct tls_peer *peer = io_peer(connection->io);
    log_info("connection", log_event("secured"), log_str("peer", io_address(connection->io)),
             log_str("subject", peer->subject), log_str("role", peer->role),
             log_str("cipher", io_cipher(connection->io)));
}

static void on_tls_received(void *owner, struct bytes bytes)
{
    struct connection *connection = owner;
    connection->last_active_us = clock_mono_us();
    if (!connection->deaf) {
        go_on(connection, take(connection, bytes));
    }
}

static void on_tls_drained(void *owner)
{
    struct connection *connection = owner;
    if (!connection->deaf) {
        go_on(connection, true);
    }
}

static void on_tls_closed(void *owner, enum err code, const char *reason)
{
    struct connection *connection = owner;
    if (code != ERR_OK) {
        log_info("connection", log_event("closed"), log_str("peer", io_address(connection->io)),
                 log_str("reason", reason));
    }
    connection->options.ended(connection->options.owner, connection);
}

static const struct io_events tls_events = {
    .opened = on_tls_opened,
    .received = on_tls_received,
    .drained = on_tls_drained,
    .closed = on_tls_closed,
};

/* False: out of memory. */
static bool start_tls(struct connection *connection)
{
    const struct io_options options = {
        .loop = connection->options.loop,
        .tls = connection->options.tls,
        .events = &tls_events,
        .owner = connection,
        .handshake_ms = CONNECTION_HANDSHAKE_MS,
        .out_limit = CONNECTION_OUT_ENOUGH,
    };
    int fd = connection->fd;
    connection->fd = -1;
    connection->timer = loop_timer_new(connection->options.loop, on_due, connection);
    connection->watched = LOOP_READABLE;
    return io_accept(&options, fd, &connection->io) == ERR_OK && connection->timer;
}

/* False: out of memory. */
static bool watch_descriptor(struct connection *connection)
{
    struct loop *loop = connection->options.loop;
    bool serial = connection->options.units->serial;
    connection->watch = loop_watch_new(loop, connection->fd, on_ready, connection);
    connection->timer = loop_timer_new(loop, on_due, connection);
    connection->silence = serial ? loop_timer_new(loop, on_silence, connection) : NULL;
    return connection->watch && connection->timer && (!serial || connection->silence);
}

enum err connection_new(const struct connection_options *options, int fd, struct connection **connection)
{
    struct connection *made = calloc(1, sizeof *made);
    if (!made) {
        close(fd);
        return ERR_NO_MEMORY;
    }
    made->options = *options;
    made->fd = fd;
    made->last_active_us = clock_mono_us();
    outbox_init(&made->outbox);
    if (!(options->tls ? start_tls(made) : watch_descriptor(made))) {
        connection_free(made);
        return ERR_NO_MEMORY;
    }
    watch_what_matters(made);
    *connection = made;
    return ERR_OK;
}

void connection_free(struct connection *connection)
{
    if (!connection) {
        return;
    }
    loop_watch_free(connection->watch);
    loop_timer_free(connection->timer);
    loop_timer_free(connection->silence);
    io_free(connection->io);
    outbox_fini(&connection->outbox);
    if (connection->fd >= 0) {
        close(connection->fd);
    }
    free(connection);
}
