#include "link/link_libmodbus.h"

#include "base/clock.h"
#include "link/frame_check.h"
#include "link/low_descriptor.h"
#include "link/receive_adu.h"
#include "link/tcp_batch.h"
#include "link/tcp_way.h"
#include "modbus/mbap.h"

#include <errno.h>
#include <fcntl.h>
#include <modbus/modbus.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_MAX = MODBUS_TCP_MAX_ADU_LENGTH };
_Static_assert((int)MODBUS_TCP_MAX_ADU_LENGTH >= (int)MBAP_ADU_MAX, "libmodbus fills such a buffer");
_Static_assert((int)MODBUS_TCP_MAX_ADU_LENGTH >= (int)MODBUS_RTU_MAX_ADU_LENGTH, "of either kind");

struct link_libmodbus {
    struct link link;
    struct link_setup setup;
    modbus_t *context;
    struct tcp_way way; /* of a serial line: only its descriptor */
    int wake;           /* eventfd that ends the waiting on a serial line; -1 for TCP */
    uint16_t transaction;
    int64_t silent_until_us;  /* RTU: the rest between two frames */
    uint8_t frame[FRAME_MAX]; /* as received */
};

static struct link_libmodbus *self_of(struct link *link)
{
    return (struct link_libmodbus *)link;
}

static void count(struct link_libmodbus *self, enum link_counter counter)
{
    metric_add(&self->setup.counters[counter], 1);
}

static enum err connect_tcp(struct link *link, struct err_text *why)
{
    struct link_libmodbus *self = self_of(link);
    const struct link_url *url = &self->setup.url;
    enum err result = tcp_way_connect(&self->way, url->host, url->port, self->setup.connect_timeout_us, why);
    if (result != ERR_OK) {
        return result;
    }
    modbus_set_socket(self->context, self->way.slot);
    count(self, LINK_CONNECTS);
    return ERR_OK;
}

