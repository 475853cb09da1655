#include "tunnel/frame.h"

#include "base/array.h"
#include "base/wire.h"
#include "support/suite.h"
#include "tunnel/cbor.h"

#include <stdlib.h>
#include <string.h>

static struct buffer out;

static void setup(void)
{
    buffer_init(&out, 1 << 20);
}

static void teardown(void)
{
    buffer_fini(&out);
}

/* The payload of the one frame in `out`, whose head must fit it. */
static struct bytes payload_of(enum frame_type type)
{
    struct frame_head head;
    struct bytes frame = buffer_bytes(&out);
    ck_assert_uint_ge(frame.size, FRAME_HEAD_SIZE);
    ck_assert_int_eq(frame_read_head(frame.data, &head, NULL), ERR_OK);
    ck_assert_int_eq(head.type, type);
    ck_assert_uint_eq(head.size, frame.size - FRAME_HEAD_SIZE);
    return (struct bytes){.data = frame.data + FRAME_HEAD_SIZE, .size = head.size};
}

static struct frame_hello hello(void)
{
    struct frame_hello hello = {.version_min = 1,
                                .version_max = 3,
                                .server = "bourdon-server 0.1 at control \xc2\xb0",
                                .store_id = {1, 2, 3, 4},
                                .max_batch = FRAME_BATCH_LEAST,
                                .max_catalog = 1,
                                .window_batches = 1,
                                .window_bytes = FRAME_BATCH_LEAST,
                                .t1_ms = FRAME_TIMER_MAX_MS,
                                .t2_ms = FRAME_TIMER_MIN_MS,
                                .t3_ms = FRAME_TIMER_MAX_MS,
                                .wall_us = BATCH_TIME_MAX_US};
    return hello;
}

START_TEST(hello_reads_back)
{
    struct frame_hello sent = hello();
    struct frame_hello got;
    ck_assert_int_eq(frame_write_hello(&out, &sent), ERR_OK);
    ck_assert_int_eq(frame_read_hello(payload_of(FRAME_HELLO), &got, NULL), ERR_OK);
    ck_assert_uint_eq(got.version_min, 1);
    ck_assert_uint_eq(got.version_max, 3);
    ck_assert_str_eq(got.server, sent.server);
    ck_assert_mem_eq(got.store_id, sent.store_id, sizeof got.store_id);
    ck_assert_uint_eq(got.max_batch, sent.max_batch);
    ck_assert_uint_eq(got.max_catalog, sent.max_catalog);
    ck_assert_uint_eq(got.window_batches, sent.window_batches);
    ck_assert_uint_eq(got.window_bytes, sent.window_bytes);
    ck_assert_uint_eq(got.t1_ms, sent.t1_ms);
    ck_assert_uint_eq(got.t2_ms, sent.t2_ms);
    ck_assert_uint_eq(got.t3_ms, sent.t3_ms);
    ck_assert_int_eq(got.wall_us, sent.wall_us);
}
END_TEST

START_TEST(hello_keeps_to_its_limits)
{
    struct frame_hello rows[] = {hello(), hello(), hello(), hello(), hello(), hello(),
                                 hello(), hello(), hello(), hello(), hello()};
    rows[0].version_min = 0;
    rows[1].version_max = 0;
    rows[2].max_batch = FRAME_BATCH_LEAST - 1;
    rows[3].max_batch = BATCH_SIZE_MAX + 1;
    rows[4].max_catalog = CATALOG_SIZE_MAX + 1;
    rows[5].window_batches = 0;
    rows[6].window_bytes = FRAME_BATCH_LEAST - 1;
    rows[7].t1_ms = FRAME_TIMER_MAX_MS + 1;
    rows[8].t2_ms = FRAME_TIMER_MIN_MS - 1;
    rows[9].t2_ms = rows[9].t1_ms;
    rows[10].wall_us = BATCH_TIME_MAX_US + 1;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct frame_hello got;
        buffer_clear(&out);
        ck_assert_int_eq(frame_write_hello(&out, &rows[i]), ERR_OK);
        ck_assert_msg(frame_read_hello(payload_of(FRAME_HELLO), &got, NULL) == ERR_MALFORMED, "row %zu", i);
    }
}
END_TEST

