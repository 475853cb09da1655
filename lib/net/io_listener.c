#include "base/clock.h"
#include "base/log.h"
#include "net/io.h"
#include "net/socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ACCEPTS_AT_ONCE = 64, /* then the other connections of the loop get their turn */
    ACCEPT_PAUSE_MS =
        200, /* when descriptors or memory are out: the waiting connections stay in the backlog */
    WARN_EVERY_S = 60,
};

struct io_listener {
    int fd;
    uint16_t port;
    struct loop_watch *watch;
    struct loop_timer *pause;
    void (*accepted)(void *owner, int fd);
    void *owner;
    bool busy; /* inside accepted() */
    bool dead; /* freed there */
    struct log_limit warnings;
};

static void release(struct io_listener *listener)
{
    loop_watch_free(listener->watch);
    loop_timer_free(listener->pause);
    if (listener->fd >= 0) {
        close(listener->fd);
    }
    free(listener);
}

/* --- accepting ---------------------------------------------------------------------------------------- */

static void warn_exhausted(struct io_listener *listener, int error_number)
{
    uint64_t suppressed;
    if (log_limit_allow(&listener->warnings, clock_mono_us(), &suppressed)) {
        struct err_text why;
        (void)err_errno(&why, error_number, "no more connections can be accepted for now");
        log_warn("listener", log_event("accept_paused"), log_u64("port", listener->port),
                 log_str("reason", why.text), log_u64("suppressed", suppressed));
    }
}

/* One connection. False: there is none left, or none can be taken now. */
static bool accept_one(struct io_listener *listener)
{
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        socket_tune(fd);
        listener->accepted(listener->owner, fd);
        return true;
    }
    switch (errno) {
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
        // Still readable: watching on would spin.
        warn_exhausted(listener, errno);
        loop_watch_set(listener->watch, 0);
        loop_timer_start_ms(listener->pause, ACCEPT_PAUSE_MS);
        return false;
    default:
        return true; // that connection died in the backlog (accept(2), "Error handling"): on to the next
    }
}

static void ready(void *owner, unsigned events)
{
    (void)events;
    struct io_listener *listener = owner;
    listener->busy = true;
    for (int i = 0; i < ACCEPTS_AT_ONCE && !listener->dead && accept_one(listener); i++) {
    }
    listener->busy = false;
    if (listener->dead) {
        release(listener);
    }
}

static void resume(void *owner)
{
    struct io_listener *listener = owner;
    loop_watch_set(listener->watch, LOOP_READABLE);
}

/* --- opening ------------------------------------------------------------------------------------------ */

static int open_socket(const struct addrinfo *address, bool reuse_port)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    int on = 1;
    int off = 0;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->ai_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off); // "::" serves IPv4 too
    }
    bool good = (!reuse_port || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
                bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0;
    if (good) {
        return fd;
    }
    int error_number = errno;
    close(fd);
    errno = error_number;
    return -1;
}

static enum err bind_socket(const char *host, const char *port, bool reuse_port, int *fd,
                            struct err_text *why)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    int status = getaddrinfo(host, port, &hints, &found);
    if (status != 0) {
        return err_set(why, ERR_NOT_FOUND, "listen on %s port %s: %s", host, port, gai_strerror(status));
    }
    *fd = open_socket(found, reuse_port);
    int error_number = errno;
    freeaddrinfo(found);
    return *fd >= 0 ? ERR_OK : err_errno(why, error_number, "listen on %s port %s", host, port);
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    struct sockaddr_in v4;
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        return 0;
    }
    memcpy(&v4, &address, sizeof v4); // the port lies at the same place in both families
    return ntohs(v4.sin_port);
}

static enum err watch_socket(struct loop *loop, struct io_listener *listener)
{
    listener->watch = loop_watch_new(loop, listener->fd, ready, listener);
    listener->pause = loop_timer_new(loop, resume, listener);
    if (!listener->watch || !listener->pause) {
        return ERR_NO_MEMORY;
    }
    listener->port = bound_port(listener->fd);
    loop_watch_set(listener->watch, LOOP_READABLE);
    return ERR_OK;
}

enum err io_listen(struct loop *loop, const char *host, const char *port, bool reuse_port,
                   void (*accepted)(void *owner, int fd), void *owner, struct io_listener **listener,
                   struct err_text *why)
{
    *listener = NULL;
    struct io_listener *made = calloc(1, sizeof *made);
    if (!made) {
        return err_set(why, ERR_NO_MEMORY, "listen on %s port %s: out of memory", host, port);
    }
    made->fd = -1;
    made->accepted = accepted;
    made->owner = owner;
    made->warnings = (struct log_limit){.burst = 1, .interval_us = WARN_EVERY_S * CLOCK_US_PER_S};
    enum err result = bind_socket(host, port, reuse_port, &made->fd, why);
    if (result == ERR_OK) {
        result = watch_socket(loop, made);
    }
    if (result != ERR_OK) {
        release(made);
        return result;
    }
    *listener = made;
    return ERR_OK;
}

uint16_t io_listener_port(const struct io_listener *listener)
{
    return listener->port;
}

void io_listener_free(struct io_listener *listener)
{
    if (!listener) {
        return;
    }
    if (listener->busy) {
        listener->dead = true;
        return;
    }
    release(listener);
}
