#include "relay.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REFUSED_LOGGED_A_MINUTE = 10 };

#define REFUSAL      "the role of this certificate may not read anything here\n"
#define REFUSAL_SIZE "56"
_Static_assert(sizeof REFUSAL - 1 == 56, "what REFUSAL_SIZE says");

struct relay;

/* One end: where its bytes go, and whether its source waits for us. */
struct side {
    struct relay *relay;
    struct io *io;
    struct side *other;
    bool pauses_other;
};

struct relay {
    struct relays *relays;
    struct relay *previous, *next;
    struct side outside, inside;
    bool refused; /* the reader is being told */
};

struct relays {
    struct relay_options options;
    struct relay *first;
    size_t count;
    struct log_limit limit_refused;
};

struct relays *relays_new(const struct relay_options *options)
{
    struct relays *relays = calloc(1, sizeof *relays);
    if (relays) {
        relays->options = *options;
        relays->limit_refused =
            (struct log_limit){.burst = REFUSED_LOGGED_A_MINUTE, .interval_us = 60 * CLOCK_US_PER_S};
    }
    return relays;
}

static void relay_end(struct relay *relay)
{
    struct relays *relays = relay->relays;
    io_free(relay->outside.io);
    io_free(relay->inside.io);
    if (relay->previous) {
        relay->previous->next = relay->next;
    } else {
        relays->first = relay->next;
    }
    if (relay->next) {
        relay->next->previous = relay->previous;
    }
    relays->count--;
    free(relay);
}

void relays_end_all(struct relays *relays)
{
    for (struct relay *relay = relays->first, *next; relay; relay = next) {
        next = relay->next;
        relay_end(relay);
    }
}

void relays_free(struct relays *relays)
{
    if (relays) {
        relays_end_all(relays);
        free(relays);
    }
}

static void log_refused(struct relay *relay, const char *reason)
{
    uint64_t suppressed;
    if (log_limit_allow(&relay->relays->limit_refused, clock_mono_us(), &suppressed)) {
        log_warn("relay", log_event("reader_refused"), log_str("address", io_address(relay->outside.io)),
                 log_str("reason", reason), log_u64("suppressed", suppressed));
    }
}

/* ---- bytes ---- */

static void side_received(void *owner, struct bytes bytes)
{
    struct side *side = owner;
    struct side *to = side->other;
    if (side->relay->refused) {
        return; // the request, which nobody is to answer any more
    }
    if (!to->io || io_write(to->io, bytes) != ERR_OK) {
        relay_end(side->relay);
        return;
    }
    if (io_waiting(to->io) > RELAY_BUFFER) {
        to->pauses_other = true;
        io_pause(side->io);
    }
}

static void side_drained(void *owner)
{
    struct side *side = owner;
    if (side->pauses_other && side->other->io) {
        side->pauses_other = false;
        io_resume(side->other->io);
    }
}

/* Who has a certificate of ours, but not one that may read, is told so: a closed connection explains nothing.
 */
static void refuse(struct relay *relay)
{
    static const char answer[] = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\n"
                                 "Content-Length: " REFUSAL_SIZE "\r\nConnection: close\r\n\r\n" REFUSAL;
    relay->refused = true;
    if (io_write(relay->outside.io, (struct bytes){(const uint8_t *)answer, sizeof answer - 1}) != ERR_OK) {
        relay_end(relay);
        return;
    }
    io_shutdown(relay->outside.io, RELAY_LINGER_MS);
}

/* What was on its way to the other side still goes there. */
static void side_closed(void *owner, enum err code, const char *reason)
{
    struct side *side = owner;
    struct relay *relay = side->relay;
    (void)code;
    if (side == &relay->outside && !relay->inside.io && !relay->refused) {
        log_refused(relay, reason);
    }
    io_free(side->io);
    side->io = NULL;
    if (side == &relay->inside && relay->outside.io) {
        io_shutdown(relay->outside.io, RELAY_LINGER_MS);
    } else {
        relay_end(relay);
    }
}

static void inside_opened(void *owner)
{
    struct side *side = owner;
    io_resume(side->other->io);
}

static const struct io_events inside_events = {
    .opened = inside_opened, .received = side_received, .drained = side_drained, .closed = side_closed};

/* ---- opening ---- */

static enum err connect_inside(struct relay *relay)
{
    int ends[2];
    const struct io_options options = {
        .loop = relay->relays->options.loop,
        .events = &inside_events,
        .owner = &relay->inside,
        .handshake_ms = RELAY_HANDSHAKE_MS,
        .out_limit = 2 * RELAY_BUFFER,
    };
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
        return ERR_IO;
    }
    enum err result = io_accept(&options, ends[0], &relay->inside.io);
    if (result != ERR_OK) {
        close(ends[1]);
        return result;
    }
    return relay->relays->options.serve(relay->relays->options.owner, ends[1]);
}

static void outside_opened(void *owner)
{
    struct side *side = owner;
    struct relay *relay = side->relay;
    const struct relay_options *options = &relay->relays->options;
    struct err_text why = {""};
    if (!options->allowed(options->owner, io_peer(side->io), &why)) {
        log_refused(relay, why.text);
        refuse(relay);
        return;
    }
    io_pause(side->io); // until the inside is open
    if (connect_inside(relay) != ERR_OK) {
        relay_end(relay);
    }
}

static const struct io_events outside_events = {
    .opened = outside_opened, .received = side_received, .drained = side_drained, .closed = side_closed};

void relays_accept(struct relays *relays, struct tls_context *tls, int fd)
{
    struct relay *relay = relays->count < RELAY_CONNECTIONS_MAX ? calloc(1, sizeof *relay) : NULL;
    if (!relay) {
        close(fd);
        return;
    }
    *relay = (struct relay){.relays = relays, .next = relays->first};
    relay->outside = (struct side){.relay = relay, .other = &relay->inside};
    relay->inside = (struct side){.relay = relay, .other = &relay->outside};
    const struct io_options options = {
        .loop = relays->options.loop,
        .tls = tls,
        .events = &outside_events,
        .owner = &relay->outside,
        .handshake_ms = RELAY_HANDSHAKE_MS,
        .out_limit = 2 * RELAY_BUFFER,
    };
    if (io_accept(&options, fd, &relay->outside.io) != ERR_OK) {
        free(relay);
        return;
    }
    if (relays->first) {
        relays->first->previous = relay;
    }
    relays->first = relay;
    relays->count++;
}
