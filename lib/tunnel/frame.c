#include "tunnel/frame.h"

#include "base/array.h"
#include "base/wire.h"
#include "tunnel/cbor.h"
#include "tunnel/text.h"

#include <string.h>

enum {
    HELLO_ITEMS = 12,
    OPEN_ITEMS = 5,
    WELCOME_ITEMS = 3,
    CATALOG_ACK_ITEMS = 3,
    RANGE_ITEMS = 6,
    BYE_ITEMS = 2,
    TEXT_BYTES = FRAME_TEXT_MAX - 1,
    BATCH_FLAG_HISTORICAL = 1,
    ACK_HEAD_MAX = 5, /* the head of the array of ranges */
};

static const struct {
    const char *name;
    uint32_t payload_max;
} frames[] = {
    [FRAME_HELLO] = {"hello", FRAME_SMALL_MAX},
    [FRAME_OPEN] = {"open", FRAME_SMALL_MAX},
    [FRAME_WELCOME] = {"welcome", FRAME_SMALL_MAX},
    [FRAME_CATALOG] = {"catalog", CATALOG_SIZE_MAX},
    [FRAME_CATALOG_ACK] = {"catalog_ack", FRAME_SMALL_MAX},
    [FRAME_BATCH] = {"batch", FRAME_BATCH_HEAD_SIZE + BATCH_SIZE_MAX},
    [FRAME_ACK] = {"ack", ACK_HEAD_MAX + FRAME_ACKS_MAX *FRAME_ACK_RANGE_MAX},
    [FRAME_TEST] = {"test", FRAME_SMALL_MAX},
    [FRAME_TEST_ACK] = {"test_ack", FRAME_SMALL_MAX},
    [FRAME_BYE] = {"bye", FRAME_SMALL_MAX},
};

static const char *const ack_results[] = {
    [ACK_COMMITTED] = "committed",
    [ACK_DUPLICATE] = "duplicate",
    [ACK_RETRY_AFTER] = "retry_after",
    [ACK_REJECTED] = "rejected",
};

static const struct {
    const char *name;
    enum err err;
} bye_reasons[] = {
    [BYE_DONE] = {"done", ERR_OK},
    [BYE_SHUTTING_DOWN] = {"shutting_down", ERR_OK},
    [BYE_PROTOCOL] = {"protocol", ERR_MALFORMED},
    [BYE_VERSION] = {"version", ERR_VERSION},
    [BYE_NOT_ALLOWED] = {"not_allowed", ERR_REFUSED},
    [BYE_SUPERSEDED] = {"superseded", ERR_CONFLICT},
    [BYE_TIMEOUT] = {"timeout", ERR_TIMEOUT},
    [BYE_STORE_FAILED] = {"store_failed", ERR_IO},
    [BYE_FENCED] = {"fenced", ERR_CONFLICT},
};

const char *frame_type_name(enum frame_type type)
{
    bool known = (size_t)type < ARRAY_LENGTH(frames) && frames[type].name;
    return known ? frames[type].name : "unknown";
}

const char *ack_result_name(enum ack_result result)
{
    return (size_t)result < ARRAY_LENGTH(ack_results) ? ack_results[result] : "unknown";
}

const char *bye_reason_name(enum bye_reason reason)
{
    return (size_t)reason < ARRAY_LENGTH(bye_reasons) ? bye_reasons[reason].name : "unknown";
}

enum err bye_reason_err(enum bye_reason reason)
{
    return (size_t)reason < ARRAY_LENGTH(bye_reasons) ? bye_reasons[reason].err : ERR_MALFORMED;
}

void frame_set_text(char *field, const char *text)
{
    size_t size = text_cut(text, strlen(text), TEXT_BYTES);
    memcpy(field, text, size);
    field[size] = '\0';
}