START_TEST(open_reads_back)
{
    struct frame_open sent = {.version = 1, .software = "b", .epoch = {9}, .first_sequence = 5};
    struct frame_open got;
    sent.next_sequence = UINT64_MAX;
    ck_assert_int_eq(frame_write_open(&out, &sent), ERR_OK);
    ck_assert_int_eq(frame_read_open(payload_of(FRAME_OPEN), &got, NULL), ERR_OK);
    ck_assert_uint_eq(got.version, 1);
    ck_assert_str_eq(got.software, "b");
    ck_assert_mem_eq(got.epoch, sent.epoch, sizeof got.epoch);
    ck_assert_uint_eq(got.first_sequence, 5);
    ck_assert_uint_eq(got.next_sequence, UINT64_MAX);
}
END_TEST

START_TEST(sequences_of_open_and_welcome_do_not_run_backwards)
{
    struct frame_open open = {.version = 1, .first_sequence = 5, .next_sequence = 4};
    ck_assert_int_eq(frame_write_open(&out, &open), ERR_OK);
    ck_assert_int_eq(frame_read_open(payload_of(FRAME_OPEN), &open, NULL), ERR_MALFORMED);
    open = (struct frame_open){.version = 1, .first_sequence = 0, .next_sequence = 4};
    buffer_clear(&out);
    ck_assert_int_eq(frame_write_open(&out, &open), ERR_OK);
    ck_assert_int_eq(frame_read_open(payload_of(FRAME_OPEN), &open, NULL), ERR_MALFORMED);
    struct frame_welcome welcome = {.contiguous = 2, .highest = 1};
    buffer_clear(&out);
    ck_assert_int_eq(frame_write_welcome(&out, TUNNEL_VERSION, &welcome), ERR_OK);
    ck_assert_int_eq(frame_read_welcome(payload_of(FRAME_WELCOME), TUNNEL_VERSION, &welcome, NULL),
                     ERR_MALFORMED);
}
END_TEST

START_TEST(what_is_missing_reads_back)
{
    struct frame_welcome sent = {.contiguous = 10, .highest = UINT64_MAX};
    for (uint64_t i = 0; i < FRAME_MISSING_MAX; i++) {
        uint64_t first = UINT64_MAX - 1000 + 10 * i;
        sent.missing[sent.missing_count++] = (struct frame_range){first, first + 8};
    }
    struct frame_welcome got;
    ck_assert_int_eq(frame_write_welcome(&out, 2, &sent), ERR_OK);
    ck_assert_int_eq(frame_read_welcome(payload_of(FRAME_WELCOME), 2, &got, NULL), ERR_OK);
    ck_assert_uint_eq(got.missing_count, FRAME_MISSING_MAX);
    ck_assert_mem_eq(got.missing, sent.missing, sizeof got.missing);
    ck_assert_int_eq(frame_read_welcome(payload_of(FRAME_WELCOME), 1, &got, NULL), ERR_MALFORMED);
    buffer_clear(&out);
    ck_assert_int_eq(frame_write_welcome(&out, 1, &sent), ERR_OK);
    ck_assert_int_eq(frame_read_welcome(payload_of(FRAME_WELCOME), 1, &got, NULL), ERR_OK);
    ck_assert_uint_eq(got.missing_count, 0);
    ck_assert_uint_eq(got.highest, UINT64_MAX);
}
END_TEST

