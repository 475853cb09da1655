#include "support/raw_peer.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct raw_peer {
    raw_answer *answer;
    void *owner;
    int listener;
    int wake;
    uint16_t port;
    pthread_t thread;
};

/* False: it is time to end. */
static bool await_readable(const struct raw_peer *peer, int fd)
{
    struct pollfd waits[] = {{.fd = fd, .events = POLLIN}, {.fd = peer->wake, .events = POLLIN}};
    while (poll(waits, 2, -1) <= 0) {
    }
    return !(waits[1].revents & POLLIN);
}

static bool read_request(const struct raw_peer *peer, int fd, uint8_t *request)
{
    size_t size = 0;
    while (size < RAW_REQUEST_SIZE && await_readable(peer, fd)) {
        ssize_t got = recv(fd, request + size, RAW_REQUEST_SIZE - size, 0);
        if (got <= 0) {
            return false;
        }
        size += (size_t)got;
    }
    return size == RAW_REQUEST_SIZE;
}

static void *run(void *argument)
{
    struct raw_peer *peer = argument;
    while (await_readable(peer, peer->listener)) {
        int fd = accept(peer->listener, NULL, NULL);
        int yes = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        uint8_t request[RAW_REQUEST_SIZE];
        while (fd >= 0 && read_request(peer, fd, request) && peer->answer(peer->owner, fd, request)) {
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    return NULL;
}

struct raw_peer *raw_peer_start(raw_answer *answer, void *owner)
{
    struct raw_peer *peer = calloc(1, sizeof *peer);
    ck_assert_ptr_nonnull(peer);
    peer->answer = answer;
    peer->owner = owner;
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    ck_assert_int_eq(bind(peer->listener, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(peer->listener, 16), 0);
    ck_assert_int_eq(getsockname(peer->listener, (struct sockaddr *)&address, &size), 0);
    peer->port = ntohs(address.sin_port);
    peer->wake = eventfd(0, EFD_CLOEXEC);
    ck_assert_int_eq(pthread_create(&peer->thread, NULL, run, peer), 0);
    return peer;
}

void raw_peer_stop(struct raw_peer *peer)
{
    eventfd_write(peer->wake, 1);
    pthread_join(peer->thread, NULL);
    close(peer->listener);
    close(peer->wake);
    free(peer);
}

uint16_t raw_peer_port(const struct raw_peer *peer)
{
    return peer->port;
}

void raw_send(int fd, const void *data, size_t size)
{
    const uint8_t *at = data;
    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        at += sent;
        size -= (size_t)sent;
    }
}

bool raw_await_hangup(int fd, int timeout_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLRDHUP};
    return poll(&wait, 1, timeout_ms) > 0;
}

size_t raw_registers(const uint8_t *request, uint16_t value, uint8_t *frame)
{
    size_t bytes = (size_t)2 * request[11];
    memcpy(frame, request, 8); /* header with transaction and unit, function */
    frame[4] = 0;
    frame[5] = (uint8_t)(3 + bytes);
    frame[8] = (uint8_t)bytes;
    for (size_t i = 0; i < bytes; i += 2) {
        frame[9 + i] = (uint8_t)(value >> 8);
        frame[10 + i] = (uint8_t)(value & 0xff);
    }
    return 9 + bytes;
}
