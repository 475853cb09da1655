/*
 * tunnel_codec: how fast batches are made, checked and read, and how small they are. One thread, no I/O:
 *
 *   taskset -c 0 build/release/bin/tunnel_codec
 *
 * The wire column adds what TLS 1.3 and TCP/IP over IPv4 add to a batch and to its ACK, as if each travelled
 * alone.
 */
#include "support/sample.h"
#include "tunnel/batch_builder.h"
#include "tunnel/batch_decoder.h"
#include "tunnel/frame.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    RUN_MS = 1500,
    TLS_RECORD_COST = 22,
    TCP_IP_COST = 52, /* with time stamps */
    SEGMENT_SIZE = 1448,
    ACK_FRAME_SIZE = FRAME_HEAD_SIZE + 24,
};

struct data_set {
    const char *name;
    enum value_type type;
    size_t tags, scans;
    void (*value)(struct sample *sample, uint32_t tag, size_t scan, uint16_t *words);
};

/* Sums of twelve uniform draws: near enough to a normal distribution of deviation 1. */
static double normal(struct sample *sample)
{
    double sum = 0;
    for (int i = 0; i < 12; i++) {
        sum += (double)sample_below(sample, 1 << 20) / (1 << 20);
    }
    return sum - 6;
}

/* A pressure in tenths: a slow wave with noise of two tenths. */
static void register_value(struct sample *sample, uint32_t tag, size_t scan, uint16_t *words)
{
    double wave = 40 * sin((double)scan / 30 + tag);
    words[0] = (uint16_t)lround(500 + 11.0 * tag + wave + 2 * normal(sample));
}

/* A float32 all of whose mantissa is noise. */
static void float_value(struct sample *sample, uint32_t tag, size_t scan, uint16_t *words)
{
    (void)tag;
    (void)scan;
    float value = (float)sample_below(sample, 1ULL << 40) / (float)(1ULL << 36);
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    words[0] = (uint16_t)(bits >> 16);
    words[1] = (uint16_t)bits;
}

static struct reading *make_readings(const struct data_set *set, const struct catalog *catalog)
{
    struct sample sample = sample_seed(42);
    struct reading *readings = calloc(set->tags * set->scans, sizeof *readings);
    for (size_t scan = 0; scan < set->scans; scan++) {
        int64_t request_us = 1700000000000000 + (int64_t)scan * 1000000 + (int64_t)sample_below(&sample, 200);
        int64_t response_us = request_us + 900 + (int64_t)sample_below(&sample, 300);
        for (uint32_t tag = 0; tag < set->tags; tag++) {
            struct reading *reading = &readings[scan * set->tags + tag];
            *reading = (struct reading){.tag = tag, .request_us = request_us, .response_us = response_us};
            reading->word_count = catalog_tag(catalog, tag)->words;
            set->value(&sample, tag, scan, reading->words);
        }
    }
    return readings;
}

struct bench {
    struct catalog *catalog;
    struct reading *readings;
    size_t count;
    struct batch_builder *builder;
    struct batch_decoder *decoder;
    struct buffer encoded;
    uint64_t sum; /* keeps the compiler from leaving work out */
};

static void need(enum err err)
{
    if (err != ERR_OK) {
        fprintf(stderr, "tunnel_codec: %s\n", err_name(err));
        abort();
    }
}

static void run_encode(struct bench *bench)
{
    static const struct batch_identity identity = {.sequence = 1000};
    for (size_t i = 0; i < bench->count; i++) {
        need(batch_builder_add(bench->builder, &bench->readings[i]));
    }
    buffer_clear(&bench->encoded);
    need(batch_builder_finish(bench->builder, &identity, &bench->encoded));
}

static enum err sum_reading(void *owner, const struct reading *reading)
{
    struct bench *bench = owner;
    bench->sum += reading->words[0];
    return ERR_OK;
}

static void decode(struct bench *bench, const struct batch_visitor *visitor)
{
    struct batch_view view;
    need(batch_open(buffer_bytes(&bench->encoded), &view, NULL));
    need(batch_decode(bench->decoder, &view, bench->catalog, visitor, NULL));
}

static void run_check(struct bench *bench)
{
    decode(bench, NULL);
}

static void run_decode(struct bench *bench)
{
    const struct batch_visitor visitor = {.owner = bench, .reading = sum_reading};
    decode(bench, &visitor);
}

/* Processor time: others may use the machine. */
static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Million readings a second. */
static double measure(struct bench *bench, void (*run)(struct bench *bench))
{
    double start_s = now_s();
    double passed_s = 0;
    size_t runs = 0;
    while (passed_s * 1000 < RUN_MS) {
        for (int i = 0; i < 16; i++) {
            run(bench);
            runs++;
        }
        passed_s = now_s() - start_s;
    }
    return (double)(runs * bench->count) / passed_s / 1e6;
}

static size_t wire_size(size_t frame_size)
{
    size_t record = frame_size + TLS_RECORD_COST;
    return record + (record + SEGMENT_SIZE - 1) / SEGMENT_SIZE * TCP_IP_COST;
}

static void run_set(const struct data_set *set)
{
    struct bench bench = {.catalog = sample_registers(set->type, set->tags), .count = set->tags * set->scans};
    bench.readings = make_readings(set, bench.catalog);
    bench.builder = batch_builder_new(bench.catalog);
    bench.decoder = batch_decoder_new();
    buffer_init(&bench.encoded, BATCH_SIZE_MAX);
    double encode = measure(&bench, run_encode);
    double check = measure(&bench, run_check);
    double decoded = measure(&bench, run_decode);
    size_t frame = FRAME_HEAD_SIZE + FRAME_BATCH_HEAD_SIZE + bench.encoded.size;
    size_t wire = wire_size(frame) + wire_size(ACK_FRAME_SIZE);
    printf("%-34s %9.1f %9.1f %9.1f %9zu %11.2f %9.2f\n", set->name, encode, check, decoded,
           bench.encoded.size, (double)bench.encoded.size / (double)bench.count,
           (double)wire / (double)bench.count);
    buffer_fini(&bench.encoded);
    batch_builder_free(bench.builder);
    batch_decoder_free(bench.decoder);
    free(bench.readings);
    catalog_free(bench.catalog);
}

int main(void)
{
    static const struct data_set sets[] = {
        {"50 registers x 20 scans", VALUE_UINT16, 50, 20, register_value},
        {"50 float32 of noise x 20 scans", VALUE_FLOAT32, 50, 20, float_value},
        {"1000 registers x 1 scan", VALUE_UINT16, 1000, 1, register_value},
        {"10000 registers x 6 scans", VALUE_UINT16, 10000, 6, register_value},
        {"1 register x 1 scan", VALUE_UINT16, 1, 1, register_value},
    };
    printf("%-34s %9s %9s %9s %9s %11s %9s\n", "million readings a CPU second:", "encode", "check", "decode",
           "bytes", "per reading", "on wire");
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        run_set(&sets[i]);
    }
    return 0;
}
