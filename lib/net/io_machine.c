#include "net/io_machine.h"

#include <assert.h>
#include <stdlib.h>

enum {
    BYTES_AT_ONCE = 64 * 1024,      /* then the other connections get their turn */
    READS_AT_ONCE = 64,             /* likewise */
    DISCARDS_AT_ONCE = 4,           /* of STREAM_READ_SIZE */
    MISSES_MAX = 4,                 /* messages of TLS itself that may come in a row, without data */
    WRITE_CHUNK = 64 * 1024,        /* offered to the socket at once */
    IDLE_BUFFER_MAX = 1024,         /* an empty queue larger than this gives its memory back */
    ALERT_LINGER_MS = 1000,         /* how long an alert may take to reach the peer */
    ALERT_LINGER_BYTES = 64 * 1024, /* what we read and throw away meanwhile */
};

static const bool MOVES[IO_STATES][IO_STATES] = {
    [IO_CONNECTING] = {[IO_HANDSHAKING] = true, [IO_FINISHING] = true, [IO_CLOSED] = true},
    [IO_HANDSHAKING] = {[IO_OPEN] = true, [IO_FINISHING] = true, [IO_LINGERING] = true, [IO_CLOSED] = true},
    [IO_OPEN] = {[IO_FINISHING] = true, [IO_LINGERING] = true, [IO_CLOSED] = true},
    [IO_FINISHING] = {[IO_LINGERING] = true, [IO_CLOSED] = true},
    [IO_LINGERING] = {[IO_CLOSED] = true},
    [IO_CLOSED] = {[IO_CLOSED] = true},
};

void io_machine_move(struct io *io, enum io_state state)
{
    bool allowed = MOVES[io->state][state];
    assert(allowed);
    (void)allowed;
    io->state = state;
}

/* --- the end ------------------------------------------------------------------------------------------ */

void io_machine_drop_stream(struct io *io)
{
    if (io->working) {
        loop_job_cancel(io->working);
    } else {
        stream_close(&io->stream);
    }
}

void io_machine_let_go(struct io *io)
{
    io_machine_move(io, IO_CLOSED);
    connector_free(io->connector);
    loop_watch_free(io->watch);
    loop_timer_free(io->timer);
    io_machine_drop_stream(io);
    buffer_fini(&io->out);
    io->connector = NULL;
    io->watch = NULL;
    io->timer = NULL;
}

void io_machine_release(struct io *io)
{
    stream_fini(&io->stream);
    tls_context_unref(io->tls);
    free(io->ending_why);
    free(io->server_name);
    free(io);
}

void io_machine_end(struct io *io, enum err code, const char *reason)
{
    assert(io->busy);
    io_machine_let_go(io);
    io->events->closed(io->owner, code, reason);
}

static void end_as_kept(struct io *io)
{
    io_machine_end(io, io->ending, io->ending_why ? io->ending_why->text : err_name(io->ending));
}

/* Out of memory costs only the text. */
static void keep_ending(struct io *io, enum err code, const struct err_text *why)
{
    io->ending = code;
    io->ending_why = malloc(sizeof *why);
    if (io->ending_why) {
        *io->ending_why = *why;
    }
}

/* The stream is broken. If we told the peer why, it gets the time to hear it. */
static void fail(struct io *io)
{
    struct err_text why;
    enum err code = stream_failure(&io->stream, &why);
    if (!stream_sent_alert(&io->stream)) {
        io_machine_end(io, code, why.text);
        return;
    }
    keep_ending(io, code, &why);
    io_machine_move(io, IO_LINGERING);
    io->linger_bytes = ALERT_LINGER_BYTES;
    stream_half_close(&io->stream);
    loop_timer_start_ms(io->timer, ALERT_LINGER_MS);
}

/* --- reading and writing ------------------------------------------------------------------------------ */

static void peer_finished(struct io *io)
{
    (void)stream_finish(&io->stream);
    io_machine_end(io, ERR_OK, "the peer closed the connection");
}

/* The socket has nothing, but the stream may: a message without data was read, and not the whole of a record.
 */
static void note_miss(struct io *io)
{
    io->misses = stream_holds_bytes(&io->stream) ? io->misses + 1 : 0;
    io->unread = io->misses > 0 && io->misses < MISSES_MAX;
}

