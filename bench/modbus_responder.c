#include "modbus_responder.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REQUEST_SIZE = 12, EVENTS = 64 };

static int listen_on_loopback(uint16_t *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(fd, (struct sockaddr *)&address, size) || listen(fd, 4096) ||
        getsockname(fd, (struct sockaddr *)&address, &size)) {
        perror("listen");
        exit(EXIT_FAILURE);
    }
    *port = ntohs(address.sin_port);
    return fd;
}

/* Answers one read of registers; false: the connection is over. */
static bool respond(int fd)
{
    static uint16_t value;
    uint8_t request[REQUEST_SIZE];
    uint8_t answer[260] = {0};
    if (recv(fd, request, sizeof request, 0) != REQUEST_SIZE) {
        return false;
    }
    size_t bytes = (size_t)2 * request[11];
    memcpy(answer, request, 8);
    answer[4] = 0;
    answer[5] = (uint8_t)(3 + bytes);
    answer[8] = (uint8_t)bytes;
    for (size_t i = 0; i < bytes; i += 2) {
        answer[9 + i] = (uint8_t)(value >> 8);
        answer[10 + i] = (uint8_t)(value & 0xff);
    }
    value++;
    return send(fd, answer, 9 + bytes, MSG_NOSIGNAL) > 0;
}

static void run(int listener)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event add = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &add);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd != listener) {
                if (!respond(fd)) {
                    close(fd);
                }
                continue;
            }
            int yes = 1;
            add.data.fd = accept(listener, NULL, NULL);
            setsockopt(add.data.fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            epoll_ctl(poll, EPOLL_CTL_ADD, add.data.fd, &add);
        }
    }
}

struct modbus_responder modbus_responder_start(void)
{
    struct modbus_responder responder;
    int listener = listen_on_loopback(&responder.port);
    responder.process = fork();
    if (responder.process == 0) {
        run(listener);
    }
    close(listener);
    return responder;
}

void modbus_responder_stop(const struct modbus_responder *responder)
{
    kill(responder->process, SIGKILL);
    waitpid(responder->process, NULL, 0);
}