enum err frame_read_head(const uint8_t *bytes, struct frame_head *head, struct err_text *why)
{
    struct wire_reader reader = wire_reader(bytes, FRAME_HEAD_SIZE);
    head->size = wire_read_u32(&reader);
    head->type = (enum frame_type)wire_read_u8(&reader);
    if ((size_t)head->type >= ARRAY_LENGTH(frames) || !frames[head->type].name) {
        return err_set(why, ERR_MALFORMED, "frame of unknown type %d", (int)head->type);
    }
    if (head->size > frames[head->type].payload_max) {
        return err_set(why, ERR_LIMIT, "%s of %u bytes: more than %u", frames[head->type].name, head->size,
                       frames[head->type].payload_max);
    }
    return ERR_OK;
}

/* A frame under construction in the space of a buffer; nothing is added to it before finish(). */
struct draft {
    struct buffer *out;
    uint8_t *space;
    struct wire_writer payload;
    enum err err;
};

static struct draft start(struct buffer *out, size_t payload_max)
{
    struct draft draft = {.out = out};
    size_t needed = FRAME_HEAD_SIZE + payload_max;
    draft.err = needed > out->limit - out->size ? ERR_LIMIT : ERR_OK;
    draft.space = draft.err == ERR_OK ? buffer_reserve(out, needed) : NULL;
    if (draft.space) {
        draft.payload = wire_writer(draft.space + FRAME_HEAD_SIZE, payload_max);
    } else {
        draft.err = draft.err == ERR_OK ? ERR_NO_MEMORY : draft.err;
        draft.payload.failed = true;
    }
    return draft;
}

static enum err finish(struct draft *draft, enum frame_type type)
{
    if (draft->err != ERR_OK) {
        return draft->err;
    }
    size_t size = wire_written(&draft->payload);
    if (draft->payload.failed || size > frames[type].payload_max) {
        return ERR_LIMIT;
    }
    struct wire_writer head = wire_writer(draft->space, FRAME_HEAD_SIZE);
    wire_write_u32(&head, (uint32_t)size);
    wire_write_u8(&head, (uint8_t)type);
    buffer_commit(draft->out, FRAME_HEAD_SIZE + size);
    return ERR_OK;
}

/* Texts come from many places: what a strict reader would refuse is not sent. */
static void put_text(struct wire_writer *writer, const char *text)
{
    size_t size = text_cut(text, strnlen(text, FRAME_TEXT_MAX), TEXT_BYTES);
    if (text_is_printable(text, size)) {
        cbor_put_text(writer, text, size);
    } else {
        static const char unprintable[] = "(unprintable)";
        cbor_put_text(writer, unprintable, sizeof unprintable - 1);
    }
}

static void take_text(struct cbor_cursor *cursor, char *field)
{
    struct bytes text = cbor_take_text(cursor, 0, TEXT_BYTES);
    if (text.size > 0) {
        memcpy(field, text.data, text.size);
    }
    field[text.size] = '\0';
}

static enum err taken(const struct cbor_cursor *cursor, bool sound, enum frame_type type,
                      struct err_text *why)
{
    bool good = cbor_cursor_done(cursor) && sound;
    return good ? ERR_OK : err_set(why, ERR_MALFORMED, "%s is malformed", frame_type_name(type));
}

enum err frame_write_hello(struct buffer *out, const struct frame_hello *hello)
{
    struct draft draft = start(out, FRAME_SMALL_MAX);
    struct wire_writer *writer = &draft.payload;
    cbor_put_array(writer, HELLO_ITEMS);
    cbor_put_uint(writer, hello->version_min);
    cbor_put_uint(writer, hello->version_max);
    put_text(writer, hello->server);
    cbor_put_bytes(writer, hello->store_id, sizeof hello->store_id);
    cbor_put_uint(writer, hello->max_batch);
    cbor_put_uint(writer, hello->max_catalog);
    cbor_put_uint(writer, hello->window_batches);
    cbor_put_uint(writer, hello->window_bytes);
    cbor_put_uint(writer, hello->t1_ms);
    cbor_put_uint(writer, hello->t2_ms);
    cbor_put_uint(writer, hello->t3_ms);
    cbor_put_uint(writer, (uint64_t)hello->wall_us);
    return finish(&draft, FRAME_HELLO);
}

