#include "net/io.h"

#include "base/clock.h"
#include "net/connector.h"
#include "net/socket.h"
#include "net/stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    READS_AT_ONCE = 4,              /* of STREAM_READ_SIZE; then the other connections get their turn */
    WRITE_CHUNK = 64 * 1024,        /* offered to the socket at once */
    IDLE_BUFFER_MAX = 1024,         /* an empty queue larger than this gives its memory back */
    ALERT_LINGER_MS = 1000,         /* how long an alert may take to reach the peer */
    ALERT_LINGER_BYTES = 64 * 1024, /* what we read and throw away meanwhile */
};

/*
 *   CONNECTING ─▶ HANDSHAKING ─▶ OPEN ─▶ FINISHING ─▶ LINGERING ─▶ CLOSED      every state may go to CLOSED
 *                      └──────────┴──────────────────────▲
 *
 * HANDSHAKING  bounded by handshake_ms since the start; a plain connection only waits there for its first
 * event FINISHING    sends what is queued and the goodbye; bounded by linger_ms LINGERING    has said the
 * last word and reads until the peer closes, so that the word is not lost in a reset; bounded by linger_ms,
 * after a failure by ALERT_LINGER_MS and ALERT_LINGER_BYTES
 */
enum io_state { IO_CONNECTING, IO_HANDSHAKING, IO_OPEN, IO_FINISHING, IO_LINGERING, IO_CLOSED, IO_STATES };

static const bool MOVES[IO_STATES][IO_STATES] = {
    [IO_CONNECTING] = {[IO_HANDSHAKING] = true, [IO_FINISHING] = true, [IO_CLOSED] = true},
    [IO_HANDSHAKING] = {[IO_OPEN] = true, [IO_FINISHING] = true, [IO_LINGERING] = true, [IO_CLOSED] = true},
    [IO_OPEN] = {[IO_FINISHING] = true, [IO_LINGERING] = true, [IO_CLOSED] = true},
    [IO_FINISHING] = {[IO_LINGERING] = true, [IO_CLOSED] = true},
    [IO_LINGERING] = {[IO_CLOSED] = true},
    [IO_CLOSED] = {[IO_CLOSED] = true},
};

struct io {
    struct loop *loop;
    struct tls_context *tls;
    char *server_name; /* "" on a server */
    const struct io_events *events;
    void *owner;
    char address[SOCKET_ADDRESS_MAX];
    enum io_state state;

    struct connector *connector; /* while connecting */
    struct stream stream;        /* after that */
    struct loop_watch *watch;
    struct loop_timer *timer; /* bounds the state */
    int64_t deadline_us;      /* of the handshake, monotonic */

    struct buffer out;
    bool tell_drained; /* something was written since drained() was last called */
    bool paused;
    bool read_wants_write;
    bool write_wants_read;

    bool busy; /* inside an event of the loop: callbacks may run */
    bool dead; /* freed there */

    size_t linger_bytes; /* that may still be read and thrown away */
    enum err ending;     /* what closed() will say after lingering */
    struct err_text *ending_why;
};

static void move_to(struct io *io, enum io_state state)
{
    assert(MOVES[io->state][state]);
    io->state = state;
}

/* --- the end ------------------------------------------------------------------------------------------ */

static void let_go(struct io *io)
{
    move_to(io, IO_CLOSED);
    connector_free(io->connector);
    loop_watch_free(io->watch);
    loop_timer_free(io->timer);
    stream_close(&io->stream);
    buffer_fini(&io->out);
    io->connector = NULL;
    io->watch = NULL;
    io->timer = NULL;
}

static void release(struct io *io)
{
    stream_fini(&io->stream);
    tls_context_unref(io->tls);
    free(io->ending_why);
    free(io->server_name);
    free(io);
}

/* Only from an event of the loop. */
static void end(struct io *io, enum err code, const char *reason)
{
    assert(io->busy);
    let_go(io);
    io->events->closed(io->owner, code, reason);
}

static void end_as_kept(struct io *io)
{
    end(io, io->ending, io->ending_why ? io->ending_why->text : err_name(io->ending));
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
        end(io, code, why.text);
        return;
    }
    keep_ending(io, code, &why);
    move_to(io, IO_LINGERING);
    io->linger_bytes = ALERT_LINGER_BYTES;
    stream_half_close(&io->stream);
    loop_timer_start_ms(io->timer, ALERT_LINGER_MS);
}

/* --- reading and writing ------------------------------------------------------------------------------ */

static void peer_finished(struct io *io)
{
    (void)stream_finish(&io->stream);
    end(io, ERR_OK, "the peer closed the connection");
}

