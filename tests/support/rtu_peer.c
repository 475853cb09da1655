#include "support/rtu_peer.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

struct rtu_peer {
    rtu_answer *answer;
    void *owner;
    char *path;
    int line; /* our end */
    int kept; /* the other end, held open so that ours does not hang up in between */
    int wake;
    pthread_t thread;
};

/* Modbus over Serial Line 1.02, section 6.2.2. */
static uint16_t crc_of(const uint8_t *bytes, size_t size)
{
    uint16_t crc = 0xffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1);
        }
    }
    return crc;
}

static bool read_request(const struct rtu_peer *peer, uint8_t *request)
{
    size_t size = 0;
    while (size < RTU_REQUEST_SIZE) {
        struct pollfd waits[] = {{.fd = peer->line, .events = POLLIN}, {.fd = peer->wake, .events = POLLIN}};
        poll(waits, 2, -1);
        if (waits[1].revents & POLLIN) {
            return false;
        }
        ssize_t got = read(peer->line, request + size, RTU_REQUEST_SIZE - size);
        size += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static void *run(void *argument)
{
    struct rtu_peer *peer = argument;
    uint8_t request[RTU_REQUEST_SIZE];
    while (read_request(peer, request)) {
        uint8_t frame[RTU_FRAME_MAX + 2];
        size_t size = peer->answer(peer->owner, request, frame);
        if (size == 0) {
            continue;
        }
        uint16_t crc = crc_of(frame, size);
        frame[size++] = (uint8_t)(crc & 0xff);
        frame[size++] = (uint8_t)(crc >> 8);
        ck_assert_int_eq(write(peer->line, frame, size), (ssize_t)size);
    }
    return NULL;
}

struct rtu_peer *rtu_peer_start(const char *path, rtu_answer *answer, void *owner)
{
    struct rtu_peer *peer = calloc(1, sizeof *peer);
    ck_assert_ptr_nonnull(peer);
    peer->answer = answer;
    peer->owner = owner;
    peer->path = strdup(path);
    peer->line = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    ck_assert_int_ge(peer->line, 0);
    ck_assert_int_eq(grantpt(peer->line), 0);
    ck_assert_int_eq(unlockpt(peer->line), 0);
    char name[64];
    ck_assert_int_eq(ptsname_r(peer->line, name, sizeof name), 0);
    peer->kept = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios raw;
    tcgetattr(peer->kept, &raw);
    cfmakeraw(&raw);
    tcsetattr(peer->kept, TCSANOW, &raw);
    ck_assert_int_eq(symlink(name, path), 0);
    peer->wake = eventfd(0, EFD_CLOEXEC);
    ck_assert_int_eq(pthread_create(&peer->thread, NULL, run, peer), 0);
    return peer;
}

void rtu_peer_stop(struct rtu_peer *peer)
{
    eventfd_write(peer->wake, 1);
    pthread_join(peer->thread, NULL);
    unlink(peer->path);
    close(peer->kept);
    close(peer->line);
    close(peer->wake);
    free(peer->path);
    free(peer);
}

size_t rtu_registers(const uint8_t *request, uint16_t value, uint8_t *frame)
{
    size_t bytes = (size_t)2 * request[5];
    frame[0] = request[0];
    frame[1] = request[1];
    frame[2] = (uint8_t)bytes;
    for (size_t i = 0; i < bytes; i += 2) {
        frame[3 + i] = (uint8_t)(value >> 8);
        frame[4 + i] = (uint8_t)(value & 0xff);
    }
    return 3 + bytes;
}
