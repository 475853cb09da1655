#include "net/connector.h"

#include "base/clock.h"
#include "net/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct connector {
    struct loop *loop;
    struct loop_addresses addresses;
    size_t at; /* the address being tried */
    int fd;    /* -1 between attempts */
    struct loop_watch *watch;
    struct loop_timer *timer; /* bounds an attempt */
    int64_t deadline_us;      /* of all, monotonic */
    enum err failure;         /* of the last attempt */
    struct err_text why;
    char address[SOCKET_ADDRESS_MAX];
    const struct connector_events *events;
    void *owner;
};

static void abandon(struct connector *connector)
{
    loop_watch_free(connector->watch);
    connector->watch = NULL;
    if (connector->fd >= 0) {
        close(connector->fd);
        connector->fd = -1;
    }
}

static void succeed(struct connector *connector)
{
    int fd = connector->fd;
    connector->fd = -1;
    abandon(connector);
    loop_timer_stop(connector->timer);
    connector->events->connected(connector->owner, fd);
}

static void ready(void *owner, unsigned events);

/* Begins one attempt. 0: it is under way, else an errno. */
static int begin(struct connector *connector)
{
    const struct sockaddr_storage *address = &connector->addresses.items[connector->at];
    socket_address_text(address, connector->address);
    connector->fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connector->fd < 0) {
        return errno;
    }
    if (connect(connector->fd, (const struct sockaddr *)address, connector->addresses.sizes[connector->at]) !=
            0 &&
        errno != EINPROGRESS) {
        return errno;
    }
    connector->watch = loop_watch_new(connector->loop, connector->fd, ready, connector);
    if (!connector->watch) {
        return ENOMEM;
    }
    loop_watch_set(connector->watch, LOOP_WRITABLE);
    return 0;
}

static void note(struct connector *connector, int error_number)
{
    abandon(connector);
    connector->failure = socket_explain(error_number, &connector->why);
    (void)err_prefix(&connector->why, connector->failure, "%s", connector->address);
    connector->at++;
}

/* Tries one address after the other until an attempt is under way or none is left. */
static void try_next(struct connector *connector)
{
    for (; connector->at < connector->addresses.count;) {
        int error_number = begin(connector);
        if (error_number == 0) {
            int64_t left_us = connector->deadline_us - clock_mono_us();
            int64_t left = (int64_t)(connector->addresses.count - connector->at);
            loop_timer_start_ms(connector->timer, left_us / CLOCK_US_PER_MS / left);
            return;
        }
        note(connector, error_number);
    }
    connector->events->failed(connector->owner, connector->failure, connector->why.text);
}

static void ready(void *owner, unsigned events)
{
    (void)events;
    struct connector *connector = owner;
    int error_number = 0;
    socklen_t size = sizeof error_number;
    if (getsockopt(connector->fd, SOL_SOCKET, SO_ERROR, &error_number, &size) != 0) {
        error_number = errno;
    }
    if (error_number == 0) {
        succeed(connector);
        return;
    }
    note(connector, error_number);
    try_next(connector);
}

static void expired(void *owner)
{
    struct connector *connector = owner;
    if (connector->fd >= 0) {
        note(connector, ETIMEDOUT);
        (void)err_set(&connector->why, ERR_TIMEOUT, "%s: no answer", connector->address);
    }
    try_next(connector);
}

struct connector *connector_new(struct loop *loop, const struct loop_addresses *addresses, int64_t timeout_ms,
                                const struct connector_events *events, void *owner)
{
    struct connector *connector = calloc(1, sizeof *connector);
    if (!connector) {
        return NULL;
    }
    connector->loop = loop;
    connector->addresses = *addresses;
    connector->fd = -1;
    connector->deadline_us = clock_mono_us() + timeout_ms * CLOCK_US_PER_MS;
    connector->failure = err_set(&connector->why, ERR_NOT_FOUND, "no address to connect to");
    connector->events = events;
    connector->owner = owner;
    if (addresses->count > 0) {
        socket_address_text(&addresses->items[0], connector->address);
    }
    connector->timer = loop_timer_new(loop, expired, connector);
    if (!connector->timer) {
        free(connector);
        return NULL;
    }
    loop_timer_start_ms(connector->timer, 0); // the first attempt too is made in the loop
    return connector;
}

void connector_free(struct connector *connector)
{
    if (!connector) {
        return;
    }
    abandon(connector);
    loop_timer_free(connector->timer);
    free(connector);
}

const char *connector_address(const struct connector *connector)
{
    return connector->address;
}
