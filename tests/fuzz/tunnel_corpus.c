/*
 * tunnel_corpus FOLDER: writes the first inputs of the tunnel's fuzz targets, FOLDER/fuzz_batch/… and so on,
 * from the examples of docs/protocol.md and a few sessions as scripts.
 */
#include "base/wire.h"
#include "support/protocol_examples.h"
#include "support/sample.h"
#include "tunnel/batch_builder.h"
#include "tunnel/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

static const char *root;

static void need(bool condition, const char *what)
{
    if (!condition) {
        perror(what);
        exit(EXIT_FAILURE);
    }
}

static void write_input(const char *target, const char *name, struct bytes head, struct bytes rest)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root, target);
    (void)mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/%s/%s", root, target, name);
    FILE *file = fopen(path, "wb");
    need(file != NULL, path);
    need(fwrite(head.data, 1, head.size, file) == head.size, path);
    need(rest.size == 0 || fwrite(rest.data, 1, rest.size, file) == rest.size, path);
    need(fclose(file) == 0, path);
}

static struct bytes after(struct bytes bytes, size_t skipped)
{
    return (struct bytes){.data = bytes.data + skipped, .size = bytes.size - skipped};
}

static void write_example(const struct protocol_example *example)
{
    struct buffer made;
    buffer_init(&made, BATCH_SIZE_MAX);
    example->make(&made);
    struct bytes bytes = buffer_bytes(&made);
    const uint8_t whole = 0;
    if (strcmp(example->name, "catalog") == 0) {
        write_input("fuzz_catalog", "example", bytes, (struct bytes){0});
    } else if (strncmp(example->name, "frame-", 6) == 0) {
        struct bytes type = {.data = bytes.data + 4, .size = 1};
        write_input("fuzz_frame", example->name + 6, type, after(bytes, FRAME_HEAD_SIZE));
    } else {
        write_input("fuzz_batch", example->name, (struct bytes){.data = &whole, .size = 1}, bytes);
    }
    buffer_fini(&made);
}

/* The tags of fuzz_batch.c: what matters is that the columns fit them. */
static struct catalog *batch_catalog(void)
{
    static const struct catalog_tag tags[] = {
        {.name = "a", .unit = "", .link = "", .type = VALUE_BOOL, .words = 1, .scale = 1},
        {.name = "b", .unit = "", .link = "", .type = VALUE_UINT16, .words = 1, .scale = 1},
        {.name = "c", .unit = "", .link = "", .type = VALUE_FLOAT32, .order = 1, .words = 2, .scale = 1},
        {.name = "d", .unit = "", .link = "", .type = VALUE_INT64, .order = 2, .words = 4, .scale = 1},
        {.name = "e", .unit = "", .link = "", .type = VALUE_STRING, .words = 3, .scale = 1},
    };
    struct catalog *catalog;
    need(catalog_new(tags, sizeof tags / sizeof tags[0], &catalog, NULL) == ERR_OK, "catalog");
    return catalog;
}

static void write_columns(const struct batch_view *view)
{
    static uint8_t plain[65536];
    uint8_t head[32];
    struct bytes body = view->body;
    if (view->compressed) {
        size_t size = ZSTD_decompress(plain, sizeof plain, body.data, body.size);
        need(size == view->body_size, "decompress");
        body = (struct bytes){.data = plain, .size = size};
    }
    const unsigned modes = view->compressed ? 2 : 1;
    for (unsigned mode = 1; mode <= modes; mode++) {
        struct wire_writer writer = wire_writer(head, sizeof head);
        wire_write_u8(&writer, (uint8_t)mode);
        wire_write_u16(&writer, (uint16_t)(view->count - 1));
        wire_write_u64(&writer, (uint64_t)view->first_us);
        wire_write_u64(&writer, (uint64_t)view->last_us);
        if (mode == 2) {
            wire_write_u32(&writer, (uint32_t)view->body_size);
        }
        char name[32];
        snprintf(name, sizeof name, "%s_%u", mode == 1 ? "plain" : "compressed", view->count);
        struct bytes written = {.data = head, .size = wire_written(&writer)};
        write_input("fuzz_batch", name, written, mode == 1 ? body : view->body);
    }
}

