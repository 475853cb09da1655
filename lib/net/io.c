#include "net/io.h"

#include "base/clock.h"
#include "net/io_machine.h"

#include <stdlib.h>
#include <string.h>

static void ready(void *owner, unsigned events)
{
    io_machine_ready(owner, events);
}

static void expired(void *owner)
{
    io_machine_expired(owner);
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
    io->apart = options->handshake_apart && options->tls;
    io->deadline_us = clock_mono_us() + options->handshake_ms * CLOCK_US_PER_MS;
    buffer_init(&io->out, options->out_limit);
    io->server_name = strdup(options->server_name ? options->server_name : "");
    io->timer = loop_timer_new(io->loop, expired, io);
    if (io->server_name && io->timer) {
        return io;
    }
    loop_timer_free(io->timer);
    io_machine_release(io);
    return NULL;
}

/* Takes the descriptor over. The one who speaks first starts as soon as the socket is writable. */
static enum err begin(struct io *io, int fd, bool speaks_first)
{
    socket_tune(fd);
    enum err result = stream_open(&io->stream, fd, io->tls, io->address, io->server_name);
    if (result != ERR_OK) {
        return result;
    }
    stream_read_ahead(&io->stream);
    io->watch = loop_watch_new(io->loop, fd, ready, io);
    if (!io->watch) {
        return ERR_NO_MEMORY;
    }
    io_machine_move(io, IO_HANDSHAKING);
    int64_t left_us = io->deadline_us - clock_mono_us();
    loop_timer_start_ms(io->timer, left_us / CLOCK_US_PER_MS);
    loop_watch_set(io->watch, speaks_first ? LOOP_WRITABLE : LOOP_READABLE);
    return ERR_OK;
}

static void connected(void *owner, int fd)
{
    struct io *io = owner;
    io_machine_enter(io);
    memcpy(io->address, connector_address(io->connector), sizeof io->address);
    connector_free(io->connector);
    io->connector = NULL;
    if (begin(io, fd, true) != ERR_OK) {
        io_machine_end(io, ERR_NO_MEMORY, err_name(ERR_NO_MEMORY));
    }
    io_machine_leave(io);
}

static void failed_to_connect(void *owner, enum err code, const char *reason)
{
    struct io *io = owner;
    struct err_text why; // the reason goes with the connector
    (void)err_set(&why, code, "%s", reason);
    io_machine_enter(io);
    memcpy(io->address, connector_address(io->connector), sizeof io->address);
    io_machine_end(io, code, why.text);
    io_machine_leave(io);
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
    bool stuck = io->out.size > 0; // the socket will tell when it takes more
    enum err result = buffer_append(&io->out, bytes.data, bytes.size);
    if (result != ERR_OK) {
        return result;
    }
    io->tell_drained = io->events->drained != NULL;
    if (!io->busy && !stuck) {
        io_machine_settle(io);
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
        io_machine_settle(io);
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
    io_machine_move(io, IO_FINISHING);
    if (open) {
        loop_watch_set(io->watch, LOOP_WRITABLE);
        loop_timer_start_ms(io->timer, linger_ms);
        return;
    }
    // Nothing was said yet, so there is nothing to finish.
    connector_free(io->connector);
    loop_watch_free(io->watch);
    io_machine_drop_stream(io);
    io->connector = NULL;
    io->watch = NULL;
    loop_timer_start_ms(io->timer, 0);
}

void io_free(struct io *io)
{
    if (!io) {
        return;
    }
    io_machine_let_go(io);
    if (io->busy || io->working) {
        io->dead = true;
        return;
    }
    io_machine_release(io);
}

const struct tls_peer *io_peer(const struct io *io)
{
    return stream_peer(&io->stream);
}

enum err io_judge(struct io *io, const struct tls_context *tls, struct err_text *why)
{
    return stream_judge(&io->stream, tls, why);
}

const char *io_address(const struct io *io)
{
    return io->connector ? connector_address(io->connector) : io->address;
}

int64_t io_waited_ms(const struct io *io)
{
    return socket_waited_ms(io->stream.fd);
}

const char *io_cipher(const struct io *io)
{
    return stream_cipher(&io->stream);
}
