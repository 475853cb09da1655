#include "spool/spool_verb.h"

#include "base/array.h"
#include "spool/spool_file.h"
#include "spool/unpack.h"
#include "tunnel/value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One batch with everything that is known of it. */
struct dumped {
    const char *state; /* "waiting", "quarantined" */
    const char *text;  /* why it does not wait */
    uint64_t seq;
    int64_t spooled_us, moved_us; /* to the quarantine; 0 = not there */
    struct bytes encoded, catalog;
};

struct dump {
    const struct spool_request *request;
    struct spool_file file;
    struct unpack *unpack;
    struct output *output; /* of what is shown now */
    uint64_t found;
    bool *sound;
};

static void show_hex(struct output *output, const uint8_t *bytes, size_t size)
{
    char text[2 * CATALOG_HASH_SIZE + 1] = "";
    for (size_t i = 0; i < size && i < CATALOG_HASH_SIZE; i++) {
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    }
    output_text(output, text);
}

/* ---- the head ---- */

static const struct output_column head_columns[] = {
    {.name = "part", .width = 5},
    {.name = "seq", .width = 8, .right = true},
    {.name = "state", .width = 11},
    {.name = "kind", .width = 8},
    {.name = "count", .width = 7, .right = true},
    {.name = "bytes", .width = 8, .right = true},
    {.name = "unpacked", .width = 8, .right = true},
    {.name = "read", .width = 23},
    {.name = "read_until", .width = 23},
    {.name = "spooled", .width = 23},
    {.name = "quarantined", .width = 23, .audience = OUTPUT_MACHINES},
    {.name = "epoch", .width = 32},
    {.name = "catalog", .width = 64, .audience = OUTPUT_MACHINES},
    {.name = "digest", .width = 32},
    {.name = "text", .width = 0},
};

static enum err show_head(struct dump *dump, const struct dumped *batch, const struct batch_view *view,
                          struct err_text *why)
{
    struct output output =
        output_start(stdout, dump->request->format, head_columns, ARRAY_LENGTH(head_columns));
    output_text(&output, "batch");
    output_u64(&output, batch->seq);
    output_toned(&output, batch->state, batch->moved_us != 0 ? OUTPUT_ALARM : OUTPUT_PLAIN);
    output_text(&output, view->kind == BATCH_GAPS ? "gaps" : "readings");
    output_u64(&output, view->count);
    output_u64(&output, batch->encoded.size);
    output_u64(&output, view->body_size);
    output_time(&output, view->first_us);
    output_time(&output, view->last_us);
    output_time(&output, batch->spooled_us);
    output_time(&output, batch->moved_us);
    show_hex(&output, view->identity.epoch, BATCH_EPOCH_SIZE);
    show_hex(&output, view->catalog_hash, CATALOG_HASH_SIZE);
    show_hex(&output, view->digest, BATCH_DIGEST_SIZE);
    output_text(&output, batch->text);
    output_end_row(&output);
    return spool_finish(&output, ERR_OK, why);
}

/* ---- the catalog ---- */

static const struct output_column tag_columns[] = {
    {.name = "part", .width = 5},
    {.name = "tag", .width = 32},
    {.name = "unit", .width = 6},
    {.name = "link", .width = 12},
    {.name = "unit_id", .width = 7, .right = true},
    {.name = "table", .width = 8},
    {.name = "address", .width = 7, .right = true},
    {.name = "type", .width = 8},
    {.name = "order", .width = 5},
    {.name = "words", .width = 5, .right = true},
    {.name = "bit", .width = 3, .right = true},
    {.name = "scale", .width = 12, .right = true},
    {.name = "offset", .width = 12, .right = true},
    {.name = "priority", .width = 8, .right = true},
};

static void show_double(struct output *output, double number)
{
    const struct value value = {.form = VALUE_FORM_FLOAT, .as.f64 = number};
    char text[VALUE_TEXT_MAX];
    output_number(output, value_text(&value, text));
}

