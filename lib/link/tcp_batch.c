#include "link/tcp_batch.h"

#include "base/clock.h"
#include "link/frame_check.h"
#include "link/receive_adu.h"
#include "modbus/mbap.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum { SPACE_SIZE = LINK_OUTSTANDING_MAX * MBAP_ADU_MAX };

struct receiving {
    const struct tcp_batch *line;
    const struct link_batch *batch;
    uint16_t first;
    size_t pending;
    int discarded; /* frames since the last answer */
    int64_t deadline_us;
    struct mbap_reader reader;
};

/* Nothing else is on its way: a socket that does not take them whole is stuck. */
static int send_all(struct receiving *self)
{
    uint8_t space[SPACE_SIZE];
    struct wire_writer writer = wire_writer(space, sizeof space);
    int64_t now_us = clock_wall_us();
    for (size_t i = 0; i < self->batch->count; i++) {
        struct link_exchange *exchange = &self->batch->exchanges[i];
        if (!exchange->answered) {
            exchange->request_us = now_us;
            mbap_write_request(&writer, (uint16_t)(self->first + i), exchange->unit, exchange->request);
            self->pending++;
        }
    }
    size_t size = wire_written(&writer);
    ssize_t sent = send(self->line->fd, space, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == (ssize_t)size) {
        return 0;
    }
    return sent < 0 && errno != EAGAIN ? -errno : -ECONNRESET;
}

/* Whose answer this may be; NULL: nobody's. */
static struct link_exchange *find_exchange(const struct receiving *self, uint16_t transaction)
{
    size_t index = (uint16_t)(transaction - self->first);
    if (index >= self->batch->count || self->batch->exchanges[index].answered) {
        return NULL;
    }
    return &self->batch->exchanges[index];
}

static int discard(struct receiving *self, enum link_counter counter)
{
    metric_add(&self->line->counters[counter], 1);
    return ++self->discarded < LINK_DISCARDS_MAX ? 0 : -EBADMSG;
}

static int take_adu(struct receiving *self, const struct mbap *adu)
{
    struct link_exchange *exchange = find_exchange(self, adu->transaction);
    if (!exchange) {
        return discard(self, LINK_STALE_FRAMES);
    }
    const struct frame_expected expected = {
        .transaction = adu->transaction,
        .unit = exchange->unit,
        .request = exchange->request,
    };
    switch (frame_check_adu(adu, &expected, &exchange->response)) {
    case FRAME_ANSWER:
        break;
    case FRAME_STALE:
    case FRAME_FOREIGN:
        return discard(self, LINK_FOREIGN_FRAMES);
    case FRAME_BROKEN:
        return -EBADMSG;
    }
    exchange->response_us = clock_wall_us();
    exchange->answered = true;
    self->pending--;
    self->discarded = 0;
    self->deadline_us = clock_mono_us() + self->line->timeout_us;
    self->batch->answered(self->batch->owner, exchange);
    return 0;
}

static int take_bytes(struct receiving *self, struct bytes bytes)
{
    int result = 0;
    while (result == 0) {
        struct mbap adu;
        switch (mbap_read(&self->reader, &bytes, &adu)) {
        case MBAP_NEED_MORE:
            return 0;
        case MBAP_ADU:
            result = take_adu(self, &adu);
            break;
        case MBAP_DISCARDED:
            result = discard(self, LINK_FOREIGN_FRAMES);
            break;
        case MBAP_BROKEN:
            result = -EBADMSG;
            break;
        }
    }
    return result;
}

/* A device with Nagle's algorithm sends its second answer when the first is acknowledged, which the kernel
 * may put off for 40 ms: we have nothing to send meanwhile. */
static void acknowledge(int fd)
{
    const int now = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &now, sizeof now);
}

static int receive_some(struct receiving *self)
{
    uint8_t space[SPACE_SIZE];
    int result = receive_wait(self->line->fd, self->deadline_us);
    if (result != 0) {
        return result;
    }
    ssize_t size = recv(self->line->fd, space, sizeof space, MSG_DONTWAIT);
    if (size > 0) {
        int taken = take_bytes(self, (struct bytes){.data = space, .size = (size_t)size});
        if (self->pending > 0) {
            acknowledge(self->line->fd);
        }
        return taken;
    }
    if (size == 0) {
        return -ECONNRESET;
    }
    return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

int tcp_batch_exchange(const struct tcp_batch *line, const struct link_batch *batch, uint16_t first)
{
    struct receiving self = {
        .line = line,
        .batch = batch,
        .first = first,
        .deadline_us = clock_mono_us() + line->timeout_us,
    };
    int result = send_all(&self);
    while (result == 0 && self.pending > 0) {
        result = receive_some(&self);
    }
    /* What has begun behind the last answer is nothing that was asked for, and its rest would meet the next.
     */
    return result == 0 && mbap_reader_is_inside(&self.reader) ? -EBADMSG : result;
}
