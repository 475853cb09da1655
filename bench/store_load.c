/*
 * store_load: what the stores take, beside the bare thing in the same run.
 *
 *   store_load store WHERE BRIDGES GROUPS GROUP READINGS   groups of GROUP batches through server/store
 *   store_load day WHERE SECONDS                  24 h of 100 tags at 1 Hz, SECONDS of it a batch
 *   store_load copy URL LOOPS ROWS                a bare COPY of ROWS rows a transaction, same columns and
 *                                                 index (make them first: bench/stores.py does)
 *   store_load publish SERVERS SUBJECT COUNT SIZE    a bare asynchronous JetStream publisher
 *   store_load guarded SERVERS SUBJECT COUNT SIZE    one whose messages have what the store's have
 *
 * Batches are made before the clock starts. Prints one line: what, how many a second.
 */
#include "base/clock.h"
#include "store/pg.h"
#include "store/store.h"
#include "tunnel/batch_builder.h"

#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TAGS = 50, TAGS_MAX = 100 };

static struct err_text why;

static void must(enum err result, const char *what)
{
    if (result != ERR_OK) {
        fprintf(stderr, "store_load: %s: %s\n", what, why.text);
        exit(EXIT_FAILURE);
    }
}

/* A number of the command line; 0 if it is none. */
static unsigned number(const char *text)
{
    return (unsigned)strtoul(text, NULL, 10);
}

static void report(const char *what, double amount, int64_t begin_us)
{
    double seconds = (double)(clock_mono_us() - begin_us) / 1e6;
    printf("%-28s %12.0f /s   (%.0f in %.2f s)\n", what, amount / seconds, amount, seconds);
}

/* ---- through the store ---- */

static struct catalog *make_catalog(size_t count)
{
    static char names[TAGS_MAX][16];
    static struct catalog_tag tags[TAGS_MAX];
    struct catalog *catalog;
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "tag-%zu", i);
        tags[i] = (struct catalog_tag){
            .name = names[i], .unit = "bar", .link = "", .type = VALUE_UINT16, .words = 1, .scale = 0.01};
    }
    must(catalog_new(tags, count, &catalog, &why), "catalog");
    return catalog;
}

static void make_batch(struct batch_builder *builder, uint64_t sequence, uint8_t bridge, int readings,
                       struct buffer *out)
{
    struct batch_identity identity = {.epoch = {bridge, (uint8_t)(bridge >> 4)}, .sequence = sequence};
    static int64_t start_us;
    start_us = start_us > 0 ? start_us : clock_wall_us() - 3600 * CLOCK_US_PER_S;
    memcpy(&identity.epoch[2], &start_us, sizeof start_us);
    for (int i = 0; i < readings; i++) {
        uint32_t tag = (uint32_t)(i % TAGS);
        int64_t time_us = start_us + (int64_t)sequence * readings / TAGS * 100000 + i / TAGS * 100000;
        const struct reading reading = {
            .tag = tag,
            .request_us = time_us,
            .response_us = time_us + 800,
            .word_count = 1,
            .words = {(uint16_t)(5000 + tag * 10 + (sequence * 7 + (unsigned)i) % 5)}};
        must(batch_builder_add(builder, &reading), "batch");
    }
    buffer_init(out, BATCH_SIZE_MAX);
    must(batch_builder_finish(builder, &identity, out), "batch");
}

struct made {
    struct buffer bytes;
    struct batch_view view;
    char bridge[32];
};

static struct made *make_all(const struct catalog *catalog, size_t count, size_t bridges, int readings)
{
    struct made *made = calloc(count, sizeof *made);
    struct batch_builder *builder = batch_builder_new(catalog);
    for (size_t i = 0; made && i < count; i++) {
        snprintf(made[i].bridge, sizeof made[i].bridge, "cell-%zu", i % bridges);
        make_batch(builder, i / bridges + 1, (uint8_t)(i % bridges), readings, &made[i].bytes);
        must(batch_open(buffer_bytes(&made[i].bytes), &made[i].view, &why), "batch");
    }
    batch_builder_free(builder);
    return made;
}

static void put_group(struct store *store, const struct made *made, struct store_batch *items, size_t count)
{
    must(store_begin(store, clock_wall_us(), &why), "begin");
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct store_batch){.bridge = made[i].bridge, .view = &made[i].view, .received_us = 1};
        must(store_put_batch(store, &items[i], &why), "put");
    }
    must(store_commit(store, &why), "commit");
    for (size_t i = 0; i < count; i++) {
        must(items[i].result == STORE_COMMITTED ? ERR_OK : ERR_CONFLICT, "answer");
    }
}

