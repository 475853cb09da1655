#include "connection.h"

#include "base/clock.h"
#include "rtu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A reply that waits for its time. */
struct pending {
    int64_t due_us; /* monotonic; of the next byte, when it drips */
    int64_t drip_us;
    size_t sent; /* bytes that have dripped */
    size_t copies;
    size_t size;
    uint8_t frame[MBAP_ADU_MAX];
};

struct connection {
    struct connection_options options;
    int fd;
    struct loop_watch *watch;
    struct loop_timer *timer;   /* runs until the earliest of `pending` is due */
    struct loop_timer *silence; /* serial: runs from the last byte that came in */
    union {
        struct mbap_reader mbap;
        struct rtu_reader rtu;
    } reader;
    struct buffer out;
    struct pending *pending[CONNECTION_PENDING_MAX]; /* owned; in the order they came in */
    size_t pending_count;
    int64_t busy_until_us; /* replies in order are not due before this */
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
    bool unread = !connection->input_ended && connection->out.size <= CONNECTION_OUT_ENOUGH;
    unsigned events = (unread ? LOOP_READABLE : 0) | (connection->out.size > 0 ? LOOP_WRITABLE : 0);
    events = connection->deaf ? 0 : events;
    if (events != connection->watched) {
        connection->watched = events;
        loop_watch_set(connection->watch, events);
    }
}

/* False: the connection is dead. */
static bool send_out(struct connection *connection)
{
    while (connection->out.size > 0) {
        struct bytes waiting = buffer_bytes(&connection->out);
        ssize_t sent = write(connection->fd, waiting.data, waiting.size);
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        buffer_consume(&connection->out, (size_t)sent);
    }
    return true;
}

static bool append_copies(struct connection *connection, const uint8_t *frame, size_t size, size_t copies)
{
    bool fits = true;
    for (size_t i = 0; i < copies && fits; i++) {
        fits = buffer_append(&connection->out, frame, size) == ERR_OK;
    }
    return fits;
}

static void arm_timer(struct connection *connection, int64_t now_us)
{
    int64_t due_us = INT64_MAX;
    for (size_t i = 0; i < connection->pending_count; i++) {
        due_us = connection->pending[i]->due_us < due_us ? connection->pending[i]->due_us : due_us;
    }
    if (due_us != INT64_MAX) {
        loop_timer_start_ms(connection->timer, (due_us - now_us + CLOCK_US_PER_MS - 1) / CLOCK_US_PER_MS);
    }
}

/* Adds what of the pending reply is due to the output; true when nothing is left of it. */
static bool release(struct connection *connection, struct pending *pending, int64_t now_us)
{
    if (pending->drip_us == 0) {
        append_copies(connection, pending->frame, pending->size, pending->copies);
        return true;
    }
    while (pending->sent < pending->size && pending->due_us <= now_us) {
        append_copies(connection, pending->frame + pending->sent++, 1, 1);
        pending->due_us += pending->drip_us;
    }
    return pending->sent == pending->size;
}

static void release_due(struct connection *connection, int64_t now_us)
{
    size_t kept = 0;
    for (size_t i = 0; i < connection->pending_count; i++) {
        struct pending *pending = connection->pending[i];
        if (pending->due_us <= now_us && release(connection, pending, now_us)) {
            free(pending);
        } else {
            connection->pending[kept++] = pending;
        }
    }
    connection->pending_count = kept;
    arm_timer(connection, now_us);
}

static bool postpone(struct connection *connection, const struct service_reply *reply, int64_t now_us)
{
    struct pending *pending = malloc(sizeof *pending);
    if (!pending) {
        return false;
    }
    int64_t due_us = now_us + reply->delay_us;
    if (!reply->late && due_us < connection->busy_until_us) {
        due_us = connection->busy_until_us;
    }
    *pending = (struct pending){
        .due_us = due_us,
        .drip_us = reply->drip_us,
        .copies = reply->copies,
        .size = reply->size,
    };
    memcpy(pending->frame, reply->frame, reply->size);
    if (!reply->late) {
        connection->busy_until_us = due_us + reply->drip_us * (int64_t)reply->size;
    }
    connection->pending[connection->pending_count++] = pending;
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
    return append_copies(connection, frame, wire_written(&writer), 1);
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
    if (connection->pending_count == CONNECTION_PENDING_MAX) {
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
    bool at_once = reply.delay_us == 0 && reply.drip_us == 0 && connection->busy_until_us <= now_us;
    if (at_once) {
        return append_copies(connection, reply.frame, reply.size, reply.copies);
    }
    bool kept = postpone(connection, &reply, now_us);
    release_due(connection, now_us);
    return kept;
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
        return connection->pending_count > 0 || connection->out.size > 0;
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
    bool done = connection->input_ended && connection->pending_count == 0;
    if (!alive || !send_out(connection) || (done && connection->out.size == 0)) {
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
    if (connection->deaf) {
        return;
    }
    release_due(connection, clock_mono_us());
    go_on(connection, true);
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
    buffer_init(&made->out, CONNECTION_OUT_MAX);
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
    for (size_t i = 0; i < connection->pending_count; i++) {
        free(connection->pending[i]);
    }
    buffer_fini(&connection->out);
    close(connection->fd);
    free(connection);
}
