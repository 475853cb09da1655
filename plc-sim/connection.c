#include "connection.h"

#include "base/clock.h"
#include "outbox.h"
#include "rtu.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct connection {
    struct connection_options options;
    int fd;
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

static void watch_what_matters(struct connection *connection)
{
    bool unread = !connection->input_ended && connection->outbox.out.size <= CONNECTION_OUT_ENOUGH;
    unsigned events = (unread ? LOOP_READABLE : 0) | (connection->outbox.out.size > 0 ? LOOP_WRITABLE : 0);
    events = connection->deaf ? 0 : events;
    if (events != connection->watched) {
        connection->watched = events;
        loop_watch_set(connection->watch, events);
    }
}

/* False: the connection is dead. */
static bool send_out(struct connection *connection)
{
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

/* One more request than we take at once: the messaging guide wants exception 06. */
static bool refuse_as_busy(struct connection *connection, const struct mbap *adu)
{
    struct device_answer busy;
    device_refuse(&busy, adu->pdu.data[0], MODBUS_SERVER_DEVICE_BUSY);
    uint8_t frame[MBAP_ADU_MAX];
    struct wire_writer writer = wire_writer(frame, sizeof frame);
    service_frame(connection->options.units, adu, (struct bytes){.data = busy.pdu, .size = busy.size},
                  &writer);
    return buffer_append(&connection->outbox.out, frame, wire_written(&writer)) == ERR_OK;
}

/* The connection ends with a reset instead of an orderly close. */
static void make_close_abrupt(const struct connection *connection)
{
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
    if (fate == FAULT_HALF_CLOSE) {
        shutdown(connection->fd, SHUT_WR);
    }
    return true;
}

/* False: the connection is to be closed. */
static bool answer(struct connection *connection, const struct mbap *adu)
{
    if (outbox_is_full(&connection->outbox)) {
        return refuse_as_busy(connection, adu);
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
    if (!watch_descriptor(made)) {
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
    outbox_fini(&connection->outbox);
    close(connection->fd);
    free(connection);
}
