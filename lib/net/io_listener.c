#include "net/acceptor.h"
#include "net/io.h"
#include "net/socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct io_listener {
    struct acceptor *acceptor;
    uint16_t port;
};

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

enum err io_listen_check(const char *host, const char *port, struct err_text *why)
{
    int fd = -1;
    enum err result = bind_socket(host, port, false, &fd, why);
    if (result == ERR_OK) {
        close(fd);
    }
    return result;
}

/* The port that was really bound, and the whole address in words. */
static uint16_t describe(int fd, char *name)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    (void)getsockname(fd, (struct sockaddr *)&address, &size);
    socket_address_text(&address, name);
    struct sockaddr_in v4;
    memcpy(&v4, &address, sizeof v4); // the port lies at the same place in both families
    return ntohs(v4.sin_port);
}

enum err io_listen(struct loop *loop, const char *host, const char *port, bool reuse_port,
                   void (*accepted)(void *owner, int fd), void *owner, struct io_listener **listener,
                   struct err_text *why)
{
    *listener = NULL;
    int fd = -1;
    enum err result = bind_socket(host, port, reuse_port, &fd, why);
    if (result != ERR_OK) {
        return result;
    }
    struct io_listener *made = calloc(1, sizeof *made);
    char name[SOCKET_ADDRESS_MAX];
    uint16_t bound = describe(fd, name);
    struct acceptor *acceptor = acceptor_new(loop, fd, name, accepted, owner);
    if (!made || !acceptor) {
        acceptor_free(acceptor);
        free(made);
        return err_set(why, ERR_NO_MEMORY, "listen on %s port %s: out of memory", host, port);
    }
    *made = (struct io_listener){.acceptor = acceptor, .port = bound};
    *listener = made;
    return ERR_OK;
}

uint16_t io_listener_port(const struct io_listener *listener)
{
    return listener->port;
}

void io_listener_free(struct io_listener *listener)
{
    if (listener) {
        acceptor_free(listener->acceptor);
        free(listener);
    }
}