/* One read. False: there is no more for now, or the connection has ended. */
static bool read_once(struct io *io, size_t *got)
{
    uint8_t space[STREAM_READ_SIZE];
    switch (stream_read(&io->stream, space, sizeof space, got)) {
    case STREAM_OK:
        io->misses = 0;
        io->unread = stream_holds_bytes(&io->stream);
        io->events->received(io->owner, (struct bytes){.data = space, .size = *got});
        return io->unread || *got == sizeof space;
    case STREAM_WANT_READ:
        note_miss(io);
        return io->unread;
    case STREAM_WANT_WRITE:
        io->read_wants_write = true;
        return false;
    case STREAM_END:
        peer_finished(io);
        return false;
    case STREAM_BROKEN:
        fail(io);
        return false;
    }
    return false;
}

static void read_some(struct io *io)
{
    size_t bytes = 0;
    bool more = true;
    io->read_wants_write = false;
    io->misses = 0;
    for (int i = 0; more && i < READS_AT_ONCE && bytes < BYTES_AT_ONCE; i++) {
        size_t got = 0;
        more = io->state == IO_OPEN && !io->paused && read_once(io, &got);
        bytes += got;
    }
}

/* Hands the queue to the socket as far as it takes it. False: the stream is broken. */
static bool flush(struct io *io)
{
    io->write_wants_read = false;
    while (io->out.size > 0) {
        struct bytes bytes = buffer_bytes(&io->out);
        bytes.size = bytes.size < WRITE_CHUNK ? bytes.size : WRITE_CHUNK;
        size_t written = 0;
        enum stream_status status = stream_write(&io->stream, bytes, &written);
        if (status == STREAM_OK) {
            buffer_consume(&io->out, written);
            continue;
        }
        io->write_wants_read = status == STREAM_WANT_READ;
        return status == STREAM_WANT_READ || status == STREAM_WANT_WRITE;
    }
    if (io->out.capacity > IDLE_BUFFER_MAX) {
        buffer_fini(&io->out);
    }
    return true;
}

static unsigned wanted_events(const struct io *io)
{
    bool to_write = io->out.size > 0;
    unsigned wanted = io->paused ? 0 : LOOP_READABLE;
    if (io->read_wants_write || (to_write && !io->write_wants_read)) {
        wanted |= LOOP_WRITABLE;
    }
    if (to_write && io->write_wants_read) {
        wanted |= LOOP_READABLE;
    }
    return wanted;
}

void io_machine_settle(struct io *io)
{
    // A broken stream shows in the next event: closed() never comes out of a call of the owner.
    unsigned broken = flush(io) ? 0 : LOOP_READABLE | LOOP_WRITABLE;
    loop_watch_set(io->watch, broken | wanted_events(io));
    bool told = io->tell_drained && io->out.size == 0;
    if (told || (io->unread && !io->paused)) {
        loop_timer_start_ms(io->timer, 0);
    }
}

static void tell_if_drained(struct io *io)
{
    if (io->state == IO_OPEN && io->tell_drained && io->out.size == 0) {
        io->tell_drained = false;
        io->events->drained(io->owner);
    }
}

/* --- one step of each state --------------------------------------------------------------------------- */

static void open_step(struct io *io, unsigned events)
{
    if (events & LOOP_READABLE || io->read_wants_write) {
        read_some(io);
    }
    if (io->state == IO_OPEN && !flush(io)) {
        read_some(io); // what the peer said last (an alert) explains more than a failed write
        if (io->state == IO_OPEN) {
            fail(io);
        }
        return;
    }
    tell_if_drained(io);
}

static void take_handshake(struct io *io, enum stream_status status)
{
    switch (status) {
    case STREAM_WANT_READ:
        loop_watch_set(io->watch, LOOP_READABLE);
        return;
    case STREAM_WANT_WRITE:
        loop_watch_set(io->watch, LOOP_WRITABLE);
        return;
    case STREAM_OK:
        loop_timer_stop(io->timer);
        io_machine_move(io, IO_OPEN);
        io->unread = stream_holds_bytes(&io->stream);
        io->events->opened(io->owner);
        return;
    case STREAM_END:
    case STREAM_BROKEN:
        fail(io);
        return;
    }
}

/* In another thread. */
static void compute_handshake(void *owner)
{
    struct io *io = owner;
    io->handshake = stream_handshake(&io->stream);
}