START_TEST(what_is_missing_lies_between_in_order_and_apart)
{
    static const struct {
        const char *name;
        enum err err;
        size_t count;
        struct frame_range missing[2];
    } rows[] = {
        {"the widest", ERR_OK, 1, {{11, 19}}},
        {"one below the first", ERR_MALFORMED, 1, {{10, 19}}},
        {"one above the last", ERR_MALFORMED, 1, {{11, 20}}},
        {"backwards", ERR_MALFORMED, 1, {{12, 11}}},
        {"apart", ERR_OK, 2, {{11, 12}, {14, 14}}},
        {"touching", ERR_MALFORMED, 2, {{11, 12}, {13, 14}}},
        {"out of order", ERR_MALFORMED, 2, {{14, 14}, {11, 12}}},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct frame_welcome welcome = {.contiguous = 10, .highest = 20, .missing_count = rows[i].count};
        memcpy(welcome.missing, rows[i].missing, sizeof rows[i].missing);
        buffer_clear(&out);
        ck_assert_int_eq(frame_write_welcome(&out, 2, &welcome), ERR_OK);
        enum err err = frame_read_welcome(payload_of(FRAME_WELCOME), 2, &welcome, NULL);
        ck_assert_msg(err == rows[i].err, "%s", rows[i].name);
    }
}
END_TEST

START_TEST(batch_reads_back)
{
    const struct frame_batch sent = {
        .historical = true, .sequence = 0x0102030405060708, .encoded = {(const uint8_t *)"xyz", 3}};
    struct frame_batch got;
    ck_assert_int_eq(frame_write_batch(&out, &sent), ERR_OK);
    ck_assert_int_eq(frame_read_batch(payload_of(FRAME_BATCH), &got, NULL), ERR_OK);
    ck_assert(got.historical);
    ck_assert_uint_eq(got.sequence, sent.sequence);
    ck_assert_uint_eq(got.encoded.size, 3);
    ck_assert_mem_eq(got.encoded.data, "xyz", 3);
}
END_TEST

START_TEST(batch_refuses_what_its_head_cannot_say)
{
    static const struct {
        const char *name;
        uint8_t payload[9];
        size_t size;
        enum err expected;
    } rows[] = {
        {"live", {0, 0, 0, 0, 0, 0, 0, 0, 1}, 9, ERR_OK},
        {"historical", {1, 0, 0, 0, 0, 0, 0, 0, 1}, 9, ERR_OK},
        {"another flag", {2, 0, 0, 0, 0, 0, 0, 0, 1}, 9, ERR_MALFORMED},
        {"sequence 0", {0, 0, 0, 0, 0, 0, 0, 0, 0}, 9, ERR_MALFORMED},
        {"cut", {0, 0, 0, 0, 0, 0, 0, 1}, 8, ERR_MALFORMED},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct frame_batch got;
        struct bytes payload = {.data = rows[i].payload, .size = rows[i].size};
        ck_assert_msg(frame_read_batch(payload, &got, NULL) == rows[i].expected, "%s", rows[i].name);
    }
}
END_TEST

struct ranges {
    struct ack_range got[4];
    size_t count;
    enum err answer;
};

static enum err keep_range(void *owner, const struct ack_range *range, struct err_text *why)
{
    struct ranges *ranges = owner;
    (void)why;
    ranges->got[ranges->count++] = *range;
    return ranges->answer;
}

