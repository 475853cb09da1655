/*
 * server_load: many bridges at a real bourdon-server: how many readings a second become durable, and what an
 * idle bridge costs.
 *
 *   server_load PLANT PORT BRIDGES BATCHES READINGS [SERVER_PID]
 *
 * PLANT is a folder of certs/make-certs.sh with bridge/cell-3, and bridge/load-0.pem, load-1.pem … of the
 * same key for one name in each SESSIONS_A_NAME bridges (bench/server.py makes them); every bridge has an
 * epoch of its own. Each sends BATCHES batches of READINGS readings as fast as the window lets it; with 0 the
 * connections are held until the end of standard input.
 */
#include "base/clock.h"
#include "base/random.h"
#include "net/io.h"
#include "tunnel/batch_builder.h"
#include "tunnel/session_sender.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    HANDSHAKES_AT_ONCE = 64,
    TICK_MS = 200,
    TICKS_OF_REST = 5,
    TAGS = 50,
    BATCH_ROOM = 16384,
    OUT_ENOUGH = 65536,
    SESSIONS_A_NAME = 8 /* as many as a server lets a name have */
};

struct load;

struct bridge {
    struct load *load;
    struct io *io;
    struct sender *sender;
    uint8_t epoch[BATCH_EPOCH_SIZE];
    uint64_t next;
    uint64_t acked;
};

struct load {
    struct loop *loop;
    struct loop_timer *tick;
    struct tls_context **tls; /* one a name */
    struct loop_addresses addresses;
    struct catalog *catalog;
    struct batch_builder *builder;
    struct buffer encoded;
    struct bridge *bridges;
    size_t count, started, ready, done;
    uint64_t batches;
    int readings;
    bool sending;
    uint64_t other; /* answers that are not COMMITTED */
    uint64_t bytes;
};

static void fail(const char *what)
{
    fprintf(stderr, "server_load: %s\n", what);
    exit(EXIT_FAILURE);
}

/* ---- batches ---- */

/* Slow pressures with a little noise, 0.01 bar resolution. */
static void make_batch(struct bridge *bridge)
{
    struct load *load = bridge->load;
    struct batch_identity identity = {.sequence = bridge->next};
    memcpy(identity.epoch, bridge->epoch, sizeof identity.epoch);
    int64_t now_us = clock_wall_us();
    for (int i = 0; i < load->readings; i++) {
        uint32_t tag = (uint32_t)(i % TAGS);
        int64_t time_us = now_us + i / TAGS * 100000;
        const struct reading reading = {
            .tag = tag,
            .request_us = time_us,
            .response_us = time_us + 800,
            .word_count = 1,
            .words = {(uint16_t)(5000 + tag * 10 + (bridge->next * 7 + (unsigned)i) % 5)}};
        if (batch_builder_add(load->builder, &reading) != ERR_OK) {
            fail("batch_builder_add");
        }
    }
    buffer_clear(&load->encoded);
    if (batch_builder_finish(load->builder, &identity, &load->encoded) != ERR_OK) {
        fail("batch_builder_finish");
    }
}

static void send_more(struct bridge *bridge)
{
    struct load *load = bridge->load;
    while (load->sending && bridge->next <= load->batches && sender_has_room(bridge->sender, BATCH_ROOM) &&
           io_waiting(bridge->io) < OUT_ENOUGH) {
        make_batch(bridge);
        if (sender_send_batch(bridge->sender, bridge->next, buffer_bytes(&load->encoded), false,
                              clock_mono_us()) != ERR_OK) {
            fail("sender_send_batch");
        }
        load->bytes += load->encoded.size;
        bridge->next++;
    }
}

/* ---- sessions ---- */

static void start_next(struct load *load);

static void send_bytes(void *owner, struct bytes bytes)
{
    struct bridge *bridge = owner;
    if (io_write(bridge->io, bytes) != ERR_OK) {
        fail("io_write");
    }
}

static void session_ready(void *owner, const struct frame_hello *hello, const struct frame_welcome *welcome)
{
    struct bridge *bridge = owner;
    (void)hello;
    (void)welcome;
    bridge->load->ready++;
}

static void catalog_acked(void *owner, const struct frame_catalog_ack *ack)
{
    (void)owner;
    (void)ack;
}

static void acked(void *owner, const struct ack_range *range, int64_t first_sent_us)
{
    struct bridge *bridge = owner;
    (void)first_sent_us;
    bridge->load->other += range->result != ACK_COMMITTED;
    bridge->acked += range->last - range->first + 1;
    bridge->load->done += bridge->acked == bridge->load->batches;
}