/* Gives the line another speed than it has. */
static void unsettle_line(const char *device)
{
    int fd = open(device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    struct termios settings;
    if (fd < 0) {
        return;
    }
    if (tcgetattr(fd, &settings) == 0) {
        cfsetspeed(&settings, cfgetospeed(&settings) == B9600 ? B19200 : B9600);
        (void)tcsetattr(fd, TCSANOW, &settings);
    }
    close(fd);
}

/* A pseudo-terminal has no parity bit. The C library calls that an invalid argument, but only where nothing
 * else had to be changed either: where the line has these settings from before, say from a process killed. */
static int open_line(struct link_libmodbus *self)
{
    int result = modbus_connect(self->context);
    if (result != 0 && errno == EINVAL) {
        unsettle_line(self->setup.url.device);
        result = modbus_connect(self->context);
    }
    return result;
}

static enum err connect_rtu(struct link *link, struct err_text *why)
{
    struct link_libmodbus *self = self_of(link);
    if (open_line(self) != 0) {
        return err_errno(why, errno, "open %s", self->setup.url.device);
    }
    enum err result = low_descriptor_fill(self->way.slot, modbus_get_socket(self->context), why);
    modbus_set_socket(self->context, result == ERR_OK ? self->way.slot : -1);
    if (result == ERR_OK) {
        count(self, LINK_CONNECTS);
    }
    return result;
}

static void disconnect_tcp(struct link *link)
{
    struct link_libmodbus *self = self_of(link);
    tcp_way_disconnect(&self->way);
    modbus_set_socket(self->context, -1);
}

/* libmodbus puts the line's settings back and closes a duplicate; the number itself stays ours. */
static void disconnect_rtu(struct link *link)
{
    struct link_libmodbus *self = self_of(link);
    modbus_set_socket(self->context, fcntl(self->way.slot, F_DUPFD_CLOEXEC, 0));
    modbus_close(self->context);
    low_descriptor_empty(self->way.slot);
}

static void interrupt(struct link *link)
{
    struct link_libmodbus *self = self_of(link);
    if (self->wake < 0) {
        tcp_way_interrupt(&self->way);
        return;
    }
    atomic_store(&self->way.interrupted, true);
    eventfd_write(self->wake, 1);
}

static void free_link(struct link *link)
{
    struct link_libmodbus *self = self_of(link);
    if (self->context) {
        modbus_free(self->context);
    }
    tcp_way_fini(&self->way);
    if (self->wake >= 0) {
        close(self->wake);
    }
    free(self);
}

/* The outcome that errno of libmodbus means; its own numbers lie above the system's. */
static enum link_outcome outcome_of_errno(const struct link_libmodbus *self, int reason)
{
    if (atomic_load(&self->way.interrupted)) {
        return LINK_INTERRUPTED;
    }
    if (reason == ETIMEDOUT || reason == EAGAIN) {
        return LINK_TIMED_OUT;
    }
    return reason >= MODBUS_ENOBASE || reason == EBADMSG ? LINK_BROKE_PROTOCOL : LINK_LOST;
}

/* Receives one frame before the deadline; its size, or errno as a negative number. */
static int receive_frame(struct link_libmodbus *self, int64_t deadline_us)
{
    int64_t left_us = deadline_us - clock_mono_us();
    if (left_us <= 0) {
        return -ETIMEDOUT;
    }
    modbus_set_response_timeout(self->context, (uint32_t)(left_us / CLOCK_US_PER_S),
                                (uint32_t)(left_us % CLOCK_US_PER_S));
    int size = modbus_receive_confirmation(self->context, self->frame);
    return size < 0 ? -errno : size;
}

/* libmodbus takes the answer to a function that it does not know for two bytes. On a serial line nothing else
 * says where it ends: there it breaks the standard. */
static bool is_beyond_libmodbus(const struct link_libmodbus *self, const struct link_exchange *exchange)
{
    uint8_t function = exchange->request->function;
    bool known = function <= MODBUS_WRITE_SINGLE_REGISTER || function == MODBUS_WRITE_MULTIPLE_COILS ||
                 function == MODBUS_WRITE_MULTIPLE_REGISTERS || function == MODBUS_MASK_WRITE_REGISTER ||
                 function == MODBUS_READ_WRITE_MULTIPLE_REGISTERS;
    return self->setup.url.scheme == LINK_TCP && !known;
}

static enum frame_verdict check_frame(struct link_libmodbus *self, size_t size,
                                      struct link_exchange *exchange)
{
    const struct frame_expected expected = {
        .transaction = self->transaction,
        .unit = exchange->unit,
        .request = exchange->request,
    };
    struct bytes frame = {.data = self->frame, .size = size};
    if (self->setup.url.scheme == LINK_TCP) {
        return frame_check_tcp(frame, &expected, &exchange->response);
    }
    /* libmodbus gives 0 for a frame of another unit, unchecked. */
    return size == 0 ? FRAME_FOREIGN : frame_check_rtu(frame, &expected, &exchange->response);
}

/* Waits for the answer, past frames that are not it. */
static enum link_outcome await_answer(struct link_libmodbus *self, struct link_exchange *exchange,
                                      int64_t deadline_us)
{
    for (int dropped = 0; dropped < LINK_DISCARDS_MAX; dropped++) {
        int size = is_beyond_libmodbus(self, exchange)
                       ? receive_adu(modbus_get_socket(self->context), self->frame, deadline_us)
                       : receive_frame(self, deadline_us);
        if (size < 0) {
            return outcome_of_errno(self, -size);
        }
        enum frame_verdict verdict = check_frame(self, (size_t)size, exchange);
        if (verdict == FRAME_ANSWER) {
            return LINK_ANSWERED;
        }
        if (verdict == FRAME_BROKEN) {
            return LINK_BROKE_PROTOCOL;
        }
        count(self, verdict == FRAME_STALE ? LINK_STALE_FRAMES : LINK_FOREIGN_FRAMES);
    }
    return LINK_BROKE_PROTOCOL;
}

/* Sends the request and gives the outcome of the sending alone. */
static enum link_outcome send_tcp(struct link_libmodbus *self, const struct link_exchange *exchange)
{
    uint8_t frame[MBAP_ADU_MAX];
    struct wire_writer writer = wire_writer(frame, sizeof frame);
    mbap_write_request(&writer, ++self->transaction, exchange->unit, exchange->request);
    /* One frame at most is on its way: a socket that does not take it whole is stuck. */
    size_t size = wire_written(&writer);
    ssize_t sent = send(self->way.slot, frame, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == (ssize_t)size) {
        return LINK_ANSWERED;
    }
    return outcome_of_errno(self, sent < 0 && errno != EAGAIN ? errno : ECONNRESET);
}

static enum link_outcome exchange_tcp(struct link *link, struct link_exchange *exchange)
{
    struct link_libmodbus *self = self_of(link);
    int64_t deadline_us = clock_mono_us() + self->setup.response_timeout_us;
    exchange->request_us = clock_wall_us();
    enum link_outcome outcome = send_tcp(self, exchange);
    if (outcome == LINK_ANSWERED) {
        outcome = await_answer(self, exchange, deadline_us);
    }
    exchange->response_us = clock_wall_us();
    link_count_outcome(self->setup.counters, outcome);
    return outcome;
}

static enum link_outcome exchange_all_tcp(struct link *link, const struct link_batch *batch)
{
    struct link_libmodbus *self = self_of(link);
    const struct tcp_batch line = {
        .fd = self->way.slot,
        .timeout_us = self->setup.response_timeout_us,
        .counters = self->setup.counters,
    };
    uint16_t first = (uint16_t)(self->transaction + 1);
    self->transaction = (uint16_t)(self->transaction + batch->count);
    int result = tcp_batch_exchange(&line, batch, first);
    enum link_outcome outcome = result == 0 ? LINK_ANSWERED : outcome_of_errno(self, -result);
    link_count_outcome(self->setup.counters, outcome);
    return outcome;
}

static void keep_silence(struct link_libmodbus *self)
{
    int64_t left_us = self->silent_until_us - clock_mono_us();
    if (left_us > 0) {
        struct timespec rest = {.tv_nsec = left_us * 1000};
        nanosleep(&rest, NULL);
    }
}

/* Waits for the first byte: libmodbus would wait, too, but could not be interrupted. */
static enum link_outcome await_serial(struct link_libmodbus *self, int64_t deadline_us)
{
    struct pollfd waits[] = {
        {.fd = self->way.slot, .events = POLLIN},
        {.fd = self->wake, .events = POLLIN},
    };
    for (;;) {
        int64_t left_us = deadline_us - clock_mono_us();
        struct timespec left = {
            .tv_sec = left_us > 0 ? left_us / CLOCK_US_PER_S : 0,
            .tv_nsec = left_us > 0 ? left_us % CLOCK_US_PER_S * 1000 : 0,
        };
        int ready = ppoll(waits, 2, &left, NULL);
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        if (atomic_load(&self->way.interrupted)) {
            return LINK_INTERRUPTED;
        }
        if (ready <= 0) {
            return ready == 0 ? LINK_TIMED_OUT : LINK_LOST;
        }
        return waits[0].revents & POLLIN ? LINK_ANSWERED : LINK_LOST;
    }
}

static enum link_outcome send_rtu(struct link_libmodbus *self, const struct link_exchange *exchange)
{
    uint8_t raw[1 + PDU_SIZE_MAX];
    struct wire_writer writer = wire_writer(raw, sizeof raw);
    wire_write_u8(&writer, exchange->unit);
    pdu_request_encode(&writer, exchange->request);
    modbus_set_slave(self->context, exchange->unit);
    keep_silence(self);
    tcflush(self->way.slot, TCIFLUSH);
    if (modbus_send_raw_request(self->context, raw, (int)wire_written(&writer)) < 0) {
        return outcome_of_errno(self, errno);
    }
    return LINK_ANSWERED;
}

static enum link_outcome exchange_rtu(struct link *link, struct link_exchange *exchange)
{
    struct link_libmodbus *self = self_of(link);
    exchange->request_us = clock_wall_us();
    enum link_outcome outcome = send_rtu(self, exchange);
    int64_t deadline_us = clock_mono_us() + self->setup.response_timeout_us;
    if (outcome == LINK_ANSWERED) {
        outcome = await_serial(self, deadline_us);
    }
    if (outcome == LINK_ANSWERED) {
        outcome = await_answer(self, exchange, deadline_us);
    }
    exchange->response_us = clock_wall_us();
    self->silent_until_us = clock_mono_us() + link_url_silence_us(&self->setup.url);
    link_count_outcome(self->setup.counters, outcome);
    return outcome;
}

static const struct link_operations tcp_operations = {
    .connect = connect_tcp,
    .exchange = exchange_tcp,
    .exchange_all = exchange_all_tcp,
    .disconnect = disconnect_tcp,
    .interrupt = interrupt,
    .free = free_link,
};

static const struct link_operations rtu_operations = {
    .connect = connect_rtu,
    .exchange = exchange_rtu,
    .disconnect = disconnect_rtu,
    .interrupt = interrupt,
    .free = free_link,
};

static modbus_t *new_context(const struct link_url *url)
{
    if (url->scheme == LINK_TCP) {
        return modbus_new_tcp("127.0.0.1", url->port); /* never connected by libmodbus */
    }
    return modbus_new_rtu(url->device, (int)url->baud, url->parity, url->data_bits, url->stop_bits);
}

static enum err open_resources(struct link_libmodbus *self, struct err_text *why)
{
    self->context = new_context(&self->setup.url);
    if (!self->context) {
        return err_set(why, ERR_NO_MEMORY, "libmodbus: %s", modbus_strerror(errno));
    }
    modbus_set_byte_timeout(self->context, 0, 0);
    modbus_set_error_recovery(self->context, MODBUS_ERROR_RECOVERY_NONE);
    if (self->setup.url.scheme == LINK_RTU) {
        self->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (self->wake < 0) {
            return err_errno(why, errno, "eventfd");
        }
    }
    return ERR_OK;
}

enum err link_libmodbus_new(const struct link_setup *setup, struct link **link, struct err_text *why)
{
    struct link_libmodbus *self = calloc(1, sizeof *self);
    if (!self) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    self->link.operations = setup->url.scheme == LINK_TCP ? &tcp_operations : &rtu_operations;
    self->setup = *setup;
    self->wake = -1;
    enum err result = tcp_way_init(&self->way, why);
    if (result == ERR_OK) {
        result = open_resources(self, why);
    }
    if (result != ERR_OK) {
        free_link(&self->link);
        return result;
    }
    *link = &self->link;
    return ERR_OK;
}
