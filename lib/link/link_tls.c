#include "link/link_tls.h"

#include "base/clock.h"
#include "link/frame_check.h"
#include "link/tcp_way.h"
#include "modbus/mbap.h"
#include "net/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { ADDRESS_MAX = LINK_HOST_MAX + 16 };

struct link_tls {
    struct link link;
    struct link_setup setup;
    struct tcp_way way;
    struct stream stream;      /* on a duplicate of the way's descriptor */
    char address[ADDRESS_MAX]; /* for messages */
    uint16_t transaction;
    bool answered;   /* on this connection */
    bool suspicious; /* the last connection was ended by the server before its first answer */
    struct mbap_reader reader;
    struct bytes input; /* read and not yet taken; lies in `space` */
    uint8_t space[STREAM_READ_SIZE];
};

static struct link_tls *self_of(struct link *link)
{
    return (struct link_tls *)link;
}

static void count(struct link_tls *self, enum link_counter counter)
{
    metric_add(&self->setup.counters[counter], 1);
}

/* --- waiting ------------------------------------------------------------------------------------------ */

/* Until the socket is ready for what a stream wants. LINK_ANSWERED: it is. */
static enum link_outcome await(struct link_tls *self, enum stream_status wanted, int64_t deadline_us)
{
    struct pollfd wait = {.fd = self->way.slot, .events = wanted == STREAM_WANT_WRITE ? POLLOUT : POLLIN};
    for (;;) {
        if (atomic_load(&self->way.interrupted)) {
            return LINK_INTERRUPTED;
        }
        int64_t left_us = deadline_us - clock_mono_us();
        if (left_us <= 0) {
            return LINK_TIMED_OUT;
        }
        int ready = poll(&wait, 1, (int)(left_us / CLOCK_US_PER_MS) + 1);
        if (ready > 0) {
            return LINK_ANSWERED;
        }
        if (ready < 0 && errno != EINTR) {
            return LINK_LOST;
        }
    }
}

/* What a stream's answer means, after waiting where it wants that. LINK_ANSWERED: go on. */
static enum link_outcome go_on(struct link_tls *self, enum stream_status status, int64_t deadline_us)
{
    switch (status) {
    case STREAM_OK:
        return LINK_ANSWERED;
    case STREAM_WANT_READ:
    case STREAM_WANT_WRITE:
        return await(self, status, deadline_us);
    case STREAM_END:
    case STREAM_BROKEN:
        break;
    }
    return atomic_load(&self->way.interrupted) ? LINK_INTERRUPTED : LINK_LOST;
}

/* --- connecting --------------------------------------------------------------------------------------- */

static enum err explain(struct link_tls *self, enum link_outcome outcome, struct err_text *why)
{
    if (outcome == LINK_INTERRUPTED) {
        return err_set(why, ERR_CLOSED, "interrupted");
    }
    if (outcome == LINK_TIMED_OUT) {
        return err_set(why, ERR_TIMEOUT, "%s: the TLS handshake took too long", self->address);
    }
    struct err_text reason = {.text = ""};
    enum err failure = stream_failure(&self->stream, &reason);
    /* Only an interruption is ERR_CLOSED here. */
    enum err class = failure == ERR_OK || failure == ERR_CLOSED ? ERR_REFUSED : failure;
    return err_set(why, class, "%s", reason.text[0] ? reason.text : "the connection was closed");
}

static enum err shake_hands(struct link_tls *self, int64_t deadline_us, struct err_text *why)
{
    for (;;) {
        enum stream_status status = stream_handshake(&self->stream);
        enum link_outcome outcome = go_on(self, status, deadline_us);
        if (outcome != LINK_ANSWERED) {
            return explain(self, outcome, why);
        }
        if (status == STREAM_OK) {
            return ERR_OK;
        }
    }
}