enum err frame_read_hello(struct bytes payload, struct frame_hello *hello, struct err_text *why)
{
    struct cbor_cursor cursor = cbor_cursor(payload);
    cbor_take_array(&cursor, HELLO_ITEMS, HELLO_ITEMS);
    hello->version_min = (uint16_t)cbor_take_uint(&cursor, 1, UINT16_MAX);
    hello->version_max = (uint16_t)cbor_take_uint(&cursor, hello->version_min, UINT16_MAX);
    take_text(&cursor, hello->server);
    cbor_take_fixed(&cursor, hello->store_id, sizeof hello->store_id);
    hello->max_batch = (uint32_t)cbor_take_uint(&cursor, FRAME_BATCH_LEAST, BATCH_SIZE_MAX);
    hello->max_catalog = (uint32_t)cbor_take_uint(&cursor, 1, CATALOG_SIZE_MAX);
    hello->window_batches = (uint32_t)cbor_take_uint(&cursor, 1, UINT32_MAX);
    hello->window_bytes = (uint32_t)cbor_take_uint(&cursor, hello->max_batch, UINT32_MAX);
    hello->t1_ms = (uint32_t)cbor_take_uint(&cursor, FRAME_TIMER_MIN_MS, FRAME_TIMER_MAX_MS);
    hello->t2_ms = (uint32_t)cbor_take_uint(&cursor, FRAME_TIMER_MIN_MS, FRAME_TIMER_MAX_MS);
    hello->t3_ms = (uint32_t)cbor_take_uint(&cursor, FRAME_TIMER_MIN_MS, FRAME_TIMER_MAX_MS);
    hello->wall_us = (int64_t)cbor_take_uint(&cursor, 0, BATCH_TIME_MAX_US);
    return taken(&cursor, hello->t2_ms < hello->t1_ms, FRAME_HELLO, why);
}

enum err frame_write_open(struct buffer *out, const struct frame_open *open)
{
    struct draft draft = start(out, FRAME_SMALL_MAX);
    cbor_put_array(&draft.payload, OPEN_ITEMS);
    cbor_put_uint(&draft.payload, open->version);
    put_text(&draft.payload, open->software);
    cbor_put_bytes(&draft.payload, open->epoch, sizeof open->epoch);
    cbor_put_uint(&draft.payload, open->first_sequence);
    cbor_put_uint(&draft.payload, open->next_sequence);
    return finish(&draft, FRAME_OPEN);
}

enum err frame_read_open(struct bytes payload, struct frame_open *open, struct err_text *why)
{
    struct cbor_cursor cursor = cbor_cursor(payload);
    cbor_take_array(&cursor, OPEN_ITEMS, OPEN_ITEMS);
    open->version = (uint16_t)cbor_take_uint(&cursor, 1, UINT16_MAX);
    take_text(&cursor, open->software);
    cbor_take_fixed(&cursor, open->epoch, sizeof open->epoch);
    open->first_sequence = cbor_take_uint(&cursor, 1, UINT64_MAX);
    open->next_sequence = cbor_take_uint(&cursor, open->first_sequence, UINT64_MAX);
    return taken(&cursor, true, FRAME_OPEN, why);
}

/* In version 1 there is no list of what is missing. */
static size_t welcome_items(uint16_t version)
{
    return version < 2 ? WELCOME_ITEMS - 1 : WELCOME_ITEMS;
}

static void put_missing(struct wire_writer *payload, const struct frame_welcome *welcome)
{
    cbor_put_array(payload, welcome->missing_count);
    for (size_t i = 0; i < welcome->missing_count; i++) {
        cbor_put_array(payload, 2);
        cbor_put_uint(payload, welcome->missing[i].first);
        cbor_put_uint(payload, welcome->missing[i].last);
    }
}

enum err frame_write_welcome(struct buffer *out, uint16_t version, const struct frame_welcome *welcome)
{
    struct draft draft = start(out, FRAME_SMALL_MAX);
    cbor_put_array(&draft.payload, welcome_items(version));
    cbor_put_uint(&draft.payload, welcome->contiguous);
    cbor_put_uint(&draft.payload, welcome->highest);
    if (version >= 2) {
        put_missing(&draft.payload, welcome);
    }
    return finish(&draft, FRAME_WELCOME);
}