START_TEST(ack_reads_back)
{
    const struct ack_range sent[] = {
        {.first = 1, .last = 7, .result = ACK_COMMITTED, .committed_us = 12345},
        {.first = 9, .last = 9, .result = ACK_RETRY_AFTER, .delay_ms = UINT32_MAX, .text = "full"},
        {.first = UINT64_MAX, .last = UINT64_MAX, .result = ACK_REJECTED, .text = "no"},
    };
    struct ranges ranges = {0};
    const struct ack_visitor visitor = {.owner = &ranges, .range = keep_range};
    size_t count;
    ck_assert_int_eq(frame_write_ack(&out, sent, ARRAY_LENGTH(sent)), ERR_OK);
    ck_assert_int_eq(frame_read_ack(payload_of(FRAME_ACK), &visitor, &count, NULL), ERR_OK);
    ck_assert_uint_eq(count, 3);
    ck_assert_uint_eq(ranges.count, 3);
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_eq(ranges.got[i].first, sent[i].first);
        ck_assert_uint_eq(ranges.got[i].last, sent[i].last);
        ck_assert_int_eq(ranges.got[i].result, sent[i].result);
        ck_assert_int_eq(ranges.got[i].committed_us, sent[i].committed_us);
        ck_assert_uint_eq(ranges.got[i].delay_ms, sent[i].delay_ms);
        ck_assert_str_eq(ranges.got[i].text, sent[i].text);
    }
}
END_TEST

START_TEST(ack_refuses_ranges_that_make_no_sense)
{
    static const struct ack_range rows[] = {
        {.first = 0, .last = 1},
        {.first = 2, .last = 1},
        {.first = 1, .last = 1, .result = (enum ack_result)(ACK_REJECTED + 1)},
        {.first = 1, .last = 1, .result = ACK_REJECTED, .committed_us = 1},
        {.first = 1, .last = 1, .result = ACK_COMMITTED, .delay_ms = 1},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct ranges ranges = {0};
        const struct ack_visitor visitor = {.owner = &ranges, .range = keep_range};
        const struct ack_range pair[] = {{.first = 50, .last = 60}, rows[i]};
        size_t count;
        buffer_clear(&out);
        ck_assert_int_eq(frame_write_ack(&out, pair, 2), ERR_OK);
        ck_assert_msg(frame_read_ack(payload_of(FRAME_ACK), &visitor, &count, NULL) == ERR_MALFORMED,
                      "row %zu", i);
        ck_assert_uint_eq(ranges.count, 0);
    }
}
END_TEST

START_TEST(ack_stops_where_its_visitor_does)
{
    const struct ack_range sent[] = {{.first = 1, .last = 1}, {.first = 2, .last = 2}};
    struct ranges ranges = {.answer = ERR_CONFLICT};
    const struct ack_visitor visitor = {.owner = &ranges, .range = keep_range};
    size_t count;
    ck_assert_int_eq(frame_write_ack(&out, sent, ARRAY_LENGTH(sent)), ERR_OK);
    ck_assert_int_eq(frame_read_ack(payload_of(FRAME_ACK), &visitor, &count, NULL), ERR_CONFLICT);
    ck_assert_uint_eq(ranges.count, 1);
}
END_TEST

START_TEST(ack_holds_so_many_ranges_and_not_one_more)
{
    struct ack_range *sent = calloc(FRAME_ACKS_MAX + 1, sizeof *sent);
    for (size_t i = 0; i <= FRAME_ACKS_MAX; i++) {
        sent[i].first = sent[i].last = UINT64_MAX - i;
        sent[i].result = ACK_RETRY_AFTER;
        sent[i].delay_ms = UINT32_MAX;
        memset(sent[i].text, 't', FRAME_TEXT_MAX - 1);
    }
    size_t count;
    ck_assert_int_eq(frame_write_ack(&out, sent, FRAME_ACKS_MAX), ERR_OK);
    ck_assert_int_eq(frame_read_ack(payload_of(FRAME_ACK), NULL, &count, NULL), ERR_OK);
    ck_assert_uint_eq(count, FRAME_ACKS_MAX);
    ck_assert_int_eq(frame_write_ack(&out, sent, FRAME_ACKS_MAX + 1), ERR_LIMIT);
    free(sent);
}
END_TEST

