#include "link/receive_adu.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

enum { LENGTH_AT = 4, LENGTH_END = 6 };

int receive_wait(int fd, int64_t deadline_us)
{
    int64_t left_us = deadline_us - clock_mono_us();
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready = left_us > 0 ? poll(&wait, 1, (int)(left_us / CLOCK_US_PER_MS) + 1) : 0;
    if (ready < 0) {
        return errno == EINTR ? 0 : -errno;
    }
    return ready > 0 ? 0 : -ETIMEDOUT;
}

/* Fills frame[from … to). 0, or errno as a negative number. */
static int receive_part(int fd, uint8_t *frame, size_t from, size_t to, int64_t deadline_us)
{
    while (from < to) {
        int result = receive_wait(fd, deadline_us);
        if (result != 0) {
            return result;
        }
        ssize_t size = recv(fd, frame + from, to - from, MSG_DONTWAIT);
        if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) {
            return size == 0 ? -ECONNRESET : -errno;
        }
        from += size > 0 ? (size_t)size : 0;
    }
    return 0;
}

int receive_adu(int fd, uint8_t *frame, int64_t deadline_us)
{
    int result = receive_part(fd, frame, 0, LENGTH_END, deadline_us);
    if (result != 0) {
        return result;
    }
    size_t length = (size_t)(frame[LENGTH_AT] << 8 | frame[LENGTH_AT + 1]);
    if (length < MBAP_LENGTH_MIN || length > MBAP_LENGTH_MAX) {
        return -EBADMSG;
    }
    result = receive_part(fd, frame, LENGTH_END, LENGTH_END + length, deadline_us);
    return result == 0 ? (int)(LENGTH_END + length) : result;
}
