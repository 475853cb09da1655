/*
 * spool_feed: a bridge without PLCs: readings made as fast as the spool takes them, through the product's
 * batcher, spool and uplink.
 *
 *   spool_feed SPOOL KIND READINGS                fills a spool, as a server that is away would
 *   spool_feed SPOOL KIND READINGS PLANT PORT     sends them meanwhile to the bourdon-server at
 * 127.0.0.1:PORT; PLANT is a folder of certs/make-certs.sh with bridge/cell-3
 *
 * KIND: registers (50 tags of 0.1 resolution that wander), noise (50 float32 of noise), text (8 random
 * strings of 128 bytes). 1000 readings a batch. Ends once all is on disk, or all is acknowledged and trimmed,
 * and prints readings, seconds, readings a second.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "uplink/uplink.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TAGS_MAX = 50, PER_BATCH = 1000, LOOK_MS = 2, PUT_WAIT_US = 200, TEXT_WORDS = 64 };

struct kind {
    const char *name;
    enum value_type type;
    uint8_t words;
    uint32_t tags;
};
static const struct kind kinds[] = {
    {"registers", VALUE_UINT16, 1, TAGS_MAX},
    {"noise", VALUE_FLOAT32, 2, TAGS_MAX},
    {"text", VALUE_STRING, TEXT_WORDS, 8},
};

struct feed {
    const struct kind *kind;
    uint64_t readings;
    struct loop *loop;
    struct loop_timer *look;
    struct spool_thread *spool;
    struct uplink *uplink; /* NULL: only to fill */
    uint16_t wandering[TAGS_MAX];
};

static void die(const char *what, const struct err_text *why)
{
    fprintf(stderr, "spool_feed: %s: %s\n", what, why->text);
    exit(EXIT_FAILURE);
}

static void check(enum err result, const char *what, const struct err_text *why)
{
    if (result != ERR_OK) {
        die(what, why);
    }
}

/* ---- readings ---- */

static uint64_t draw(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 32;
}

/* One to three steps of 0.1 up or down, most of the time none. */
static void fill_words(struct feed *feed, struct reading *reading, uint64_t *state)
{
    uint16_t *level = &feed->wandering[reading->tag];
    if (feed->kind->type == VALUE_UINT16) {
        uint64_t chance = draw(state);
        *level = (uint16_t)(*level + (chance % 4 == 0 ? (int)(chance >> 8) % 7 - 3 : 0));
        reading->words[0] = *level;
        return;
    }
    for (size_t i = 0; i < reading->word_count; i++) {
        reading->words[i] = (uint16_t)draw(state);
    }
    if (feed->kind->type == VALUE_FLOAT32) { /* all bits but one, that of an infinity or no number */
        reading->words[0] &= 0xff7fU;
    }
}

/* One scan of all tags, as one or a few requests of a PLC would give it. */
static void *produce(void *owner)
{
    struct feed *feed = owner;
    struct reading_sink sink = spool_thread_sink(feed->spool);
    struct reading scan[TAGS_MAX];
    uint64_t state = 1;
    for (uint64_t put = 0; put < feed->readings; put += feed->kind->tags) {
        int64_t now_us = clock_wall_us();
        for (uint32_t tag = 0; tag < feed->kind->tags; tag++) {
            scan[tag] = (struct reading){
                .tag = tag, .request_us = now_us, .response_us = now_us, .word_count = feed->kind->words};
            fill_words(feed, &scan[tag], &state);
        }
        while (!sink.put(sink.owner, scan, feed->kind->tags)) {
            (void)usleep(PUT_WAIT_US);
        }
    }
    return NULL;
}

/* ---- the spool's events, for the uplink ---- */

static void on_joined(void *owner, const struct spool_joined *joined)
{
    struct feed *feed = owner;
    uplink_joined(feed->uplink, joined);
}

static void on_committed(void *owner, struct spool_batches *batches, uint64_t first, uint64_t last)
{
    struct feed *feed = owner;
    uplink_committed(feed->uplink, batches, first, last);
}

static void on_backlog(void *owner, uint32_t session, struct spool_batches *batches, uint64_t next)
{
    struct feed *feed = owner;
    uplink_backlog(feed->uplink, session, batches, next);
}

static void on_flushed(void *owner)
{
    (void)owner;
}

static void on_failed(void *owner, enum err code, const char *reason)
{
    (void)owner;
    (void)code;
    die("spool", &(struct err_text){"failed"});
    (void)reason;
}

static const struct spool_events events = {
    .joined = on_joined,
    .committed = on_committed,
    .backlog = on_backlog,
    .flushed = on_flushed,
    .failed = on_failed,
};