START_TEST(bye_and_catalog_ack_read_back_their_texts)
{
    const struct frame_bye bye = {.reason = BYE_FENCED, .text = "cloned spool"};
    struct frame_bye got_bye;
    ck_assert_int_eq(frame_write_bye(&out, &bye), ERR_OK);
    ck_assert_int_eq(frame_read_bye(payload_of(FRAME_BYE), &got_bye, NULL), ERR_OK);
    ck_assert_int_eq(got_bye.reason, BYE_FENCED);
    ck_assert_str_eq(got_bye.text, "cloned spool");
    buffer_clear(&out);
    const struct frame_catalog_ack ack = {.hash = {7}, .result = ACK_REJECTED, .text = "too large"};
    struct frame_catalog_ack got_ack;
    ck_assert_int_eq(frame_write_catalog_ack(&out, &ack), ERR_OK);
    ck_assert_int_eq(frame_read_catalog_ack(payload_of(FRAME_CATALOG_ACK), &got_ack, NULL), ERR_OK);
    ck_assert_mem_eq(got_ack.hash, ack.hash, sizeof ack.hash);
    ck_assert_int_eq(got_ack.result, ACK_REJECTED);
    ck_assert_str_eq(got_ack.text, "too large");
}
END_TEST

START_TEST(a_text_nobody_should_see_is_not_sent)
{
    struct frame_bye bye = {.text = "a\nlevel=error"};
    ck_assert_int_eq(frame_write_bye(&out, &bye), ERR_OK);
    ck_assert_int_eq(frame_read_bye(payload_of(FRAME_BYE), &bye, NULL), ERR_OK);
    ck_assert_str_eq(bye.text, "(unprintable)");
}
END_TEST

START_TEST(a_long_text_is_cut_between_characters)
{
    char text[400];
    memset(text, 'x', sizeof text);
    memcpy(text + 254, "\xc2\xb0", 3);
    char field[FRAME_TEXT_MAX];
    frame_set_text(field, text);
    ck_assert_uint_eq(strlen(field), 254);
    memcpy(text + 253, "\xc2\xb0", 3);
    frame_set_text(field, text);
    ck_assert_uint_eq(strlen(field), 255);
}
END_TEST

START_TEST(the_head_knows_its_types_and_their_limits)
{
    static const struct {
        const char *name;
        uint32_t size;
        uint8_t type;
        enum err expected;
    } rows[] = {
        {"no type", 1, 0, ERR_MALFORMED},
        {"unknown type", 1, FRAME_BYE + 1, ERR_MALFORMED},
        {"largest type", 1, 255, ERR_MALFORMED},
        {"largest hello", FRAME_SMALL_MAX, FRAME_HELLO, ERR_OK},
        {"hello too large", FRAME_SMALL_MAX + 1, FRAME_HELLO, ERR_LIMIT},
        {"largest batch", BATCH_SIZE_MAX + FRAME_BATCH_HEAD_SIZE, FRAME_BATCH, ERR_OK},
        {"batch too large", BATCH_SIZE_MAX + FRAME_BATCH_HEAD_SIZE + 1, FRAME_BATCH, ERR_LIMIT},
        {"largest catalog", CATALOG_SIZE_MAX, FRAME_CATALOG, ERR_OK},
        {"catalog too large", CATALOG_SIZE_MAX + 1, FRAME_CATALOG, ERR_LIMIT},
        {"largest size there is", UINT32_MAX, FRAME_BATCH, ERR_LIMIT},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        uint8_t bytes[FRAME_HEAD_SIZE];
        struct wire_writer writer = wire_writer(bytes, sizeof bytes);
        wire_write_u32(&writer, rows[i].size);
        wire_write_u8(&writer, rows[i].type);
        struct frame_head head;
        ck_assert_msg(frame_read_head(bytes, &head, NULL) == rows[i].expected, "%s", rows[i].name);
    }
}
END_TEST