/* What was put off meanwhile because the stream was in use is done here. */
static void handshake_done(void *owner)
{
    struct io *io = owner;
    io->working = NULL;
    io_machine_enter(io);
    if (io->state == IO_HANDSHAKING) {
        take_handshake(io, io->handshake);
    } else {
        stream_close(&io->stream);
    }
    io_machine_leave(io);
}

static void handshake_step(struct io *io)
{
    io->working = io->apart ? loop_work(io->loop, compute_handshake, handshake_done, io) : NULL;
    if (io->working) {
        loop_watch_set(io->watch, 0);
    } else {
        take_handshake(io, stream_handshake(&io->stream));
    }
}

static void finish_step(struct io *io)
{
    enum stream_status status = flush(io) ? STREAM_OK : STREAM_BROKEN;
    if (status == STREAM_OK && io->out.size > 0) {
        status = io->write_wants_read ? STREAM_WANT_READ : STREAM_WANT_WRITE;
    } else if (status == STREAM_OK) {
        status = stream_finish(&io->stream);
    }
    switch (status) {
    case STREAM_WANT_READ:
        loop_watch_set(io->watch, LOOP_READABLE);
        return;
    case STREAM_WANT_WRITE:
        loop_watch_set(io->watch, LOOP_WRITABLE);
        return;
    case STREAM_OK:
    case STREAM_END:
        keep_ending(io, ERR_OK, &(struct err_text){.text = "closed by us"});
        io->linger_bytes = SIZE_MAX;
        io_machine_move(io, IO_LINGERING);
        return;
    case STREAM_BROKEN:
        fail(io);
        return;
    }
}

static void linger_step(struct io *io)
{
    for (int i = 0; i < DISCARDS_AT_ONCE; i++) {
        size_t discarded = stream_discard(&io->stream);
        if (discarded == STREAM_DISCARD_LATER) {
            return;
        }
        if (discarded == 0 || discarded > io->linger_bytes) {
            end_as_kept(io);
            return;
        }
        io->linger_bytes -= discarded;
    }
}

static void step(struct io *io, unsigned events)
{
    switch (io->state) {
    case IO_HANDSHAKING:
        handshake_step(io);
        return;
    case IO_OPEN:
        open_step(io, events);
        return;
    case IO_FINISHING:
        finish_step(io);
        return;
    case IO_LINGERING:
        linger_step(io);
        return;
    case IO_CONNECTING:
    case IO_CLOSED:
    case IO_STATES:
        return;
    }
}

/* --- events of the loop ------------------------------------------------------------------------------- */

void io_machine_enter(struct io *io)
{
    io->busy = true;
}

/* After callbacks: what they wrote, paused, shut down or freed takes effect here. */
void io_machine_leave(struct io *io)
{
    io->busy = false;
    if (io->dead) {
        if (!io->working) {
            io_machine_release(io);
        }
        return;
    }
    switch (io->state) {
    case IO_OPEN:
        io_machine_settle(io);
        return;
    case IO_LINGERING:
        loop_watch_set(io->watch, LOOP_READABLE);
        return;
    case IO_CONNECTING:
    case IO_HANDSHAKING:
    case IO_FINISHING:
    case IO_CLOSED:
    case IO_STATES:
        return;
    }
}

void io_machine_ready(struct io *io, unsigned events)
{
    io_machine_enter(io);
    step(io, events);
    io_machine_leave(io);
}

void io_machine_expired(struct io *io)
{
    io_machine_enter(io);
    if (io->state == IO_OPEN) {
        open_step(io, io->unread && !io->paused ? LOOP_READABLE : 0);
    } else if (io->state == IO_LINGERING && io->ending != ERR_OK) {
        end_as_kept(io);
    } else if (io->state == IO_HANDSHAKING) {
        io_machine_end(io, ERR_TIMEOUT, "the TLS handshake was not finished in time");
    } else if (io->stream.fd < 0 || io->working) {
        io_machine_end(io, ERR_OK, "closed by us before it was open");
    } else if (io->state == IO_FINISHING) {
        io_machine_end(io, ERR_TIMEOUT, "the peer did not take in time what was still to be sent");
    } else {
        io_machine_end(io, ERR_TIMEOUT, "the peer did not close its side in time");
    }
    io_machine_leave(io);
}
