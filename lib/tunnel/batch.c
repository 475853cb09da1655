#include "tunnel/batch.h"

#include "base/wire.h"
#include "tunnel/cbor.h"
#include "tunnel/digest.h"
#include "tunnel/text.h"

#include <string.h>

enum {
    BATCH_ITEMS = 12,
    GAP_ITEMS = 7,
    HEAD_MAX = 128,                           /* more than all items but body and digest */
    DIGEST_ITEM_SIZE = 1 + BATCH_DIGEST_SIZE, /* a byte string of 16: 0x50, then the bytes */
    GAP_SIZE_MAX = 64 + CATALOG_LINK_MAX,     /* more than one encoded gap */
};

_Static_assert(BATCH_GAPS_MAX *GAP_SIZE_MAX + HEAD_MAX + DIGEST_ITEM_SIZE < BATCH_SIZE_MAX,
               "gaps always fit");

static size_t hash_size(enum batch_kind kind)
{
    return kind == BATCH_READINGS ? CATALOG_HASH_SIZE : 0;
}

static uint32_t count_max(enum batch_kind kind)
{
    return kind == BATCH_READINGS ? BATCH_READINGS_MAX : BATCH_GAPS_MAX;
}

static void put_batch(struct wire_writer *writer, const struct batch_view *view)
{
    cbor_put_array(writer, BATCH_ITEMS);
    cbor_put_uint(writer, BATCH_FORMAT);
    cbor_put_uint(writer, view->kind);
    cbor_put_bytes(writer, view->identity.epoch, BATCH_EPOCH_SIZE);
    cbor_put_uint(writer, view->identity.sequence);
    cbor_put_bytes(writer, view->catalog_hash, hash_size(view->kind));
    cbor_put_uint(writer, view->count);
    cbor_put_uint(writer, (uint64_t)view->first_us);
    cbor_put_uint(writer, (uint64_t)view->last_us);
    cbor_put_bool(writer, view->compressed);
    cbor_put_uint(writer, view->body_size);
    cbor_put_bytes(writer, view->body.data, view->body.size);
}

static enum err no_room(const struct buffer *out, size_t needed)
{
    return needed > out->limit - out->size ? ERR_LIMIT : ERR_NO_MEMORY;
}

enum err batch_seal(const struct batch_view *view, struct buffer *out)
{
    size_t bound = HEAD_MAX + view->body.size + DIGEST_ITEM_SIZE;
    if (view->identity.sequence == 0 || view->count == 0 || view->count > count_max(view->kind) ||
        bound > BATCH_SIZE_MAX || view->body_size > BATCH_BODY_MAX) {
        return ERR_LIMIT;
    }
    uint8_t *space = buffer_reserve(out, bound);
    if (!space) {
        return no_room(out, bound);
    }
    struct wire_writer writer = wire_writer(space, bound);
    put_batch(&writer, view);
    uint8_t digest[DIGEST_SIZE];
    enum err err = digest_sha256((struct bytes){.data = space, .size = wire_written(&writer)}, digest);
    if (err != ERR_OK) {
        return err;
    }
    cbor_put_bytes(&writer, digest, BATCH_DIGEST_SIZE);
    buffer_commit(out, wire_written(&writer));
    return ERR_OK;
}

static void take_batch(struct cbor_cursor *cursor, struct batch_view *view)
{
    view->kind = (enum batch_kind)cbor_take_uint(cursor, BATCH_READINGS, BATCH_GAPS);
    cbor_take_fixed(cursor, view->identity.epoch, BATCH_EPOCH_SIZE);
    view->identity.sequence = cbor_take_uint(cursor, 1, UINT64_MAX);
    cbor_take_fixed(cursor, view->catalog_hash, hash_size(view->kind));
    view->count = (uint32_t)cbor_take_uint(cursor, 1, count_max(view->kind));
    view->first_us = (int64_t)cbor_take_uint(cursor, 0, BATCH_TIME_MAX_US);
    view->last_us = (int64_t)cbor_take_uint(cursor, 0, BATCH_TIME_MAX_US);
    view->compressed = cbor_take_bool(cursor);
    view->body_size = cbor_take_uint(cursor, 1, BATCH_BODY_MAX);
    view->body = cbor_take_bytes(cursor, 1, BATCH_SIZE_MAX);
    cbor_take_fixed(cursor, view->digest, BATCH_DIGEST_SIZE);
}