/* Between contiguous and highest, which are committed themselves, in order, each apart from the next. */
static void take_missing(struct cbor_cursor *cursor, struct frame_welcome *welcome)
{
    uint64_t before = welcome->contiguous;
    welcome->missing_count = cbor_take_array(cursor, 0, FRAME_MISSING_MAX);
    for (size_t i = 0; i < welcome->missing_count && !cursor->failed; i++) {
        struct frame_range *range = &welcome->missing[i];
        cbor_take_array(cursor, 2, 2);
        range->first = cbor_take_uint(cursor, before, welcome->highest);
        range->last = cbor_take_uint(cursor, range->first, welcome->highest);
        cursor->failed = cursor->failed || range->first == before || range->last == welcome->highest;
        before = range->last + 1;
    }
}

enum err frame_read_welcome(struct bytes payload, uint16_t version, struct frame_welcome *welcome,
                            struct err_text *why)
{
    struct cbor_cursor cursor = cbor_cursor(payload);
    cbor_take_array(&cursor, welcome_items(version), welcome_items(version));
    *welcome = (struct frame_welcome){.contiguous = cbor_take_uint(&cursor, 0, UINT64_MAX)};
    welcome->highest = cbor_take_uint(&cursor, welcome->contiguous, UINT64_MAX);
    if (version >= 2) {
        take_missing(&cursor, welcome);
    }
    return taken(&cursor, true, FRAME_WELCOME, why);
}

enum err frame_write_catalog(struct buffer *out, struct bytes encoded)
{
    struct draft draft = start(out, encoded.size);
    wire_write_bytes(&draft.payload, encoded.data, encoded.size);
    return finish(&draft, FRAME_CATALOG);
}

enum err frame_write_catalog_ack(struct buffer *out, const struct frame_catalog_ack *ack)
{
    struct draft draft = start(out, FRAME_SMALL_MAX);
    cbor_put_array(&draft.payload, CATALOG_ACK_ITEMS);
    cbor_put_bytes(&draft.payload, ack->hash, sizeof ack->hash);
    cbor_put_uint(&draft.payload, ack->result);
    put_text(&draft.payload, ack->text);
    return finish(&draft, FRAME_CATALOG_ACK);
}

enum err frame_read_catalog_ack(struct bytes payload, struct frame_catalog_ack *ack, struct err_text *why)
{
    struct cbor_cursor cursor = cbor_cursor(payload);
    cbor_take_array(&cursor, CATALOG_ACK_ITEMS, CATALOG_ACK_ITEMS);
    cbor_take_fixed(&cursor, ack->hash, sizeof ack->hash);
    ack->result = (enum ack_result)cbor_take_uint(&cursor, ACK_COMMITTED, ACK_REJECTED);
    take_text(&cursor, ack->text);
    return taken(&cursor, true, FRAME_CATALOG_ACK, why);
}

enum err frame_write_batch(struct buffer *out, const struct frame_batch *batch)
{
    struct draft draft = start(out, FRAME_BATCH_HEAD_SIZE + batch->encoded.size);
    wire_write_u8(&draft.payload, batch->historical ? BATCH_FLAG_HISTORICAL : 0);
    wire_write_u64(&draft.payload, batch->sequence);
    wire_write_bytes(&draft.payload, batch->encoded.data, batch->encoded.size);
    return finish(&draft, FRAME_BATCH);
}

enum err frame_read_batch(struct bytes payload, struct frame_batch *batch, struct err_text *why)
{
    struct wire_reader reader = wire_reader(payload.data, payload.size);
    uint8_t flags = wire_read_u8(&reader);
    batch->historical = flags == BATCH_FLAG_HISTORICAL;
    batch->sequence = wire_read_u64(&reader);
    batch->encoded = wire_read_bytes(&reader, wire_left(&reader));
    if (reader.failed || flags > BATCH_FLAG_HISTORICAL || batch->sequence == 0) {
        return err_set(why, ERR_MALFORMED, "batch frame: the head is malformed");
    }
    return ERR_OK;
}