static void show_tag(struct output *output, const struct catalog_tag *tag)
{
    static const char *const tables[] = {"", "coil", "discrete", "input", "holding"};
    static const char *const types[] = {"",       "bool",    "int16",   "uint16", "int32", "uint32", "int64",
                                        "uint64", "float32", "float64", "bcd16",  "bcd32", "string"};
    static const char *const orders[] = {"ABCD", "CDAB", "BADC", "DCBA"};
    output_text(output, "tag");
    output_text(output, tag->name);
    output_text(output, tag->unit);
    output_text(output, tag->link);
    output_u64(output, tag->unit_id);
    output_text(output, tables[tag->table]);
    output_u64(output, tag->address);
    output_text(output, types[tag->type]);
    output_text(output, orders[tag->order & 3]);
    output_u64(output, tag->words);
    output_u64(output, tag->bit);
    show_double(output, tag->scale);
    show_double(output, tag->offset);
    output_u64(output, tag->priority);
    output_end_row(output);
}

static enum err show_catalog(struct dump *dump, const struct catalog *catalog, struct err_text *why)
{
    struct output output =
        output_start(stdout, dump->request->format, tag_columns, ARRAY_LENGTH(tag_columns));
    for (size_t i = 0; i < catalog_count(catalog) && !ferror(stdout); i++) {
        show_tag(&output, catalog_tag(catalog, i));
    }
    return spool_finish(&output, ERR_OK, why);
}

/* ---- readings ---- */

static const struct output_column reading_columns[] = {
    {.name = "part", .width = 7},
    {.name = "time", .width = 23},
    {.name = "request_time", .width = 23, .audience = OUTPUT_MACHINES},
    {.name = "tag", .width = 32},
    {.name = "value", .width = 14, .right = true},
    {.name = "unit", .width = 6},
    {.name = "quality", .width = 16},
    {.name = "words", .width = 0},
};

static void show_reading(void *owner, const struct catalog_tag *tag, const struct reading *reading)
{
    struct output *output = ((struct dump *)owner)->output;
    char words[5 * READING_WORDS_MAX + 1] = "";
    for (size_t i = 0; i < reading->word_count; i++) {
        snprintf(words + 5 * i, 6, "%04x ", reading->words[i]);
    }
    words[reading->word_count > 0 ? 5 * reading->word_count - 1 : 0] = '\0';
    output_text(output, "reading");
    output_time(output, reading->response_us);
    output_time(output, reading->request_us);
    output_text(output, tag->name);
    unpack_show_value(output, tag, reading);
    output_text(output, tag->unit);
    output_toned(output, quality_token(reading->quality),
                 quality_has_value(reading->quality) ? OUTPUT_PLAIN : OUTPUT_ALARM);
    output_text(output, words);
    output_end_row(output);
}

static enum err show_readings(struct dump *dump, const struct dumped *batch, const struct batch_view *view,
                              struct err_text *why)
{
    const struct catalog *catalog = NULL;
    const struct unpack_visitor visitor = {.owner = dump, .reading = show_reading};
    enum err result = unpack_catalog(dump->unpack, batch->catalog, view->catalog_hash, &catalog, why);
    if (result == ERR_OK) {
        result = show_catalog(dump, catalog, why);
    }
    if (result != ERR_OK) {
        return result;
    }
    struct output output =
        output_start(stdout, dump->request->format, reading_columns, ARRAY_LENGTH(reading_columns));
    dump->output = &output;
    result = unpack_readings(dump->unpack, view, &visitor, why);
    return spool_finish(&output, result, why);
}

/* ---- gaps ---- */

static const struct output_column gap_columns[] = {
    {.name = "part", .width = 5},
    {.name = "reason", .width = 14},
    {.name = "first_seq", .width = 9, .right = true},
    {.name = "last_seq", .width = 9, .right = true},
    {.name = "readings", .width = 9, .right = true},
    {.name = "from", .width = 23},
    {.name = "to", .width = 23},
    {.name = "link", .width = 0},
};

static void show_gap(struct output *output, const struct gap *gap)
{
    output_text(output, "gap");
    output_text(output, gap_reason_name(gap->reason));
    output_u64(output, gap->first_sequence);
    output_u64(output, gap->last_sequence);
    output_u64(output, gap->readings);
    output_time(output, gap->from_us);
    output_time(output, gap->to_us);
    output_text(output, gap->link);
    output_end_row(output);
}

static enum err show_gaps(struct dump *dump, const struct batch_view *view, struct err_text *why)
{
    struct gap *gaps = calloc(BATCH_GAPS_MAX, sizeof *gaps);
    size_t count = 0;
    enum err result = gaps ? batch_decode_gaps(view, gaps, BATCH_GAPS_MAX, &count, why)
                           : err_set(why, ERR_NO_MEMORY, "out of memory");
    struct output output =
        output_start(stdout, dump->request->format, gap_columns, ARRAY_LENGTH(gap_columns));
    for (size_t i = 0; result == ERR_OK && i < count; i++) {
        show_gap(&output, &gaps[i]);
    }
    free(gaps);
    return spool_finish(&output, result, why);
}