static void session_closed(void *owner, enum err code, enum bye_reason reason, const char *text)
{
    (void)owner;
    (void)code;
    fprintf(stderr, "server_load: session closed: %s: %s\n", bye_reason_name(reason), text);
    exit(EXIT_FAILURE);
}

static const struct sender_events session_events = {.send = send_bytes,
                                                    .ready = session_ready,
                                                    .catalog_acked = catalog_acked,
                                                    .acked = acked,
                                                    .closed = session_closed};

static void received(void *owner, struct bytes bytes)
{
    struct bridge *bridge = owner;
    size_t ready = bridge->load->ready;
    sender_receive(bridge->sender, bytes, clock_mono_us());
    if (bridge->load->ready > ready) {
        (void)!sender_send_catalog(bridge->sender, catalog_encoded(bridge->load->catalog), clock_mono_us());
        start_next(bridge->load);
    }
    send_more(bridge);
}

static void opened(void *owner)
{
    (void)owner;
}

static void drained(void *owner)
{
    send_more(owner);
}

static void closed(void *owner, enum err code, const char *reason)
{
    (void)owner;
    (void)code;
    fail(reason);
}

static const struct io_events connection_events = {
    .opened = opened, .received = received, .drained = drained, .closed = closed};

static void start_next(struct load *load)
{
    if (load->started == load->count) {
        return;
    }
    struct bridge *bridge = &load->bridges[load->started++];
    *bridge = (struct bridge){.load = load, .next = 1};
    random_bytes(bridge->epoch, sizeof bridge->epoch);
    struct sender_options session = {.events = &session_events, .owner = bridge};
    memcpy(session.open.epoch, bridge->epoch, sizeof bridge->epoch);
    session.open.first_sequence = 1;
    session.open.next_sequence = 1;
    bridge->sender = sender_new(&session, clock_mono_us());
    const struct io_options options = {.loop = load->loop,
                                       .tls = load->tls[(load->started - 1) / SESSIONS_A_NAME],
                                       .server_name = "localhost",
                                       .events = &connection_events,
                                       .owner = bridge,
                                       .handshake_ms = 60000,
                                       .out_limit = 16 * 1024 * 1024};
    if (io_connect(&options, &load->addresses, &bridge->io) != ERR_OK) {
        fail("io_connect");
    }
}

static void ticked(void *owner)
{
    struct load *load = owner;
    int64_t now_us = clock_mono_us();
    for (size_t i = 0; i < load->started; i++) {
        sender_tick(load->bridges[i].sender, now_us);
    }
    loop_timer_start_ms(load->tick, TICK_MS);
    loop_stop(load->loop);
}

/* ---- measuring ---- */

/* The number behind `key` in a file of "key value" or, without key, after `skip` words. */
static unsigned long number_in(long pid, const char *name, const char *key, int skip)
{
    char path[64];
    char text[4096];
    snprintf(path, sizeof path, "/proc/%ld/%s", pid, name);
    FILE *file = fopen(path, "r");
    if (!file) {
        return 0;
    }
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    const char *at = key ? strstr(text, key) : text;
    at = at && key ? at + strlen(key) : at;
    for (; at && skip > 0; skip--) {
        at = strchr(at + 1, ' ');
    }
    return at ? strtoul(at, NULL, 10) : 0;
}

static unsigned long resident_kib(long pid)
{
    return number_in(pid, "status", "VmRSS:", 0);
}