static void put_range(struct wire_writer *writer, const struct ack_range *range)
{
    cbor_put_array(writer, RANGE_ITEMS);
    cbor_put_uint(writer, range->first);
    cbor_put_uint(writer, range->last);
    cbor_put_uint(writer, range->result);
    cbor_put_uint(writer, (uint64_t)range->committed_us);
    cbor_put_uint(writer, range->delay_ms);
    put_text(writer, range->text);
}

enum err frame_write_ack(struct buffer *out, const struct ack_range *ranges, size_t count)
{
    if (count > FRAME_ACKS_MAX) {
        return ERR_LIMIT;
    }
    struct draft draft = start(out, ACK_HEAD_MAX + count * FRAME_ACK_RANGE_MAX);
    cbor_put_array(&draft.payload, count);
    for (size_t i = 0; i < count; i++) {
        put_range(&draft.payload, &ranges[i]);
    }
    return finish(&draft, FRAME_ACK);
}

static bool is_durable(enum ack_result result)
{
    return result == ACK_COMMITTED || result == ACK_DUPLICATE;
}

static void take_range(struct cbor_cursor *cursor, struct ack_range *range)
{
    cbor_take_array(cursor, RANGE_ITEMS, RANGE_ITEMS);
    range->first = cbor_take_uint(cursor, 1, UINT64_MAX);
    range->last = cbor_take_uint(cursor, range->first, UINT64_MAX);
    range->result = (enum ack_result)cbor_take_uint(cursor, ACK_COMMITTED, ACK_REJECTED);
    range->committed_us =
        (int64_t)cbor_take_uint(cursor, 0, is_durable(range->result) ? BATCH_TIME_MAX_US : 0);
    range->delay_ms = (uint32_t)cbor_take_uint(cursor, 0, range->result == ACK_RETRY_AFTER ? UINT32_MAX : 0);
    take_text(cursor, range->text);
}

static enum err walk_ranges(struct bytes payload, const struct ack_visitor *visitor, size_t *count,
                            struct err_text *why)
{
    struct cbor_cursor cursor = cbor_cursor(payload);
    *count = cbor_take_array(&cursor, 0, FRAME_ACKS_MAX);
    for (size_t i = 0; i < *count; i++) {
        struct ack_range range;
        take_range(&cursor, &range);
        enum err err = visitor && !cursor.failed ? visitor->range(visitor->owner, &range, why) : ERR_OK;
        if (err != ERR_OK) {
            return err;
        }
    }
    return taken(&cursor, true, FRAME_ACK, why);
}

enum err frame_read_ack(struct bytes payload, const struct ack_visitor *visitor, size_t *count,
                        struct err_text *why)
{
    enum err err = walk_ranges(payload, NULL, count, why);
    return err == ERR_OK ? walk_ranges(payload, visitor, count, why) : err;
}

enum err frame_write_empty(struct buffer *out, enum frame_type type)
{
    struct draft draft = start(out, 1);
    cbor_put_array(&draft.payload, 0);
    return finish(&draft, type);
}

enum err frame_read_empty(struct bytes payload, struct err_text *why)
{
    struct cbor_cursor cursor = cbor_cursor(payload);
    cbor_take_array(&cursor, 0, 0);
    return taken(&cursor, true, FRAME_TEST, why);
}

enum err frame_write_bye(struct buffer *out, const struct frame_bye *bye)
{
    struct draft draft = start(out, FRAME_SMALL_MAX);
    cbor_put_array(&draft.payload, BYE_ITEMS);
    cbor_put_uint(&draft.payload, bye->reason);
    put_text(&draft.payload, bye->text);
    return finish(&draft, FRAME_BYE);
}

enum err frame_read_bye(struct bytes payload, struct frame_bye *bye, struct err_text *why)
{
    struct cbor_cursor cursor = cbor_cursor(payload);
    cbor_take_array(&cursor, BYE_ITEMS, BYE_ITEMS);
    bye->reason = (enum bye_reason)cbor_take_uint(&cursor, BYE_DONE, BYE_FENCED);
    take_text(&cursor, bye->text);
    return taken(&cursor, true, FRAME_BYE, why);
}