/* ---- finding it ---- */

static enum err show_batch(struct dump *dump, const struct dumped *batch, struct err_text *why)
{
    struct batch_view view;
    struct err_text damage = {0};
    dump->found++;
    if (batch_open(batch->encoded, &view, &damage) != ERR_OK) {
        *dump->sound = false;
        fprintf(stderr, "bourdon spool: batch %" PRIu64 " (%s, %s) is damaged: %s\n", batch->seq,
                batch->state, batch->text, damage.text);
        return ERR_OK;
    }
    enum err result = show_head(dump, batch, &view, why);
    if (result != ERR_OK) {
        return result;
    }
    return view.kind == BATCH_GAPS ? show_gaps(dump, &view, why) : show_readings(dump, batch, &view, why);
}

static enum err waiting(void *owner, const struct spool_batch *batch, struct err_text *why)
{
    struct dumped dumped = {.state = "waiting",
                            .text = "",
                            .seq = batch->seq,
                            .spooled_us = batch->spooled_us,
                            .encoded = spool_batch_bytes(batch)};
    if (batch->catalog) {
        dumped.catalog = (struct bytes){.data = batch->catalog->encoded, .size = batch->catalog->size};
    }
    return show_batch(owner, &dumped, why);
}

static enum err damaged(void *owner, const struct backlog_damage *damage, struct err_text *why)
{
    struct dump *dump = owner;
    (void)why;
    dump->found++;
    *dump->sound = false;
    fprintf(stderr, "bourdon spool: batch %" PRIu64 " is damaged: %s\n", damage->seq, damage->why.text);
    return ERR_OK;
}

static enum err dump_quarantined(struct dump *dump, struct err_text *why)
{
    static const char query[] =
        "SELECT spooled_us, quarantined_us, text, quarantine.encoded, catalog.encoded FROM quarantine"
        " LEFT JOIN catalog ON catalog.id = quarantine.catalog WHERE seq = ?1 ORDER BY quarantine.id";
    sqlite3_stmt *row = NULL;
    bool more = true;
    enum err result = db_prepare(dump->file.db, query, &row, why);
    if (result == ERR_OK) {
        sqlite3_bind_int64(row, 1, (sqlite3_int64)dump->request->seq);
    }
    while (result == ERR_OK && more) {
        result = db_step(dump->file.db, row, &more, why);
        if (result != ERR_OK || !more) {
            break;
        }
        const struct dumped dumped = {.state = "quarantined",
                                      .text = (const char *)sqlite3_column_text(row, 2),
                                      .seq = dump->request->seq,
                                      .spooled_us = sqlite3_column_int64(row, 0),
                                      .moved_us = sqlite3_column_int64(row, 1),
                                      .encoded = db_column_bytes(row, 3),
                                      .catalog = db_column_bytes(row, 4)};
        result = show_batch(dump, &dumped, why);
    }
    return result;
}

static enum err dump_all(struct dump *dump, struct err_text *why)
{
    const struct spool_visitor visitor = {.owner = dump, .batch = waiting, .damaged = damaged};
    uint64_t seq = dump->request->seq;
    enum err result = spool_file_walk(&dump->file, seq, seq, &visitor, why);
    if (result == ERR_OK) {
        result = dump_quarantined(dump, why);
    }
    if (result == ERR_OK && dump->found == 0) {
        bool to_come = seq >= dump->file.state.next_seq;
        result = err_set(why, ERR_NOT_FOUND, "%s: batch %" PRIu64 " neither waits nor is it quarantined: %s",
                         dump->request->path, seq,
                         to_come ? "it was not made yet; \"bourdon spool list\" shows those that were"
                                 : "\"bourdon where\" tells what became of it");
    }
    return result;
}

enum err spool_dump(const struct spool_request *request, bool *sound, struct err_text *why)
{
    struct dump dump = {.request = request, .sound = sound};
    enum err result = spool_file_open(request->path, &dump.file, why);
    if (result == ERR_OK) {
        dump.unpack = unpack_new();
        result = dump.unpack ? dump_all(&dump, why) : err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    unpack_free(dump.unpack);
    spool_file_close(&dump.file);
    return result;
}