static void look(void *owner)
{
    struct feed *feed = owner;
    struct spool_status status;
    spool_thread_status(feed->spool, &status);
    bool all =
        status.counts.readings >= feed->readings && status.counts.batches * PER_BATCH >= feed->readings;
    if (all && (!feed->uplink || status.state.batches == 0)) {
        loop_stop(feed->loop);
    }
    loop_timer_start_ms(feed->look, LOOK_MS);
}

/* ---- making ---- */

static struct catalog *make_catalog(const struct kind *kind)
{
    static struct catalog_tag tags[TAGS_MAX];
    static char names[TAGS_MAX][32];
    struct catalog *catalog = NULL;
    struct err_text why;
    for (uint16_t i = 0; i < kind->tags; i++) {
        snprintf(names[i], sizeof names[i], "boiler-%u/pressure", (unsigned)i);
        tags[i] = (struct catalog_tag){.name = names[i],
                                       .unit = kind->type == VALUE_STRING ? "" : "bar",
                                       .link = "plc",
                                       .unit_id = 1,
                                       .table = TABLE_HOLDING,
                                       .address = (uint16_t)(i * kind->words),
                                       .type = kind->type,
                                       .words = kind->words,
                                       .scale = kind->type == VALUE_UINT16 ? 0.1 : 1};
    }
    check(catalog_new(tags, kind->tags, &catalog, &why), "catalog", &why);
    return catalog;
}

static void start_spool(struct feed *feed, const char *path, struct spool_configuration *configuration)
{
    struct err_text why;
    const struct spool_options options = {.path = path, .bridge = "cell-3", .ack_log_rows = 100000};
    struct spool_thread_options thread = {
        .configuration = configuration, .loop = feed->loop, .events = &events, .owner = feed};
    check(spool_open(&options, clock_wall_us(), &thread.spool, &why), "spool", &why);
    check(spool_thread_start(&thread, &feed->spool, &why), "spool", &why);
}

static void start_uplink(struct feed *feed, const char *plant, const char *port)
{
    static char paths[3][512];
    static char endpoint[64];
    static const char *endpoints[] = {endpoint};
    struct err_text why;
    struct tls_context *tls;
    snprintf(paths[0], sizeof paths[0], "%s/ca.pem", plant);
    snprintf(paths[1], sizeof paths[1], "%s/bridge/cell-3.pem", plant);
    snprintf(paths[2], sizeof paths[2], "%s/bridge/cell-3.key", plant);
    snprintf(endpoint, sizeof endpoint, "127.0.0.1:%s", port);
    const struct tls_options keys = {
        .side = TLS_CLIENT, .ca = paths[0], .certificate = paths[1], .key = paths[2], .alpn = "bourdon/1"};
    check(tls_context_new(&keys, &tls, &why), "certificates", &why);
    const struct uplink_options options = {.bridge = "cell-3",
                                           .tls = tls,
                                           .endpoints = endpoints,
                                           .endpoint_count = 1,
                                           .connect_ms = 5000,
                                           .retry_first_ms = 100,
                                           .retry_cap_ms = 1000,
                                           .backfill = {.window_share = 75}};
    check(uplink_new(feed->loop, &options, &feed->uplink, &why), "uplink", &why);
    tls_context_unref(tls);
    uplink_attach(feed->uplink, feed->spool);
}

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    die(name, &(struct err_text){"kinds are registers, noise and text"});
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t producer;
    if (argc != 4 && argc != 6) {
        fprintf(stderr, "usage: spool_feed SPOOL KIND READINGS [PLANT PORT]\n");
        return EXIT_FAILURE;
    }
    struct feed feed = {.kind = find_kind(argv[2]), .loop = loop_new()};
    feed.readings = strtoull(argv[3], NULL, 10) / PER_BATCH * PER_BATCH;
    struct catalog *catalog = make_catalog(feed.kind);
    struct spool_configuration configuration = {.catalog = catalog,
                                                .batch = {.max_readings = PER_BATCH, .max_age_us = 1000000},
                                                .bounds = {.max_bytes = INT64_C(1) << 40}};
    feed.look = loop_timer_new(feed.loop, look, &feed);
    start_spool(&feed, argv[1], &configuration);
    if (argc == 6) {
        start_uplink(&feed, argv[4], argv[5]);
    }
    int64_t began_us = clock_mono_us();
    if (pthread_create(&producer, NULL, produce, &feed) != 0) {
        die("producer", &(struct err_text){"no thread"});
    }
    loop_timer_start_ms(feed.look, LOOK_MS);
    loop_run(feed.loop);
    double seconds = (double)(clock_mono_us() - began_us) / 1e6;
    printf("%llu %.3f %.0f\n", (unsigned long long)feed.readings, seconds, (double)feed.readings / seconds);
    pthread_join(producer, NULL);
    uplink_free(feed.uplink);
    spool_thread_stop(feed.spool);
    spool_thread_free(feed.spool);
    loop_timer_free(feed.look);
    loop_free(feed.loop);
    catalog_free(catalog);
    return EXIT_SUCCESS;
}