static void put_catalog(struct store *store, const struct catalog *catalog)
{
    struct store_catalog put = {.hash = catalog_hash(catalog), .encoded = catalog_encoded(catalog)};
    must(store_begin(store, 1, &why), "begin");
    must(store_put_catalog(store, &put, &why), "catalog");
    must(store_commit(store, &why), "commit");
}

static void load_store(char **argv)
{
    size_t bridges = number(argv[3]);
    size_t groups = number(argv[4]);
    size_t group = number(argv[5]);
    int readings = (int)number(argv[6]);
    struct store *store;
    struct catalog *catalog = make_catalog(TAGS);
    must(store_open(argv[2], &store, &why), "open");
    put_catalog(store, catalog);
    struct made *made = make_all(catalog, groups * group, bridges, readings);
    struct store_batch *items = calloc(group, sizeof *items);
    put_group(store, made, items, bridges); // names, partitions, plans: once in a server's life
    int64_t begin_us = clock_mono_us();
    size_t done = 0;
    for (size_t at = bridges; at + group <= groups * group; at += group, done += group) {
        put_group(store, made + at, items, group);
    }
    report("store: batches", (double)done, begin_us);
    report("store: readings", (double)done * readings, begin_us);
    free(items);
    store_close(store);
}

/* ---- a day ---- */

enum { DAY_TAGS = 100, DAY_S = 86400, DAY_GROUP = 64 };

/* Registers that wander as a pressure does, by a few steps of their resolution; 25 a request. */
static void add_second(struct batch_builder *builder, int64_t time_us, uint16_t *levels)
{
    static uint32_t state = 1;
    for (uint32_t tag = 0; tag < DAY_TAGS; tag++) {
        state = state * 1664525 + 1013904223;
        levels[tag] = (uint16_t)(levels[tag] + (state >> 16) % 7 - 3);
        const struct reading reading = {.tag = tag,
                                        .request_us = time_us,
                                        .response_us = time_us + 800 + tag / 25 * 900,
                                        .word_count = 1,
                                        .words = {levels[tag]}};
        must(batch_builder_add(builder, &reading), "batch");
    }
}

/* One bridge, 100 tags at 1 Hz for 24 hours, `seconds` of it a batch. */
static void store_day(char **argv)
{
    static uint16_t levels[DAY_TAGS];
    static struct made made[DAY_GROUP];
    static struct store_batch items[DAY_GROUP];
    int64_t seconds = number(argv[3]);
    int64_t start_us = (clock_wall_us() / CLOCK_US_PER_S - DAY_S) * CLOCK_US_PER_S;
    struct batch_identity identity = {.epoch = {1}};
    struct store *store;
    struct catalog *catalog = make_catalog(DAY_TAGS);
    struct batch_builder *builder = batch_builder_new(catalog);
    must(store_open(argv[2], &store, &why), "open");
    put_catalog(store, catalog);
    size_t count = 0;
    for (int64_t second = 0; second < DAY_S; second += seconds) {
        for (int64_t i = 0; i < seconds && second + i < DAY_S; i++) {
            add_second(builder, start_us + (second + i) * CLOCK_US_PER_S, levels);
        }
        identity.sequence++;
        snprintf(made[count].bridge, sizeof made[count].bridge, "cell-1");
        buffer_init(&made[count].bytes, BATCH_SIZE_MAX);
        must(batch_builder_finish(builder, &identity, &made[count].bytes), "batch");
        must(batch_open(buffer_bytes(&made[count].bytes), &made[count].view, &why), "batch");
        if (++count == DAY_GROUP || second + seconds >= DAY_S) {
            put_group(store, made, items, count);
            for (; count > 0; count--) {
                buffer_fini(&made[count - 1].bytes);
            }
        }
    }
    store_close(store);
}

/* ---- a bare COPY ---- */