static void read_some(struct io *io)
{
    uint8_t space[STREAM_READ_SIZE];
    io->read_wants_write = false;
    for (int i = 0; i < READS_AT_ONCE && io->state == IO_OPEN && !io->paused; i++) {
        size_t got = 0;
        switch (stream_read(&io->stream, space, sizeof space, &got)) {
        case STREAM_OK:
            io->events->received(io->owner, (struct bytes){.data = space, .size = got});
            break;
        case STREAM_WANT_READ:
            return;
        case STREAM_WANT_WRITE:
            io->read_wants_write = true;
            return;
        case STREAM_END:
            peer_finished(io);
            return;
        case STREAM_BROKEN:
            fail(io);
            return;
        }
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
    bool to_write = io->out.size > 0 || io->tell_drained;
    unsigned wanted = io->paused ? 0 : LOOP_READABLE;
    if (io->read_wants_write || (to_write && !io->write_wants_read)) {
        wanted |= LOOP_WRITABLE;
    }
    if (to_write && io->write_wants_read) {
        wanted |= LOOP_READABLE;
    }
    return wanted;
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
    if (io->state == IO_OPEN && io->tell_drained && io->out.size == 0) {
        io->tell_drained = false;
        io->events->drained(io->owner);
    }
}

static void handshake_step(struct io *io)
{
    switch (stream_handshake(&io->stream)) {
    case STREAM_WANT_READ:
        loop_watch_set(io->watch, LOOP_READABLE);
        return;
    case STREAM_WANT_WRITE:
        loop_watch_set(io->watch, LOOP_WRITABLE);
        return;
    case STREAM_OK:
        loop_timer_stop(io->timer);
        move_to(io, IO_OPEN);
        io->events->opened(io->owner);
        return;
    case STREAM_END:
    case STREAM_BROKEN:
        fail(io);
        return;
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
        move_to(io, IO_LINGERING);
        return;
    case STREAM_BROKEN:
        fail(io);
        return;
    }
}

static void linger_step(struct io *io)
{
    for (int i = 0; i < READS_AT_ONCE; i++) {
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

/* After callbacks: what they wrote, paused, shut down or freed takes effect here. */
static void leave(struct io *io)
{
    io->busy = false;
    if (io->dead) {
        release(io);
        return;
    }
    switch (io->state) {
    case IO_OPEN:
        (void)flush(io); // a broken stream shows in the next event
        loop_watch_set(io->watch, wanted_events(io));
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

static void ready(void *owner, unsigned events)
{
    struct io *io = owner;
    io->busy = true;
    step(io, events);
    leave(io);
}

static void expired(void *owner)
{
    struct io *io = owner;
    io->busy = true;
    if (io->state == IO_LINGERING && io->ending != ERR_OK) {
        end_as_kept(io);
    } else if (io->state == IO_HANDSHAKING) {
        end(io, ERR_TIMEOUT, "the TLS handshake was not finished in time");
    } else if (io->stream.fd < 0) {
        end(io, ERR_OK, "closed by us before it was open");
    } else if (io->state == IO_FINISHING) {
        end(io, ERR_TIMEOUT, "the peer did not take in time what was still to be sent");
    } else {
        end(io, ERR_TIMEOUT, "the peer did not close its side in time");
    }
    leave(io);
}

/* --- starting ----------------------------------------------------------------------------------------- */

static struct io *allocate(const struct io_options *options)
{
    struct io *io = calloc(1, sizeof *io);
    if (!io) {
        return NULL;
    }
    io->loop = options->loop;
    io->tls = options->tls ? tls_context_ref(options->tls) : NULL;
    io->events = options->events;
    io->owner = options->owner;
    io->stream.fd = -1;
    io->deadline_us = clock_mono_us() + options->handshake_ms * CLOCK_US_PER_MS;
    buffer_init(&io->out, options->out_limit);
    io->server_name = strdup(options->server_name ? options->server_name : "");
    io->timer = loop_timer_new(io->loop, expired, io);
    if (io->server_name && io->timer) {
        return io;
    }
    loop_timer_free(io->timer);
    release(io);
    return NULL;
}

/* Takes the descriptor over. The one who speaks first starts as soon as the socket is writable. */
static enum err begin(struct io *io, int fd, bool speaks_first)
{
    enum err result = stream_open(&io->stream, fd, io->tls, io->address, io->server_name);
    if (result != ERR_OK) {
        return result;
    }
    io->watch = loop_watch_new(io->loop, fd, ready, io);
    if (!io->watch) {
        return ERR_NO_MEMORY;
    }
    move_to(io, IO_HANDSHAKING);
    int64_t left_us = io->deadline_us - clock_mono_us();
    loop_timer_start_ms(io->timer, left_us / CLOCK_US_PER_MS);
    loop_watch_set(io->watch, speaks_first ? LOOP_WRITABLE : LOOP_READABLE);
    return ERR_OK;
}

static void connected(void *owner, int fd)
{
    struct io *io = owner;
    io->busy = true;
    memcpy(io->address, connector_address(io->connector), sizeof io->address);
    connector_free(io->connector);
    io->connector = NULL;
    if (begin(io, fd, true) != ERR_OK) {
        end(io, ERR_NO_MEMORY, err_name(ERR_NO_MEMORY));
    }
    leave(io);
}

static void failed_to_connect(void *owner, enum err code, const char *reason)
{
    struct io *io = owner;
    struct err_text why; // the reason goes with the connector
    (void)err_set(&why, code, "%s", reason);
    io->busy = true;
    memcpy(io->address, connector_address(io->connector), sizeof io->address);
    end(io, code, why.text);
    leave(io);
}

enum err io_connect(const struct io_options *options, const struct loop_addresses *addresses, struct io **io)
{
    static const struct connector_events events = {.connected = connected, .failed = failed_to_connect};
    *io = NULL;
    struct io *made = allocate(options);
    if (!made) {
        return ERR_NO_MEMORY;
    }
    made->connector = connector_new(made->loop, addresses, options->handshake_ms, &events, made);
    if (!made->connector) {
        io_free(made);
        return ERR_NO_MEMORY;
    }
    *io = made;
    return ERR_OK;
}

enum err io_accept(const struct io_options *options, int fd, struct io **io)
{
    *io = NULL;
    struct io *made = allocate(options);
    if (!made) {
        struct stream stream = {.fd = fd};
        stream_close(&stream);
        return ERR_NO_MEMORY;
    }
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    (void)getpeername(fd, (struct sockaddr *)&address,
                      &size); // a peer that left already shows on the first read
    socket_address_text(&address, made->address);
    enum err result = begin(made, fd, !options->tls);
    if (result != ERR_OK) {
        io_free(made);
        return result;
    }
    *io = made;
    return ERR_OK;
}

/* --- what the owner asks for -------------------------------------------------------------------------- */

enum err io_write(struct io *io, struct bytes bytes)
{
    if (io->state != IO_OPEN) {
        return ERR_CLOSED;
    }
    enum err result = buffer_append(&io->out, bytes.data, bytes.size);
    if (result != ERR_OK) {
        return result;
    }
    io->tell_drained = io->events->drained != NULL;
    if (!io->busy) {
        // A broken stream shows in the next event: closed() never comes out of a call of the owner.
        unsigned broken = flush(io) ? 0 : LOOP_READABLE | LOOP_WRITABLE;
        loop_watch_set(io->watch, broken | wanted_events(io));
    }
    return ERR_OK;
}

size_t io_waiting(const struct io *io)
{
    return io->out.size;
}

static void set_paused(struct io *io, bool paused)
{
    io->paused = paused;
    if (io->state == IO_OPEN && !io->busy) {
        loop_watch_set(io->watch, wanted_events(io));
    }
}

void io_pause(struct io *io)
{
    set_paused(io, true);
}

void io_resume(struct io *io)
{
    set_paused(io, false);
}

void io_shutdown(struct io *io, int64_t linger_ms)
{
    bool open = io->state == IO_OPEN;
    if (!open && io->state != IO_CONNECTING && io->state != IO_HANDSHAKING) {
        return;
    }
    move_to(io, IO_FINISHING);
    if (open) {
        loop_watch_set(io->watch, LOOP_WRITABLE);
        loop_timer_start_ms(io->timer, linger_ms);
        return;
    }
    // Nothing was said yet, so there is nothing to finish.
    connector_free(io->connector);
    loop_watch_free(io->watch);
    stream_close(&io->stream);
    io->connector = NULL;
    io->watch = NULL;
    loop_timer_start_ms(io->timer, 0);
}

void io_free(struct io *io)
{
    if (!io) {
        return;
    }
    let_go(io);
    if (io->busy) {
        io->dead = true;
        return;
    }
    release(io);
}

const struct tls_peer *io_peer(const struct io *io)
{
    return stream_peer(&io->stream);
}

const char *io_address(const struct io *io)
{
    return io->connector ? connector_address(io->connector) : io->address;
}

const char *io_cipher(const struct io *io)
{
    return stream_cipher(&io->stream);
}
