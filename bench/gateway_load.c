/*
 * gateway_load: clients of a gateway, as fast as it answers; bench/gateway.sh runs it against Bourdon and
 * others.
 *
 *   serve                             be the PLC: print the port, answer until standard input ends
 *   direct PORT CONNECTIONS SECONDS   one request at a time on each connection, without TLS
 *   tls PORT CONNECTIONS SECONDS [same]   the same with TLS
 *   connect PORT CONNECTIONS SECONDS  each connection asks once and is made anew
 *   hold PORT CONNECTIONS             connected and silent until standard input ends
 *
 * Certificates are those of pki/ (certs/make-certs.sh) with operator/anna. Each request reads ten holding
 * registers of unit 1, each connection others, and each answer is looked at. "same" behind all that: all
 * connections read the same ones.
 */
#include "base/clock.h"
#include "modbus_responder.h"
#include "net/io.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    ANSWER_SIZE = 29,
    AT_ONCE = 64,
    WARM_UP_MS = 500,
    SAMPLES_MAX = 8 * 1000 * 1000,
    REGISTERS = 10,
    RANGES = 90, /* that the policy of the benchmark lets an operator read */
};

enum mode { ASK, CONNECT, HOLD };

struct load;

struct client {
    struct load *load;
    struct io *io;
    int64_t asked_us;
    size_t received;
};

struct load {
    struct loop *loop;
    struct loop_timer *timer;
    struct tls_context *tls;
    struct loop_addresses addresses;
    enum mode mode;
    bool same;
    int64_t run_ms;
    struct client *clients;
    size_t count, started, ready;
    bool measuring;
    int64_t began_us;
    uint64_t done;
    uint32_t *samples_ns; /* of answers, up to SAMPLES_MAX */
};

static void fail(const char *what)
{
    fprintf(stderr, "gateway_load: %s\n", what);
    exit(EXIT_FAILURE);
}

static void connect_client(struct client *client);

