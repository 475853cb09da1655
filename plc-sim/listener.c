#include "listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 128 };

struct listener {
    struct loop *loop;
    void (*accepted)(void *owner, int fd);
    void *owner;
    struct sockaddr_storage bound; /* with the port really bound */
    socklen_t bound_size;
    char address[LISTENER_ADDRESS_MAX];
    int fd; /* -1 = not listening */
    struct loop_watch *watch;
};

static bool parse_port(const char *text, uint16_t *port)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || value > UINT16_MAX) {
        return false;
    }
    *port = (uint16_t)value;
    return true;
}

bool listener_parse(const char *text, char *host, uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    if (!colon || !parse_port(colon + 1, port)) {
        return false;
    }
    const char *start = text;
    const char *end = colon;
    if (*start == '[' && end > start && end[-1] == ']') {
        start++;
        end--;
    }
    int size = (int)(end - start);
    return size > 0 && snprintf(host, LISTENER_HOST_MAX, "%.*s", size, start) < LISTENER_HOST_MAX;
}

static enum err resolve(struct listener *listener, const char *host, uint16_t port, struct err_text *why)
{
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found;
    int status = getaddrinfo(host, service, &hints, &found);
    if (status != 0) {
        return err_set(why, ERR_CONFIG, "%s is not an address to listen on: %s", host, gai_strerror(status));
    }
    memcpy(&listener->bound, found->ai_addr, found->ai_addrlen);
    listener->bound_size = found->ai_addrlen;
    freeaddrinfo(found);
    return ERR_OK;
}

static void on_ready(void *owner, unsigned events)
{
    struct listener *listener = owner;
    (void)events;
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        listener->accepted(listener->owner, fd);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        loop_watch_set(listener->watch, 0); /* until listener_set_open() is called again */
    }
}

static enum err begin(struct listener *listener, struct err_text *why)
{
    int on = 1;
    const struct sockaddr *address = (const struct sockaddr *)&listener->bound;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return err_errno(why, errno, "make a socket");
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, address, listener->bound_size) < 0 || listen(fd, BACKLOG) < 0) {
        int error = errno;
        close(fd);
        return err_errno(why, error, "listen");
    }
    listener->watch = loop_watch_new(listener->loop, fd, on_ready, listener);
    if (!listener->watch) {
        close(fd);
        return err_set(why, ERR_NO_MEMORY, "%s", err_name(ERR_NO_MEMORY));
    }
    listener->fd = fd;
    loop_watch_set(listener->watch, LOOP_READABLE);
    return ERR_OK;
}

static void end(struct listener *listener)
{
    if (listener->fd >= 0) {
        loop_watch_free(listener->watch);
        close(listener->fd);
        listener->watch = NULL;
        listener->fd = -1;
    }
}

static void name_address(struct listener *listener)
{
    struct sockaddr *address = (struct sockaddr *)&listener->bound;
    getsockname(listener->fd, address, &listener->bound_size);
    char host[LISTENER_HOST_MAX];
    char port[8];
    getnameinfo(address, listener->bound_size, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    bool v6 = address->sa_family == AF_INET6;
    (void)snprintf(listener->address, sizeof listener->address, "%s%s%s:%s", v6 ? "[" : "", host,
                   v6 ? "]" : "", port);
}

enum err listener_new(struct loop *loop, const char *host, uint16_t port,
                      void (*accepted)(void *owner, int fd), void *owner, struct listener **listener,
                      struct err_text *why)
{
    struct listener *made = calloc(1, sizeof *made);
    if (!made) {
        return err_set(why, ERR_NO_MEMORY, "%s", err_name(ERR_NO_MEMORY));
    }
    *made = (struct listener){.loop = loop, .accepted = accepted, .owner = owner, .fd = -1};
    enum err result = resolve(made, host, port, why);
    if (result == ERR_OK) {
        result = begin(made, why);
    }
    if (result != ERR_OK) {
        free(made);
        return err_prefix(why, result, "%s:%u", host, port);
    }
    name_address(made);
    *listener = made;
    return ERR_OK;
}

void listener_free(struct listener *listener)
{
    if (listener) {
        end(listener);
        free(listener);
    }
}

const char *listener_address(const struct listener *listener)
{
    return listener->address;
}

void listener_set_open(struct listener *listener, bool open)
{
    if (!open) {
        end(listener);
    } else if (listener->fd < 0) {
        (void)!begin(listener, NULL); /* somebody else may have the port now: the next call tries again */
    } else {
        loop_watch_set(listener->watch, LOOP_READABLE);
    }
}
