#include "support/protocol_examples.h"

#include "base/array.h"
#include "tunnel/batch_builder.h"
#include "tunnel/frame.h"

#include <stdlib.h>
#include <string.h>

/* 2023-11-14 22:13:20 UTC */
static const int64_t scan_us = INT64_C(1700000000000000);
static const int64_t committed_us = INT64_C(1700000001250000);

static const struct batch_identity identity = {
    .epoch = {0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf},
    .sequence = 812};
static const struct batch_identity gap_identity = {
    .epoch = {0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf},
    .sequence = 813};

static void must(enum err err)
{
    if (err != ERR_OK) {
        abort();
    }
}

struct catalog *protocol_example_catalog(void)
{
    static const struct catalog_tag tags[] = {
        {.name = "boiler-1/steam-pressure",
         .unit = "bar",
         .link = "boiler-plc",
         .unit_id = 1,
         .table = TABLE_HOLDING,
         .address = 0,
         .type = VALUE_FLOAT32,
         .order = ORDER_WORDS_SWAPPED,
         .words = 2,
         .scale = 1},
        {.name = "boiler-1/feed-pressure",
         .unit = "kPa",
         .link = "boiler-plc",
         .unit_id = 1,
         .table = TABLE_INPUT,
         .address = 300,
         .type = VALUE_UINT16,
         .words = 1,
         .scale = 0.1,
         .priority = 1},
        {.name = "boiler-1/relief-open",
         .unit = "",
         .link = "boiler-plc",
         .unit_id = 1,
         .table = TABLE_COIL,
         .address = 7,
         .type = VALUE_BOOL,
         .words = 1,
         .scale = 1},
    };
    struct catalog *catalog;
    must(catalog_new(tags, ARRAY_LENGTH(tags), &catalog, NULL));
    return catalog;
}

static void append(struct buffer *out, struct bytes bytes)
{
    must(buffer_append(out, bytes.data, bytes.size));
}

static void make_catalog(struct buffer *out)
{
    struct catalog *catalog = protocol_example_catalog();
    append(out, catalog_encoded(catalog));
    catalog_free(catalog);
}

static void make_batch(struct buffer *out)
{
    const int64_t requests[] = {scan_us, scan_us + 1000};
    const int64_t responses[] = {scan_us + 100, scan_us + 1090};
    const struct reading readings[] = {
        /* 6.25 and 6.5 bar as float32, CDAB: 0x40c80000, 0x40d00000 */
        {.tag = 0,
         .request_us = requests[0],
         .response_us = responses[0],
         .word_count = 2,
         .words = {0, 0x40c8}},
        {.tag = 1, .request_us = requests[0], .response_us = responses[0], .word_count = 1, .words = {3125}},
        {.tag = 2, .request_us = requests[0], .response_us = responses[0], .word_count = 1, .words = {1}},
        {.tag = 0,
         .request_us = requests[1],
         .response_us = responses[1],
         .word_count = 2,
         .words = {0, 0x40d0}},
        {.tag = 1, .request_us = requests[1], .response_us = responses[1], .word_count = 1, .words = {3123}},
        {.tag = 2,
         .request_us = requests[1],
         .response_us = responses[1],
         .quality = (enum quality)(QUALITY_BAD_EXCEPTION + 2)},
    };
    struct catalog *catalog = protocol_example_catalog();
    struct batch_builder *builder = batch_builder_new(catalog);
    for (size_t i = 0; i < ARRAY_LENGTH(readings); i++) {
        must(batch_builder_add(builder, &readings[i]));
    }
    must(batch_builder_finish(builder, &identity, out));
    batch_builder_free(builder);
    catalog_free(catalog);
}

static void make_gap_batch(struct buffer *out)
{
    const struct gap gap = {.reason = GAP_SPOOL_FULL,
                            .first_sequence = 640,
                            .last_sequence = 655,
                            .readings = 16000,
                            .from_us = scan_us - 3600000000,
                            .to_us = scan_us - 3584000000,
                            .link = "boiler-plc"};
    must(batch_encode_gaps(&gap, 1, &gap_identity, out));
}

static void make_hello(struct buffer *out)
{
    const struct frame_hello hello = {.version_min = 1,
                                      .version_max = 2,
                                      .server = "control bourdon-server/0.1",
                                      .store_id = {0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9,
                                                   0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf},
                                      .max_batch = 1048576,
                                      .max_catalog = 16777216,
                                      .window_batches = 64,
                                      .window_bytes = 4194304,
                                      .t1_ms = 15000,
                                      .t2_ms = 10000,
                                      .t3_ms = 20000,
                                      .wall_us = scan_us + 1000000};
    must(frame_write_hello(out, &hello));
}