static void start_next(struct load *load)
{
    if (load->started < load->count) {
        struct client *client = &load->clients[load->started++];
        client->load = load;
        connect_client(client);
    }
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void ask(struct client *client)
{
    const struct load *load = client->load;
    size_t address = load->same ? 0 : (size_t)(client - load->clients) % RANGES * REGISTERS;
    const uint8_t request[] = {0, 1,        0, 0, 0, 6, 1, 3, (uint8_t)(address >> 8), (uint8_t)address,
                               0, REGISTERS};
    client->received = 0;
    client->asked_us = now_ns();
    if (io_write(client->io, (struct bytes){.data = request, .size = sizeof request}) != ERR_OK) {
        fail("io_write");
    }
}

static void note_answer(struct client *client)
{
    struct load *load = client->load;
    if (!load->measuring) {
        return;
    }
    if (load->done < SAMPLES_MAX) {
        load->samples_ns[load->done] = (uint32_t)(now_ns() - client->asked_us);
    }
    load->done++;
}

static void opened(void *owner)
{
    ask(owner);
}

static void received(void *owner, struct bytes bytes)
{
    struct client *client = owner;
    struct load *load = client->load;
    if (client->received == 0 && bytes.size > 8 && (bytes.data[7] != 3 || bytes.data[8] != 2 * REGISTERS)) {
        fprintf(stderr, "gateway_load: function %02x, %02x\n", bytes.data[7], bytes.data[8]);
        fail("an answer is none to the request");
    }
    client->received += bytes.size;
    if (client->received < ANSWER_SIZE) {
        return;
    }
    note_answer(client);
    load->ready++;
    if (load->started < load->count) {
        start_next(load);
    }
    if (load->mode == CONNECT) {
        io_free(client->io);
        connect_client(client);
    } else if (load->mode == ASK) {
        ask(client);
    }
}

static void closed(void *owner, enum err code, const char *reason)
{
    (void)owner;
    (void)code;
    fail(reason);
}

static const struct io_events events = {.opened = opened, .received = received, .closed = closed};

static void connect_client(struct client *client)
{
    struct load *load = client->load;
    const struct io_options options = {.loop = load->loop,
                                       .tls = load->tls,
                                       .server_name = "localhost",
                                       .events = &events,
                                       .owner = client,
                                       .handshake_ms = 60000,
                                       .out_limit = 4096};
    client->received = 0;
    if (io_connect(&options, &load->addresses, &client->io) != ERR_OK) {
        fail("io_connect");
    }
}

/* ---- measuring ---- */

static int by_size(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

/* Of `count` sorted samples. */
static double quantile_us(const struct load *load, size_t count, size_t percent)
{
    size_t at = count * percent / 100;
    return count > 0 ? (double)load->samples_ns[at] / 1e3 : 0;
}

static void report(struct load *load)
{
    double seconds = (double)(clock_mono_us() - load->began_us) / 1e6;
    size_t count = load->done < SAMPLES_MAX ? (size_t)load->done : SAMPLES_MAX;
    qsort(load->samples_ns, count, sizeof *load->samples_ns, by_size);
    printf("done=%llu per_s=%.0f p50_us=%.1f p99_us=%.1f\n", (unsigned long long)load->done,
           (double)load->done / seconds, quantile_us(load, count, 50), quantile_us(load, count, 99));
    fflush(stdout);
}

/* Warm-up, then the time that counts, then the end. */
static void expired(void *owner)
{
    struct load *load = owner;
    if (load->measuring) {
        report(load);
        exit(EXIT_SUCCESS);
    }
    if (load->started < load->count || load->ready < load->count) {
        loop_timer_start_ms(load->timer, 10);
        return;
    }
    if (load->mode == HOLD) {
        puts("ready");
        fflush(stdout);
        loop_stop(load->loop);
        return;
    }
    load->measuring = true;
    load->began_us = clock_mono_us();
    printf("begin\n");
    fflush(stdout);
    loop_timer_start_ms(load->timer, load->run_ms);
}

static struct tls_context *client_context(void)
{
    struct err_text why;
    const struct tls_options options = {.side = TLS_CLIENT,
                                        .ca = "pki/ca.pem",
                                        .certificate = "pki/operator/anna.pem",
                                        .key = "pki/operator/anna.key"};
    struct tls_context *context;
    if (tls_context_new(&options, &context, &why) != ERR_OK) {
        fail(why.text);
    }
    return context;
}

static int serve(void)
{
    struct modbus_responder plc = modbus_responder_start();
    printf("port=%u pid=%d\n", plc.port, plc.process);
    fflush(stdout);
    while (getchar() != EOF) { /* until nobody needs it */
    }
    modbus_responder_stop(&plc);
    return EXIT_SUCCESS;
}

static void set_up(struct load *load, uint16_t port)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    load->addresses = (struct loop_addresses){.count = 1, .sizes = {sizeof address}};
    memcpy(&load->addresses.items[0], &address, sizeof address);
    load->clients = calloc(load->count, sizeof *load->clients);
    load->samples_ns = calloc(SAMPLES_MAX, sizeof *load->samples_ns);
    load->loop = loop_new();
    load->timer = loop_timer_new(load->loop, expired, load);
}

int main(int argc, char **argv)
{
    static struct load load;
    if (argc == 2 && strcmp(argv[1], "serve") == 0) {
        return serve();
    }
    if (argc < 4) {
        fail("usage: gateway_load serve | direct|tls|connect|hold PORT CONNECTIONS [SECONDS [same]]");
    }
    load.mode = strcmp(argv[1], "connect") == 0 ? CONNECT : strcmp(argv[1], "hold") == 0 ? HOLD : ASK;
    load.tls = strcmp(argv[1], "direct") == 0 ? NULL : client_context();
    load.count = strtoul(argv[3], NULL, 10);
    load.run_ms = argc > 4 ? (int64_t)(strtod(argv[4], NULL) * 1e3) : 0;
    load.same = argc > 5 && strcmp(argv[5], "same") == 0;
    set_up(&load, (uint16_t)strtoul(argv[2], NULL, 10));
    for (int i = 0; i < AT_ONCE; i++) {
        start_next(&load);
    }
    loop_timer_start_ms(load.timer, WARM_UP_MS);
    loop_run(load.loop);
    while (getchar() != EOF) { /* held open as long as somebody wants to look */
    }
    return EXIT_SUCCESS;
}
