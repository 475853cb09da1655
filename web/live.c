#include "live.h"

#include "base/log.h"
#include "net/control.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 16 * 1024 };

struct live {
    const char *watch;
    struct events *events;
    pthread_t thread;
    int stop; /* an eventfd: readable = stop */
    _Atomic bool connected;
};

/* Waits until `fd` (-1 = nothing) is readable. False: stop. */
static bool wait_for(const struct live *live, int fd, int timeout_ms)
{
    struct pollfd polled[] = {{.fd = live->stop, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    while (poll(polled, 2, timeout_ms) < 0 && errno == EINTR) {
    }
    return polled[0].revents == 0;
}

static void say_connected(struct live *live, bool connected)
{
    static const char *const lines[] = {"{\"type\":\"server\",\"connected\":false}",
                                        "{\"type\":\"server\",\"connected\":true}"};
    if (atomic_exchange(&live->connected, connected) != connected) {
        const char *line = lines[connected];
        events_publish(live->events, (struct bytes){(const uint8_t *)line, strlen(line)});
        log_info("live", log_event(connected ? "server_followed" : "server_lost"),
                 log_str("watch", live->watch));
    }
}

static void publish_lines(struct live *live, struct buffer *received)
{
    struct bytes text = buffer_bytes(received);
    const uint8_t *end;
    while (text.size > 0 && (end = memchr(text.data, '\n', text.size))) {
        size_t size = (size_t)(end - text.data);
        events_publish(live->events, (struct bytes){text.data, size});
        buffer_consume(received, size + 1);
        text = buffer_bytes(received);
    }
}

/* A server that lets us follow says so first. */
static void greet(struct live *live, struct bytes text)
{
    static const char hello[] = "{\"type\":\"hello\"";
    if (text.size >= sizeof hello && memcmp(text.data, hello, sizeof hello - 1) == 0) {
        say_connected(live, true);
    }
}

/* Until the server goes away, or says something that is no line. */
static void follow(struct live *live, int fd)
{
    struct buffer received;
    buffer_init(&received, EVENTS_LINE_MAX + READ_SIZE);
    ssize_t size = 1;
    while (size > 0 && wait_for(live, fd, -1)) {
        uint8_t *space = buffer_reserve(&received, READ_SIZE);
        size = space ? recv(fd, space, READ_SIZE, 0) : -1;
        if (size > 0) {
            buffer_commit(&received, (size_t)size);
            greet(live, buffer_bytes(&received));
            publish_lines(live, &received);
        }
    }
    buffer_fini(&received);
}

static void *run(void *owner)
{
    struct live *live = owner;
    do {
        int fd;
        if (control_connect(live->watch, "follow", &fd, NULL) == ERR_OK) {
            follow(live, fd);
            close(fd);
        }
        say_connected(live, false);
    } while (wait_for(live, -1, LIVE_RETRY_MS));
    return NULL;
}

enum err live_start(const char *watch, struct events *events, struct live **out, struct err_text *why)
{
    *out = NULL;
    struct live *live = calloc(1, sizeof *live);
    if (!live) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    live->watch = watch;
    live->events = events;
    live->stop = eventfd(0, EFD_CLOEXEC);
    int code = live->stop < 0 ? errno : pthread_create(&live->thread, NULL, run, live);
    if (code != 0) {
        if (live->stop >= 0) {
            close(live->stop);
        }
        free(live);
        return err_errno(why, code, "cannot start the thread that follows the server");
    }
    *out = live;
    return ERR_OK;
}

void live_stop(struct live *live)
{
    if (live) {
        (void)!eventfd_write(live->stop, 1);
        pthread_join(live->thread, NULL);
        close(live->stop);
        free(live);
    }
}

bool live_is_connected(const struct live *live)
{
    return live && atomic_load(&live->connected);
}