START_TEST(a_write_that_does_not_fit_leaves_the_buffer_alone)
{
    const struct frame_bye bye = {.text = "x"};
    struct buffer small;
    buffer_init(&small, FRAME_SMALL_MAX);
    ck_assert_int_eq(frame_write_bye(&small, &bye), ERR_LIMIT);
    ck_assert_uint_eq(small.size, 0);
    const struct frame_batch batch = {.sequence = 1, .encoded = {(const uint8_t *)"", SIZE_MAX / 2}};
    ck_assert_int_eq(frame_write_batch(&small, &batch), ERR_LIMIT);
    buffer_fini(&small);
}
END_TEST

/* Reads a payload as the type says and writes it again. */
static enum err rewrite(enum frame_type type, struct bytes payload, struct buffer *to)
{
    union {
        struct frame_hello hello;
        struct frame_open open;
        struct frame_welcome welcome;
        struct frame_catalog_ack catalog_ack;
        struct frame_bye bye;
    } frame;
    enum err err = ERR_MALFORMED;
    if (type == FRAME_HELLO) {
        err = frame_read_hello(payload, &frame.hello, NULL);
        return err == ERR_OK ? frame_write_hello(to, &frame.hello) : err;
    }
    if (type == FRAME_OPEN) {
        err = frame_read_open(payload, &frame.open, NULL);
        return err == ERR_OK ? frame_write_open(to, &frame.open) : err;
    }
    if (type == FRAME_WELCOME) {
        err = frame_read_welcome(payload, TUNNEL_VERSION, &frame.welcome, NULL);
        return err == ERR_OK ? frame_write_welcome(to, TUNNEL_VERSION, &frame.welcome) : err;
    }
    if (type == FRAME_CATALOG_ACK) {
        err = frame_read_catalog_ack(payload, &frame.catalog_ack, NULL);
        return err == ERR_OK ? frame_write_catalog_ack(to, &frame.catalog_ack) : err;
    }
    if (type == FRAME_ACK) {
        struct ranges ranges = {0};
        const struct ack_visitor visitor = {.owner = &ranges, .range = keep_range};
        size_t count;
        err = frame_read_ack(payload, &visitor, &count, NULL);
        return err == ERR_OK ? frame_write_ack(to, ranges.got, count) : err;
    }
    if (type == FRAME_BYE) {
        err = frame_read_bye(payload, &frame.bye, NULL);
        return err == ERR_OK ? frame_write_bye(to, &frame.bye) : err;
    }
    err = frame_read_empty(payload, NULL);
    return err == ERR_OK ? frame_write_empty(to, type) : err;
}

static void accepted_in_one_form_only(enum frame_type type, uint8_t *payload, size_t size, const char *what,
                                      size_t at)
{
    struct buffer again;
    buffer_init(&again, 1 << 20);
    if (rewrite(type, (struct bytes){.data = payload, .size = size}, &again) == ERR_OK) {
        struct bytes form = buffer_bytes(&again);
        bool same =
            form.size == size + FRAME_HEAD_SIZE && memcmp(form.data + FRAME_HEAD_SIZE, payload, size) == 0;
        ck_assert_msg(same, "%s: %s %zu", frame_type_name(type), what, at);
    }
    buffer_fini(&again);
}

static void write_each(size_t which)
{
    static const struct ack_range ranges[] = {{.first = 3, .last = 70000, .committed_us = 1700000000000000},
                                              {.first = 1, .last = 1, .result = ACK_REJECTED, .text = "bad"}};
    const struct frame_hello sent_hello = hello();
    const struct frame_open open = {.version = 1, .software = "b", .first_sequence = 5, .next_sequence = 600};
    const struct frame_welcome welcome = {.contiguous = 500, .highest = 70000};
    const struct frame_catalog_ack ack = {.hash = {1}, .text = "x"};
    const struct frame_bye bye = {.reason = BYE_TIMEOUT, .text = "late"};
    const enum err errs[] = {
        which == 0 ? frame_write_hello(&out, &sent_hello) : ERR_OK,
        which == 1 ? frame_write_open(&out, &open) : ERR_OK,
        which == 2 ? frame_write_welcome(&out, TUNNEL_VERSION, &welcome) : ERR_OK,
        which == 3 ? frame_write_catalog_ack(&out, &ack) : ERR_OK,
        which == 4 ? frame_write_ack(&out, ranges, ARRAY_LENGTH(ranges)) : ERR_OK,
        which == 5 ? frame_write_empty(&out, FRAME_TEST) : ERR_OK,
        which == 6 ? frame_write_bye(&out, &bye) : ERR_OK,
    };
    for (size_t i = 0; i < ARRAY_LENGTH(errs); i++) {
        ck_assert_int_eq(errs[i], ERR_OK);
    }
}