/* Whether an alert comes, now that our certificate is being judged. */
static enum err settle(struct link_tls *self, int64_t deadline_us, struct err_text *why)
{
    int64_t until_us = clock_mono_us() + LINK_TLS_SETTLE_MS * CLOCK_US_PER_MS;
    until_us = until_us < deadline_us ? until_us : deadline_us;
    for (;;) {
        size_t got = 0;
        enum stream_status status = stream_read(&self->stream, self->space, sizeof self->space, &got);
        if (status == STREAM_OK) {
            self->input = (struct bytes){.data = self->space, .size = got};
            return ERR_OK;
        }
        enum link_outcome outcome = go_on(self, status, until_us);
        if (outcome == LINK_TIMED_OUT) {
            return ERR_OK;
        }
        if (outcome != LINK_ANSWERED) {
            return explain(self, outcome, why);
        }
    }
}

static enum err open_stream(struct link_tls *self, struct err_text *why)
{
    int fd = fcntl(self->way.slot, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        return err_errno(why, errno, "duplicate a descriptor");
    }
    self->answered = false;
    self->reader = (struct mbap_reader){.size = 0};
    self->input = (struct bytes){.size = 0};
    enum err result = stream_open(&self->stream, fd, self->setup.tls, self->address, self->setup.url.host);
    return result == ERR_OK ? ERR_OK : err_set(why, result, "%s", err_name(result));
}

static void disconnect(struct link *link)
{
    struct link_tls *self = self_of(link);
    (void)stream_finish(&self->stream);
    stream_close(&self->stream);
    stream_fini(&self->stream);
    tcp_way_disconnect(&self->way);
}

static enum err connect_tls(struct link *link, struct err_text *why)
{
    struct link_tls *self = self_of(link);
    const struct link_url *url = &self->setup.url;
    int64_t deadline_us = clock_mono_us() + self->setup.connect_timeout_us;
    enum err result = tcp_way_connect(&self->way, url->host, url->port, self->setup.connect_timeout_us, why);
    if (result != ERR_OK) {
        return result;
    }
    result = open_stream(self, why);
    if (result == ERR_OK) {
        result = shake_hands(self, deadline_us, why);
    }
    if (result == ERR_OK && self->suspicious) {
        result = settle(self, deadline_us, why);
    }
    if (result != ERR_OK) {
        disconnect(link);
        return result;
    }
    count(self, LINK_CONNECTS);
    return ERR_OK;
}

/* --- exchanging --------------------------------------------------------------------------------------- */

/* The request in one piece, which is one record. */
static enum link_outcome send_request(struct link_tls *self, const struct link_exchange *exchange,
                                      int64_t deadline_us)
{
    uint8_t frame[MBAP_ADU_MAX];
    struct wire_writer writer = wire_writer(frame, sizeof frame);
    mbap_write_request(&writer, ++self->transaction, exchange->unit, exchange->request);
    struct bytes left = {.data = frame, .size = wire_written(&writer)};
    while (left.size > 0) {
        size_t written = 0;
        enum stream_status status = stream_write(&self->stream, left, &written);
        enum link_outcome outcome = go_on(self, status, deadline_us);
        if (outcome != LINK_ANSWERED) {
            return outcome;
        }
        left.data += status == STREAM_OK ? written : 0;
        left.size -= status == STREAM_OK ? written : 0;
    }
    return LINK_ANSWERED;
}

/* Fills `input` before the deadline. */
static enum link_outcome receive(struct link_tls *self, int64_t deadline_us)
{
    for (;;) {
        size_t got = 0;
        enum stream_status status = stream_read(&self->stream, self->space, sizeof self->space, &got);
        if (status == STREAM_OK) {
            self->input = (struct bytes){.data = self->space, .size = got};
            return clock_mono_us() < deadline_us ? LINK_ANSWERED : LINK_TIMED_OUT;
        }
        enum link_outcome outcome = go_on(self, status, deadline_us);
        if (outcome != LINK_ANSWERED) {
            return outcome;
        }
    }
}