/* A body is compressed only where that makes it shorter, and gaps never are. */
static bool sizes_agree(const struct batch_view *view)
{
    if (!view->compressed) {
        return view->body.size == view->body_size;
    }
    return view->kind == BATCH_READINGS && view->body.size < view->body_size;
}

static enum err check_digest(const struct batch_view *view, struct err_text *why)
{
    uint8_t digest[DIGEST_SIZE];
    struct bytes covered = {.data = view->encoded.data, .size = view->encoded.size - DIGEST_ITEM_SIZE};
    enum err err = digest_sha256(covered, digest);
    if (err != ERR_OK) {
        return err_set(why, err, "batch: out of memory");
    }
    bool same = memcmp(digest, view->digest, BATCH_DIGEST_SIZE) == 0;
    return same ? ERR_OK : err_set(why, ERR_CORRUPT, "batch: the digest is not that of the bytes");
}

enum err batch_open(struct bytes encoded, struct batch_view *view, struct err_text *why)
{
    *view = (struct batch_view){.encoded = encoded};
    if (encoded.size > BATCH_SIZE_MAX) {
        return err_set(why, ERR_LIMIT, "batch of %zu bytes: more than %d", encoded.size, BATCH_SIZE_MAX);
    }
    struct cbor_cursor cursor = cbor_cursor(encoded);
    cbor_take_array(&cursor, BATCH_ITEMS, BATCH_ITEMS);
    uint64_t format = cbor_take_uint(&cursor, 0, UINT64_MAX);
    if (!cursor.failed && format != BATCH_FORMAT) {
        return err_set(why, ERR_VERSION, "batch of format %llu", (unsigned long long)format);
    }
    take_batch(&cursor, view);
    if (!cbor_cursor_done(&cursor) || !sizes_agree(view)) {
        return err_set(why, ERR_MALFORMED, "batch: the head is malformed");
    }
    return check_digest(view, why);
}

static bool gap_is_sound(const struct gap *gap)
{
    bool no_batches = gap->first_sequence == 0 && gap->last_sequence == 0;
    bool batches = gap->first_sequence > 0 && gap->first_sequence <= gap->last_sequence;
    size_t link_size = strnlen(gap->link, sizeof gap->link);
    bool link = link_size < sizeof gap->link && text_is_printable(gap->link, link_size);
    return link && gap->reason >= GAP_SPOOL_FULL && gap->reason <= GAP_REASON_MAX &&
           (no_batches || batches) && batch_is_time(gap->from_us) && batch_is_time(gap->to_us) &&
           gap->from_us <= gap->to_us;
}

static void put_gap(struct wire_writer *writer, const struct gap *gap)
{
    cbor_put_array(writer, GAP_ITEMS);
    cbor_put_uint(writer, gap->reason);
    cbor_put_uint(writer, gap->first_sequence);
    cbor_put_uint(writer, gap->last_sequence);
    cbor_put_uint(writer, gap->readings);
    cbor_put_uint(writer, (uint64_t)gap->from_us);
    cbor_put_uint(writer, (uint64_t)gap->to_us);
    cbor_put_text(writer, gap->link, strnlen(gap->link, sizeof gap->link));
}

/* Unknown times (0) say nothing about the range. */
static void widen(struct batch_view *view, const struct gap *gap)
{
    if (gap->from_us > 0 && (view->first_us == 0 || gap->from_us < view->first_us)) {
        view->first_us = gap->from_us;
    }
    if (gap->to_us > view->last_us) {
        view->last_us = gap->to_us;
    }
}