/* proc(5): utime and stime are the 14th and 15th word. */
static double cpu_seconds(long pid)
{
    enum { UTIME_AT = 13, STIME_AT = 14 };
    unsigned long ticks = number_in(pid, "stat", NULL, UTIME_AT) + number_in(pid, "stat", NULL, STIME_AT);
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

struct moment {
    int64_t time_us;
    double server_s, own_s;
};

static struct moment now(long pid)
{
    return (struct moment){
        .time_us = clock_mono_us(), .server_s = cpu_seconds(pid), .own_s = cpu_seconds(getpid())};
}

static double seconds_since(const struct moment *moment)
{
    return (double)(clock_mono_us() - moment->time_us) / (double)CLOCK_US_PER_S;
}

/* ---- the two phases ---- */

static void connect_all(struct load *load, long pid)
{
    unsigned long before_kib = resident_kib(pid);
    struct moment begin = now(pid);
    for (int i = 0; i < HANDSHAKES_AT_ONCE; i++) {
        start_next(load);
    }
    while (load->ready < load->count) {
        loop_run(load->loop);
    }
    double seconds = seconds_since(&begin);
    for (int i = 0; i < TICKS_OF_REST; i++) {
        loop_run(load->loop);
    }
    unsigned long after_kib = resident_kib(pid);
    printf("%zu bridges connected in %.2f s; server: %.2f ms CPU and %.1f KiB a bridge (RSS %lu KiB)\n",
           load->count, seconds, (cpu_seconds(pid) - begin.server_s) * 1e3 / (double)load->count,
           ((double)after_kib - (double)before_kib) / (double)load->count, after_kib);
}

static void send_all(struct load *load, long pid)
{
    struct moment begin = now(pid);
    load->sending = true;
    for (size_t i = 0; i < load->count; i++) {
        send_more(&load->bridges[i]);
    }
    while (load->done < load->count) {
        loop_run(load->loop);
    }
    double seconds = seconds_since(&begin);
    double batches = (double)load->batches * (double)load->count;
    double server_us = (cpu_seconds(pid) - begin.server_s) * 1e6 / batches;
    printf("%.0f batches of %.1f bytes in %.2f s: %.0f batches/s, %.0f readings/s durable and acknowledged\n",
           batches, (double)load->bytes / batches, seconds, batches / seconds,
           batches * load->readings / seconds);
    printf("server: %.1f us CPU a batch, RSS %lu KiB; this end: %.2f s CPU; not committed: %llu\n", server_us,
           resident_kib(pid), cpu_seconds(getpid()) - begin.own_s, (unsigned long long)load->other);
}

/* ---- starting ---- */

static struct tls_context *client_context(const char *plant, size_t name)
{
    char paths[3][512];
    struct err_text why;
    snprintf(paths[0], sizeof paths[0], "%s/ca.pem", plant);
    snprintf(paths[1], sizeof paths[1], "%s/bridge/load-%zu.pem", plant, name);
    snprintf(paths[2], sizeof paths[2], "%s/bridge/cell-3.key", plant);
    const struct tls_options options = {
        .side = TLS_CLIENT, .alpn = "bourdon/1", .ca = paths[0], .certificate = paths[1], .key = paths[2]};
    struct tls_context *context;
    if (tls_context_new(&options, &context, &why) != ERR_OK) {
        fail(why.text);
    }
    return context;
}

static struct catalog *make_catalog(void)
{
    static char names[TAGS][32];
    struct catalog_tag tags[TAGS];
    struct catalog *catalog;
    struct err_text why;
    for (int i = 0; i < TAGS; i++) {
        snprintf(names[i], sizeof names[i], "vessel-%d/pressure", i);
        tags[i] = (struct catalog_tag){.name = names[i],
                                       .unit = "bar",
                                       .link = "plc",
                                       .unit_id = 1,
                                       .table = TABLE_HOLDING,
                                       .address = (uint16_t)i,
                                       .type = VALUE_UINT16,
                                       .words = 1,
                                       .scale = 0.01};
    }
    if (catalog_new(tags, TAGS, &catalog, &why) != ERR_OK) {
        fail(why.text);
    }
    return catalog;
}

static struct loop_addresses local(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct loop_addresses addresses = {.count = 1, .sizes = {sizeof address}};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(&addresses.items[0], &address, sizeof address);
    return addresses;
}

static bool input_has_ended(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&input, 1, 0) > 0;
}

static void open_many_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    static struct load load;
    if (argc < 6) {
        fail("usage: server_load PLANT PORT BRIDGES BATCHES READINGS [SERVER_PID]");
    }
    open_many_files();
    load.addresses = local((uint16_t)strtoul(argv[2], NULL, 10));
    load.count = strtoul(argv[3], NULL, 10);
    load.batches = strtoull(argv[4], NULL, 10);
    load.readings = (int)strtol(argv[5], NULL, 10);
    long pid = argc > 6 ? strtol(argv[6], NULL, 10) : 0;
    load.bridges = calloc(load.count, sizeof *load.bridges);
    load.tls = calloc(load.count, sizeof(struct tls_context *));
    for (size_t name = 0; name * SESSIONS_A_NAME < load.count; name++) {
        load.tls[name] = client_context(argv[1], name);
    }
    load.catalog = make_catalog();
    load.builder = batch_builder_new(load.catalog);
    buffer_init(&load.encoded, BATCH_SIZE_MAX);
    load.loop = loop_new();
    load.tick = loop_timer_new(load.loop, ticked, &load);
    loop_timer_start_ms(load.tick, TICK_MS);
    connect_all(&load, pid);
    if (load.batches > 0) {
        send_all(&load, pid);
    } else {
        fflush(stdout);
        while (!input_has_ended()) { // held open, and TESTs answered, as long as somebody wants to look
            loop_run(load.loop);
        }
    }
    return EXIT_SUCCESS;
}
