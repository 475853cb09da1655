#include "link/receive_adu.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum { LENGTH_AT = 4, LENGTH_END = 6 };

/* 0, or errno as a negative number. */
static int await_bytes(int fd, int64_t deadline_us)
{
    int64_t left_us = deadline_us - clock_mono_us();
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready = left_us > 0 ? poll(&wait, 1, (int)(left_us / CLOCK_US_PER_MS) + 1) : 0;
    if (ready < 0) {
        return errno == EINTR ? 0 : -errno;
    }
    return ready > 0 ? 0 : -ETIMEDOUT;
}

/* Size of the frame that the receiver begins with; 0: its length has not come yet; -EBADMSG. */
static int size_of_first(const struct adu_receiver *receiver)
{
    if (receiver->size < LENGTH_END) {
        return 0;
    }
    size_t length = (size_t)(receiver->bytes[LENGTH_AT] << 8 | receiver->bytes[LENGTH_AT + 1]);
    return length < MBAP_LENGTH_MIN || length > MBAP_LENGTH_MAX ? -EBADMSG : (int)(LENGTH_END + length);
}

static int receive_some(struct adu_receiver *receiver, int fd, int64_t deadline_us)
{
    int result = await_bytes(fd, deadline_us);
    if (result != 0) {
        return result;
    }
    ssize_t size =
        recv(fd, receiver->bytes + receiver->size, sizeof receiver->bytes - receiver->size, MSG_DONTWAIT);
    if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) {
        return size == 0 ? -ECONNRESET : -errno;
    }
    receiver->size += size > 0 ? (size_t)size : 0;
    return 0;
}

int receive_adu(struct adu_receiver *receiver, int fd, uint8_t *frame, int64_t deadline_us)
{
    for (;;) {
        int size = size_of_first(receiver);
        if (size < 0) {
            return size;
        }
        if (size > 0 && receiver->size >= (size_t)size) {
            memcpy(frame, receiver->bytes, (size_t)size);
            receiver->size -= (size_t)size;
            memmove(receiver->bytes, receiver->bytes + size, receiver->size);
            return size;
        }
        int result = receive_some(receiver, fd, deadline_us);
        if (result != 0) {
            return result;
        }
    }
}