START_TEST(every_truncation_is_refused_and_every_bit_flip_is_refused_or_in_the_one_form)
{
    for (size_t which = 0; which <= 6; which++) {
        buffer_clear(&out);
        write_each(which);
        enum frame_type type = (enum frame_type)buffer_bytes(&out).data[4];
        struct bytes payload = payload_of(type);
        uint8_t *copy = malloc(payload.size + 1);
        memcpy(copy, payload.data, payload.size);
        copy[payload.size] = 0;
        struct buffer again;
        buffer_init(&again, 1 << 20);
        for (size_t size = 0; size <= payload.size + 1; size++) {
            enum err err = rewrite(type, (struct bytes){.data = copy, .size = size}, &again);
            ck_assert_msg((err == ERR_OK) == (size == payload.size), "%s of %zu", frame_type_name(type),
                          size);
        }
        for (size_t bit = 0; bit < payload.size * 8; bit++) {
            copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
            accepted_in_one_form_only(type, copy, payload.size, "bit", bit);
            copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        buffer_fini(&again);
        free(copy);
    }
}
END_TEST

START_TEST(names_are_known_for_every_value)
{
    for (int i = FRAME_HELLO; i <= FRAME_BYE; i++) {
        ck_assert_str_ne(frame_type_name((enum frame_type)i), "unknown");
    }
    for (int i = ACK_COMMITTED; i <= ACK_REJECTED; i++) {
        ck_assert_str_ne(ack_result_name((enum ack_result)i), "unknown");
    }
    for (int i = BYE_DONE; i <= BYE_FENCED; i++) {
        ck_assert_str_ne(bye_reason_name((enum bye_reason)i), "unknown");
    }
    ck_assert_str_eq(frame_type_name((enum frame_type)0), "unknown");
    ck_assert_str_eq(ack_result_name((enum ack_result)99), "unknown");
    ck_assert_str_eq(bye_reason_name((enum bye_reason)99), "unknown");
    ck_assert_int_eq(bye_reason_err((enum bye_reason)99), ERR_MALFORMED);
    ck_assert_int_eq(bye_reason_err(BYE_SHUTTING_DOWN), ERR_OK);
}
END_TEST

int main(void)
{
    return suite_run_with("frame", setup, teardown,
                          (const TTest *[]){
                              hello_reads_back,
                              hello_keeps_to_its_limits,
                              open_reads_back,
                              sequences_of_open_and_welcome_do_not_run_backwards,
                              what_is_missing_reads_back,
                              what_is_missing_lies_between_in_order_and_apart,
                              batch_reads_back,
                              batch_refuses_what_its_head_cannot_say,
                              ack_reads_back,
                              ack_refuses_ranges_that_make_no_sense,
                              ack_stops_where_its_visitor_does,
                              ack_holds_so_many_ranges_and_not_one_more,
                              bye_and_catalog_ack_read_back_their_texts,
                              a_text_nobody_should_see_is_not_sent,
                              a_long_text_is_cut_between_characters,
                              the_head_knows_its_types_and_their_limits,
                              a_write_that_does_not_fit_leaves_the_buffer_alone,
                              every_truncation_is_refused_and_every_bit_flip_is_refused_or_in_the_one_form,
                              names_are_known_for_every_value,
                              NULL,
                          });
}