static void write_batches(void)
{
    static const size_t counts[] = {1, 7, 40};
    struct catalog *catalog = batch_catalog();
    struct batch_builder *builder = batch_builder_new(catalog);
    struct sample sample = sample_seed(3);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        const struct batch_identity identity = {.sequence = 1};
        for (size_t j = 0; j < counts[i]; j++) {
            struct reading reading = sample_reading(&sample, catalog, (uint32_t)(j % catalog_count(catalog)));
            reading.request_us = 1700000000000000 + (int64_t)(j / 5) * 1000;
            reading.response_us = reading.request_us + 200;
            need(batch_builder_add(builder, &reading) == ERR_OK, "add");
        }
        struct buffer encoded;
        struct batch_view view;
        buffer_init(&encoded, BATCH_SIZE_MAX);
        need(batch_builder_finish(builder, &identity, &encoded) == ERR_OK, "finish");
        need(batch_open(buffer_bytes(&encoded), &view, NULL) == ERR_OK, "open");
        write_columns(&view);
        buffer_fini(&encoded);
    }
    batch_builder_free(builder);
    catalog_free(catalog);
}

static void write_gaps(void)
{
    const struct protocol_example *example = protocol_examples;
    while (strcmp(example->name, "gap-batch") != 0) {
        example++;
    }
    struct buffer made;
    struct batch_view view;
    uint8_t head[32];
    buffer_init(&made, BATCH_SIZE_MAX);
    example->make(&made);
    need(batch_open(buffer_bytes(&made), &view, NULL) == ERR_OK, "open");
    struct wire_writer writer = wire_writer(head, sizeof head);
    wire_write_u8(&writer, 3);
    wire_write_u16(&writer, (uint16_t)view.count);
    wire_write_u64(&writer, (uint64_t)view.first_us);
    wire_write_u64(&writer, (uint64_t)view.last_us);
    write_input("fuzz_batch", "gaps", (struct bytes){.data = head, .size = wire_written(&writer)}, view.body);
    buffer_fini(&made);
}

static void write_catalogs(void)
{
    struct sample sample = sample_seed(4);
    struct catalog *catalog = sample_catalog(&sample, 12);
    write_input("fuzz_catalog", "every_type", catalog_encoded(catalog), (struct bytes){0});
    catalog_free(catalog);
    catalog = sample_registers(VALUE_INT32, 2);
    write_input("fuzz_catalog", "two_registers", catalog_encoded(catalog), (struct bytes){0});
    catalog_free(catalog);
}

/* The numbers are those of enum step in fuzz_receiver.c and fuzz_sender.c. */
static void write_scripts(void)
{
    static const struct {
        const char *target;
        const char *name;
        uint8_t size;
        uint8_t steps[40];
    } scripts[] = {
        {"fuzz_receiver", "session", 19, {2, 6, 3, 7, 0, 4, 1, 4, 2, 9, 5, 1, 0, 5, 2, 1, 10, 11, 1}},
        {"fuzz_receiver", "slow_store", 14, {2, 6, 3, 4, 1, 8, 10, 8, 10, 8, 10, 5, 1, 0}},
        {"fuzz_receiver", "unknown_catalog", 6, {2, 6, 4, 9, 8, 20}},
        {"fuzz_receiver",
         "test_and_bye",
         17,
         {2, 6, 1, 8, 1, 0x80, 8, 21, 1, 9, 1, 0x80, 1, 10, 3, 0x82, 0x00}},
        {"fuzz_receiver", "window", 14, {2, 6, 3, 4, 1, 4, 2, 4, 3, 4, 4, 4, 5, 4}},
        {"fuzz_receiver", "retry", 15, {2, 6, 3, 7, 2, 4, 1, 3, 7, 0, 4, 2, 5, 2, 2}},
        {"fuzz_sender", "session", 19, {2, 3, 7, 6, 1, 6, 2, 5, 4, 1, 2, 0, 9, 0, 1, 10, 2, 0x82, 0x00}},
        {"fuzz_sender", "slow_server", 14, {2, 3, 6, 1, 8, 10, 4, 0, 0, 0, 8, 10, 8, 20}},
        {"fuzz_sender", "foreign_ack", 8, {2, 3, 6, 1, 4, 1, 9, 0}},
        {"fuzz_sender", "test", 10, {2, 3, 8, 20, 1, 9, 1, 0x80, 8, 20}},
        {"fuzz_sender", "retry", 13, {2, 3, 6, 5, 6, 6, 4, 5, 6, 2, 6, 5, 9}},
        {"fuzz_sender", "early_goodbye", 3, {2, 9, 1}},
    };
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        struct bytes steps = {.data = scripts[i].steps, .size = scripts[i].size};
        write_input(scripts[i].target, scripts[i].name, steps, (struct bytes){0});
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: tunnel_corpus FOLDER\n");
        return 2;
    }
    root = argv[1];
    for (const struct protocol_example *example = protocol_examples; example->name; example++) {
        write_example(example);
    }
    write_batches();
    write_gaps();
    write_catalogs();
    write_scripts();
    return EXIT_SUCCESS;
}