static void make_open(struct buffer *out)
{
    struct frame_open open = {
        .version = 2, .software = "bourdon-bridge/0.1", .first_sequence = 812, .next_sequence = 814};
    memcpy(open.epoch, identity.epoch, sizeof open.epoch);
    must(frame_write_open(out, &open));
}

static void make_welcome_with_missing(struct buffer *out)
{
    const struct frame_welcome welcome = {
        .contiguous = 700,
        .highest = 811,
        .missing_count = 2,
        .missing = {{701, 750}, {790, 790}},
    };
    must(frame_write_welcome(out, TUNNEL_VERSION, &welcome));
}

static void make_welcome(struct buffer *out)
{
    const struct frame_welcome welcome = {.contiguous = 811, .highest = 811};
    must(frame_write_welcome(out, TUNNEL_VERSION, &welcome));
}

static void make_catalog_frame(struct buffer *out)
{
    struct catalog *catalog = protocol_example_catalog();
    must(frame_write_catalog(out, catalog_encoded(catalog)));
    catalog_free(catalog);
}

static void make_catalog_ack(struct buffer *out)
{
    struct catalog *catalog = protocol_example_catalog();
    struct frame_catalog_ack ack = {.result = ACK_COMMITTED};
    memcpy(ack.hash, catalog_hash(catalog), sizeof ack.hash);
    must(frame_write_catalog_ack(out, &ack));
    catalog_free(catalog);
}

static void frame_of(void (*make)(struct buffer *out), uint64_t sequence, bool historical, struct buffer *out)
{
    struct buffer encoded;
    buffer_init(&encoded, BATCH_SIZE_MAX);
    make(&encoded);
    const struct frame_batch batch = {
        .historical = historical, .sequence = sequence, .encoded = buffer_bytes(&encoded)};
    must(frame_write_batch(out, &batch));
    buffer_fini(&encoded);
}

static void make_batch_frame(struct buffer *out)
{
    frame_of(make_batch, identity.sequence, false, out);
}

static void make_gap_batch_frame(struct buffer *out)
{
    frame_of(make_gap_batch, gap_identity.sequence, true, out);
}

static void make_empty_ack(struct buffer *out)
{
    must(frame_write_ack(out, NULL, 0));
}

static void make_ack(struct buffer *out)
{
    const struct ack_range range = {
        .first = 812, .last = 813, .result = ACK_COMMITTED, .committed_us = committed_us};
    must(frame_write_ack(out, &range, 1));
}

static void make_other_acks(struct buffer *out)
{
    const struct ack_range ranges[] = {
        {.first = 812, .last = 812, .result = ACK_DUPLICATE, .committed_us = committed_us},
        {.first = 813, .last = 813, .result = ACK_RETRY_AFTER, .delay_ms = 5000, .text = "disk is full"},
        {.first = 814, .last = 814, .result = ACK_REJECTED, .text = "batch: its catalog is unknown"},
    };
    must(frame_write_ack(out, ranges, ARRAY_LENGTH(ranges)));
}

static void make_test(struct buffer *out)
{
    must(frame_write_empty(out, FRAME_TEST));
}

static void make_test_ack(struct buffer *out)
{
    must(frame_write_empty(out, FRAME_TEST_ACK));
}

static void make_bridge_bye(struct buffer *out)
{
    const struct frame_bye bye = {.reason = BYE_SHUTTING_DOWN, .text = "restart"};
    must(frame_write_bye(out, &bye));
}

static void make_server_bye(struct buffer *out)
{
    const struct frame_bye bye = {.reason = BYE_DONE};
    must(frame_write_bye(out, &bye));
}

const struct protocol_example protocol_examples[] = {
    {"catalog", make_catalog},
    {"batch", make_batch},
    {"gap-batch", make_gap_batch},
    {"frame-hello", make_hello},
    {"frame-open", make_open},
    {"frame-welcome", make_welcome},
    {"frame-welcome-with-missing", make_welcome_with_missing},
    {"frame-catalog", make_catalog_frame},
    {"frame-catalog-ack", make_catalog_ack},
    {"frame-batch", make_batch_frame},
    {"frame-gap-batch", make_gap_batch_frame},
    {"frame-empty-ack", make_empty_ack},
    {"frame-ack", make_ack},
    {"frame-other-acks", make_other_acks},
    {"frame-test", make_test},
    {"frame-test-ack", make_test_ack},
    {"frame-bye-of-the-bridge", make_bridge_bye},
    {"frame-bye-of-the-server", make_server_bye},
    {NULL, NULL},
};