const char *gap_reason_name(enum gap_reason reason)
{
    static const char *const names[] = {
        [GAP_SPOOL_FULL] = "spool_full", [GAP_SPOOL_DAMAGED] = "spool_damaged",
        [GAP_SPOOL_AGE] = "spool_age",   [GAP_NOT_POLLED] = "not_polled",
        [GAP_RESTORED] = "restored",     [GAP_INTERRUPTED] = "interrupted"};
    return reason >= GAP_SPOOL_FULL && reason <= GAP_REASON_MAX ? names[reason] : "unknown";
}

enum err batch_encode_gaps(const struct gap *gaps, size_t count, const struct batch_identity *identity,
                           struct buffer *out)
{
    if (count == 0 || count > BATCH_GAPS_MAX) {
        return ERR_LIMIT;
    }
    struct batch_view view = {.kind = BATCH_GAPS, .identity = *identity, .count = (uint32_t)count};
    struct buffer body;
    buffer_init(&body, BATCH_SIZE_MAX);
    uint8_t *space = buffer_reserve(&body, HEAD_MAX + count * GAP_SIZE_MAX);
    if (!space) {
        return ERR_NO_MEMORY;
    }
    struct wire_writer writer = wire_writer(space, HEAD_MAX + count * GAP_SIZE_MAX);
    cbor_put_array(&writer, count);
    enum err err = ERR_OK;
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        put_gap(&writer, &gaps[i]);
        widen(&view, &gaps[i]);
        err = gap_is_sound(&gaps[i]) ? ERR_OK : ERR_MALFORMED;
    }
    view.body = (struct bytes){.data = space, .size = wire_written(&writer)};
    view.body_size = view.body.size;
    if (err == ERR_OK) {
        err = batch_seal(&view, out);
    }
    buffer_fini(&body);
    return err;
}

static void take_gap(struct cbor_cursor *cursor, struct gap *gap)
{
    cbor_take_array(cursor, GAP_ITEMS, GAP_ITEMS);
    gap->reason = (enum gap_reason)cbor_take_uint(cursor, GAP_SPOOL_FULL, GAP_REASON_MAX);
    gap->first_sequence = cbor_take_uint(cursor, 0, UINT64_MAX);
    gap->last_sequence = cbor_take_uint(cursor, 0, UINT64_MAX);
    gap->readings = cbor_take_uint(cursor, 0, UINT64_MAX);
    gap->from_us = (int64_t)cbor_take_uint(cursor, 0, BATCH_TIME_MAX_US);
    gap->to_us = (int64_t)cbor_take_uint(cursor, 0, BATCH_TIME_MAX_US);
    struct bytes link = cbor_take_text(cursor, 0, CATALOG_LINK_MAX);
    memset(gap->link, 0, sizeof gap->link);
    if (link.size > 0) {
        memcpy(gap->link, link.data, link.size);
    }
}

enum err batch_decode_gaps(const struct batch_view *view, struct gap *gaps, size_t capacity, size_t *count,
                           struct err_text *why)
{
    *count = 0;
    if (view->kind != BATCH_GAPS) {
        return err_set(why, ERR_MALFORMED, "batch: not one of gaps");
    }
    if (gaps && view->count > capacity) {
        return err_set(why, ERR_LIMIT, "batch of %u gaps: room for %zu", view->count, capacity);
    }
    struct cbor_cursor cursor = cbor_cursor(view->body);
    struct batch_view range = {0};
    cbor_take_array(&cursor, view->count, view->count);
    for (size_t i = 0; i < view->count; i++) {
        struct gap gap;
        take_gap(&cursor, &gap);
        if (cursor.failed || !gap_is_sound(&gap)) {
            return err_set(why, ERR_MALFORMED, "batch: gap %zu is malformed", i);
        }
        widen(&range, &gap);
        if (gaps) {
            gaps[i] = gap;
        }
    }
    if (!cbor_cursor_done(&cursor) || range.first_us != view->first_us || range.last_us != view->last_us) {
        return err_set(why, ERR_MALFORMED, "batch: the gaps are not those of the head");
    }
    *count = view->count;
    return ERR_OK;
}
