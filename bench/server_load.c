/*
 * server_load: many bridges at a real bourdon-server: how many readings a second become durable, and what an
 * idle bridge costs.
 *
 *   server_load PLANT PORT BRIDGES BATCHES READINGS [SERVER_PID]
 *
 * PLANT is a folder of certs/make-certs.sh with bridge/cell-3; all bridges use it, each with an epoch of its
 * own. Each sends BATCHES batches of READINGS readings as fast as the window lets it.
 */
#include "base/clock.h"
#include "base/random.h"
#include "net/io.h"
#include "tunnel/batch_builder.h"
#include "tunnel/session_sender.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { HANDSHAKES_AT_ONCE = 64, TICK_MS = 200, TAGS = 50 };

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
    struct tls_context *tls;
    struct loop_addresses addresses;
    struct catalog *catalog;
    struct batch_builder *builder;
    struct buffer encoded;
    struct bridge *bridges;
    size_t count, started, ready, done;
    uint64_t batches;
    int readings;
    bool sending;
    uint64_t retried, other;
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
    while (load->sending && bridge->next <= load->batches && sender_has_room(bridge->sender, 16384) &&
           io_waiting(bridge->io) < 65536) {
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
                                       .tls = load->tls,
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
    for (size_t i = 0; i < load->started; i++) {
        sender_tick(load->bridges[i].sender, clock_mono_us());
    }
    loop_timer_start_ms(load->tick, TICK_MS);
    loop_stop(load->loop);
}

/* ---- measuring ---- */

static long resident_kib(long pid)
{
    char path[64];
    char line[256];
    long kib = 0;
    snprintf(path, sizeof path, "/proc/%ld/status", pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        (void)sscanf(line, "VmRSS: %ld", &kib);
    }
    if (file) {
        fclose(file);
    }
    return kib;
}

static double cpu_seconds(long pid)
{
    char path[64];
    unsigned long user = 0;
    unsigned long system = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "r");
    if (file) {
        (void)!fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
        fclose(file);
    }
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void set_up(struct load *load, const char *plant, const char *port)
{
    char paths[3][512];
    struct err_text why;
    snprintf(paths[0], sizeof paths[0], "%s/ca.pem", plant);
    snprintf(paths[1], sizeof paths[1], "%s/bridge/cell-3.pem", plant);
    snprintf(paths[2], sizeof paths[2], "%s/bridge/cell-3.key", plant);
    const struct tls_options tls = {
        .side = TLS_CLIENT, .alpn = "bourdon/1", .ca = paths[0], .certificate = paths[1], .key = paths[2]};
    if (tls_context_new(&tls, &load->tls, &why) != ERR_OK) {
        fail(why.text);
    }
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    load->addresses.count = 1;
    load->addresses.sizes[0] = sizeof address;
    memcpy(&load->addresses.items[0], &address, sizeof address);
    static char names[TAGS][32];
    struct catalog_tag tags[TAGS];
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
    if (catalog_new(tags, TAGS, &load->catalog, &why) != ERR_OK) {
        fail(why.text);
    }
    load->builder = batch_builder_new(load->catalog);
    buffer_init(&load->encoded, BATCH_SIZE_MAX);
    load->loop = loop_new();
    load->tick = loop_timer_new(load->loop, ticked, load);
    loop_timer_start_ms(load->tick, TICK_MS);
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        fail("usage: server_load PLANT PORT BRIDGES BATCHES READINGS [SERVER_PID]");
    }
    static struct load load;
    long pid = argc > 6 ? strtol(argv[6], NULL, 10) : 0;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    load.count = strtoul(argv[3], NULL, 10);
    load.batches = strtoull(argv[4], NULL, 10);
    load.readings = atoi(argv[5]);
    load.bridges = calloc(load.count, sizeof *load.bridges);
    set_up(&load, argv[1], argv[2]);
    long empty_kib = resident_kib(pid);
    int64_t begin_us = clock_mono_us();
    double cpu = cpu_seconds(pid);
    for (int i = 0; i < HANDSHAKES_AT_ONCE; i++) {
        start_next(&load);
    }
    while (load.ready < load.count) {
        loop_run(load.loop);
    }
    double seconds = (double)(clock_mono_us() - begin_us) / 1e6;
    for (int i = 0; i < 5; i++) {
        loop_run(load.loop);
    }
    long idle_kib = resident_kib(pid);
    printf("%zu bridges connected in %.2f s (%.0f/s), server cpu %.2f s; server RSS %ld -> %ld KiB: %.1f KiB "
           "a bridge\n",
           load.count, seconds, (double)load.count / seconds, cpu_seconds(pid) - cpu, empty_kib, idle_kib,
           (double)(idle_kib - empty_kib) / (double)load.count);
    if (load.batches == 0) {
        fflush(stdout);
        while (getchar() != EOF) { // held open as long as somebody wants to look
        }
        return EXIT_SUCCESS;
    }
    load.sending = true;
    begin_us = clock_mono_us();
    cpu = cpu_seconds(pid);
    struct rusage before;
    struct rusage after;
    getrusage(RUSAGE_SELF, &before);
    for (size_t i = 0; i < load.count; i++) {
        send_more(&load.bridges[i]);
    }
    while (load.done < load.count) {
        loop_run(load.loop);
    }
    seconds = (double)(clock_mono_us() - begin_us) / 1e6;
    getrusage(RUSAGE_SELF, &after);
    double own = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) +
                 (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1e6 +
                 (double)(after.ru_stime.tv_sec - before.ru_stime.tv_sec) +
                 (double)(after.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1e6;
    double batches = (double)(load.batches * load.count);
    double used = cpu_seconds(pid) - cpu;
    printf("%.0f batches in %.2f s: %.0f batches/s, %.0f readings/s; %.1f bytes a batch; server cpu %.2f s "
           "(%.1f us a batch), client cpu %.2f s; not committed %lu\n",
           batches, seconds, batches / seconds, batches * load.readings / seconds,
           (double)load.bytes / batches, used, used * 1e6 / batches, own, (unsigned long)load.other);
    printf("server RSS %ld KiB\n", resident_kib(pid));
    return EXIT_SUCCESS;
}