static void load_copy(char **argv)
{
    int loops = (int)number(argv[3]);
    int rows = (int)number(argv[4]);
    struct pg *pg;
    struct buffer out;
    must(pg_new(argv[2], "SET search_path = bourdon", &pg, &why), "url");
    must(pg_connect(pg, &why), "connect");
    buffer_init(&out, 64 * 1024 * 1024);
    int64_t start_us = clock_wall_us() - 3600 * CLOCK_US_PER_S;
    int64_t begin_us = clock_mono_us();
    for (int loop = 0; loop < loops; loop++) {
        struct pg_row_writer writer = {.out = &out};
        buffer_clear(&out);
        pg_rows_begin(&writer);
        for (int i = 0; i < rows; i++) {
            int64_t time_us = start_us + ((int64_t)loop * rows + i) / TAGS * 100000;
            pg_row(&writer, 8);
            pg_field_time(&writer, time_us + 800);
            pg_field_time(&writer, time_us);
            pg_field_i64(&writer, loop);
            pg_field_i32(&writer, i % TAGS + 1);
            pg_field_i32(&writer, 1);
            pg_field_i16(&writer, 0);
            pg_field_double(&writer, 50.0 + i % 5 * 0.01);
            pg_field_null(&writer);
        }
        pg_rows_end(&writer);
        must(pg_copy_begin(pg,
                           "COPY bare (time, request, seq, tag, stream, quality, value, text) FROM STDIN "
                           "(FORMAT binary)",
                           &why),
             "copy");
        must(pg_copy_put(pg, buffer_bytes(&out), &why), "copy");
        must(pg_copy_end(pg, &why), "copy");
    }
    report("bare COPY: readings", (double)loops * rows, begin_us);
    buffer_fini(&out);
    pg_free(pg);
}

/* ---- a bare publisher ---- */

static void nats_must(natsStatus status, const char *what)
{
    must(status == NATS_OK ? ERR_OK : err_set(&why, ERR_IO, "%s", natsStatus_GetText(status)), what);
}

/* As the store publishes: a subject of its own, an identifier, what it expects, and a header. */
static natsStatus publish_guarded(jsCtx *js, const char *subject, int number, const char *data, int size)
{
    char text[128];
    natsMsg *message = NULL;
    jsPubOptions options;
    jsPubOptions_Init(&options);
    options.MsgId = text;
    snprintf(text, sizeof text, "%s.%016d", subject, number);
    natsStatus status = natsMsg_Create(&message, text, NULL, data, size);
    if (status == NATS_OK) {
        status = natsMsgHeader_Set(message, "Bourdon", "cell-3 1700000000000000 1700000000000000 0");
    }
    if (status == NATS_OK) {
        status = natsMsgHeader_Set(message, "Nats-Expected-Last-Subject-Sequence", "0");
    }
    if (status == NATS_OK) {
        status = js_PublishMsgAsync(js, &message, &options);
    }
    natsMsg_Destroy(message);
    return status;
}

static void load_publish(char **argv)
{
    bool guarded = strcmp(argv[1], "guarded") == 0;
    natsConnection *connection = NULL;
    jsCtx *js = NULL;
    jsOptions options;
    int count = (int)number(argv[4]);
    int size = (int)number(argv[5]);
    char *data = calloc(1, (size_t)size);
    jsOptions_Init(&options);
    options.PublishAsync.MaxPending = 4096;
    options.PublishAsync.StallWait = 5000;
    nats_must(natsConnection_ConnectTo(&connection, argv[2]), "connect");
    nats_must(natsConnection_JetStream(&js, connection, &options), "jetstream");
    int64_t begin_us = clock_mono_us();
    for (int i = 0; i < count; i++) {
        nats_must(guarded ? publish_guarded(js, argv[3], i, data, size)
                          : js_PublishAsync(js, argv[3], data, size, NULL),
                  "publish");
    }
    nats_must(js_PublishAsyncComplete(js, NULL), "complete");
    report(guarded ? "guarded publisher: messages" : "bare publisher: messages", count, begin_us);
    jsCtx_Destroy(js);
    natsConnection_Destroy(connection);
    free(data);
}

int main(int argc, char **argv)
{
    if (argc == 7 && strcmp(argv[1], "store") == 0) {
        load_store(argv);
    } else if (argc == 4 && strcmp(argv[1], "day") == 0) {
        store_day(argv);
    } else if (argc == 5 && strcmp(argv[1], "copy") == 0) {
        load_copy(argv);
    } else if (argc == 6 && (strcmp(argv[1], "publish") == 0 || strcmp(argv[1], "guarded") == 0)) {
        load_publish(argv);
    } else {
        fputs("usage: store_load store WHERE BRIDGES GROUPS GROUP READINGS | day WHERE SECONDS |\n"
              "       copy URL LOOPS ROWS | publish|guarded SERVERS SUBJECT COUNT SIZE\n",
              stderr);
        return 2;
    }
    return EXIT_SUCCESS;
}