/* The next frame; its PDU lies in the reader. */
static enum link_outcome receive_frame(struct link_tls *self, int64_t deadline_us, enum mbap_result *result,
                                       struct mbap *adu)
{
    while ((*result = mbap_read(&self->reader, &self->input, adu)) == MBAP_NEED_MORE) {
        enum link_outcome outcome = receive(self, deadline_us);
        if (outcome != LINK_ANSWERED) {
            return outcome;
        }
    }
    return LINK_ANSWERED;
}

static enum frame_verdict check_frame(const struct link_tls *self, enum mbap_result result,
                                      const struct mbap *adu, struct link_exchange *exchange)
{
    if (result != MBAP_ADU) {
        return result == MBAP_DISCARDED ? FRAME_FOREIGN : FRAME_BROKEN;
    }
    const struct frame_expected expected = {
        .transaction = self->transaction,
        .unit = exchange->unit,
        .request = exchange->request,
    };
    return frame_check_adu(adu, &expected, &exchange->response);
}

/* Waits for the answer, past frames that are not it. */
static enum link_outcome await_answer(struct link_tls *self, struct link_exchange *exchange,
                                      int64_t deadline_us)
{
    for (int dropped = 0; dropped < LINK_DISCARDS_MAX; dropped++) {
        enum mbap_result result;
        struct mbap adu;
        enum link_outcome outcome = receive_frame(self, deadline_us, &result, &adu);
        if (outcome != LINK_ANSWERED) {
            return outcome;
        }
        enum frame_verdict verdict = check_frame(self, result, &adu, exchange);
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

/* A certificate that ends while the connection stands ends the connection. */
static bool peer_is_valid(const struct link_tls *self)
{
    return clock_wall_us() < stream_peer(&self->stream)->not_after_us;
}

static enum link_outcome exchange_tls(struct link *link, struct link_exchange *exchange)
{
    struct link_tls *self = self_of(link);
    int64_t deadline_us = clock_mono_us() + self->setup.response_timeout_us;
    exchange->request_us = clock_wall_us();
    enum link_outcome outcome = peer_is_valid(self) ? send_request(self, exchange, deadline_us) : LINK_LOST;
    if (outcome == LINK_ANSWERED) {
        outcome = await_answer(self, exchange, deadline_us);
    }
    exchange->response_us = clock_wall_us();
    self->suspicious = outcome == LINK_LOST && !self->answered;
    self->answered = self->answered || outcome == LINK_ANSWERED;
    link_count_outcome(self->setup.counters, outcome);
    return outcome;
}

/* --- life --------------------------------------------------------------------------------------------- */

static void interrupt(struct link *link)
{
    tcp_way_interrupt(&self_of(link)->way);
}

static void free_link(struct link *link)
{
    struct link_tls *self = self_of(link);
    tcp_way_fini(&self->way);
    tls_context_unref(self->setup.tls);
    free(self);
}

static const struct link_operations operations = {
    .connect = connect_tls,
    .exchange = exchange_tls,
    .disconnect = disconnect,
    .interrupt = interrupt,
    .free = free_link,
};

enum err link_tls_new(const struct link_setup *setup, struct link **link, struct err_text *why)
{
    if (!setup->tls) {
        return err_set(why, ERR_CONFIG, "tls:// needs a certificate and a key to show, and whom to trust");
    }
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes to sockets that the peer has closed */
    struct link_tls *self = calloc(1, sizeof *self);
    if (!self) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    self->link.operations = &operations;
    self->setup = *setup;
    self->setup.tls = tls_context_ref(setup->tls);
    self->stream = (struct stream){.fd = -1};
    (void)snprintf(self->address, sizeof self->address, "%s:%u", setup->url.host, setup->url.port);
    enum err result = tcp_way_init(&self->way, why);
    if (result != ERR_OK) {
        free_link(&self->link);
        return result;
    }
    *link = &self->link;
    return ERR_OK;
}
