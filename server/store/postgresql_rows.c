#include "store/postgresql_rows.h"

#include "tunnel/batch_decoder.h"
#include "tunnel/value.h"

#include <stdlib.h>

enum { CHUNK = 1024 * 1024, COLUMNS = 8 };
#define EXACT_MAX (UINT64_C(1) << 53) /* every whole number up to it is a double */

struct postgresql_rows {
    struct pg *pg;
    struct batch_decoder *decoder;
    struct buffer out;
    struct pg_row_writer writer;
    /* of the batch at hand */
    const struct batch_view *view;
    const struct postgresql_tags *tags;
    int32_t stream;
    struct err_text *why;
};

struct postgresql_rows *postgresql_rows_new(struct pg *pg)
{
    struct postgresql_rows *rows = calloc(1, sizeof *rows);
    if (!rows) {
        return NULL;
    }
    rows->pg = pg;
    rows->decoder = batch_decoder_new();
    rows->writer.out = &rows->out;
    buffer_init(&rows->out, 2 * (size_t)CHUNK);
    if (!rows->decoder) {
        postgresql_rows_free(rows);
        return NULL;
    }
    return rows;
}

void postgresql_rows_free(struct postgresql_rows *rows)
{
    if (rows) {
        batch_decoder_free(rows->decoder);
        buffer_fini(&rows->out);
        free(rows);
    }
}

/* ---- values ---- */

static void put_text(struct pg_row_writer *writer, const struct value *value)
{
    char text[VALUE_TEXT_MAX];
    pg_field_text(writer, value_text(value, text));
}

/* Columns value and text. */
static void put_value(struct pg_row_writer *writer, const struct value *value)
{
    bool is_int = value->form == VALUE_FORM_INT;
    uint64_t size = is_int && value->as.i64 < 0 ? -(uint64_t)value->as.i64 : value->as.u64;
    bool inexact = (is_int || value->form == VALUE_FORM_UINT) && size > EXACT_MAX;
    if (value->form == VALUE_FORM_NONE || value->form == VALUE_FORM_TEXT) {
        pg_field_null(writer);
    } else {
        pg_field_double(writer, value_number(value));
    }
    if (value->form == VALUE_FORM_TEXT || inexact) {
        put_text(writer, value);
    } else {
        pg_field_null(writer);
    }
}

/* ---- rows ---- */

static enum err send_chunk(struct postgresql_rows *rows, struct err_text *why)
{
    if (rows->writer.err != ERR_OK) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    enum err result = pg_copy_put(rows->pg, buffer_bytes(&rows->out), why);
    buffer_clear(&rows->out);
    return result;
}

static enum err put_reading(void *owner, const struct reading *reading)
{
    struct postgresql_rows *rows = owner;
    struct pg_row_writer *writer = &rows->writer;
    struct value value = {.form = VALUE_FORM_NONE};
    if (reading->word_count > 0) {
        enum err result = value_decode(catalog_tag(rows->tags->catalog, reading->tag), reading->words,
                                       reading->word_count, &value);
        value.form = result == ERR_OK ? value.form : VALUE_FORM_NONE;
    }
    pg_row(writer, COLUMNS);
    pg_field_time(writer, reading->response_us);
    pg_field_time(writer, reading->request_us);
    pg_field_i64(writer, (int64_t)rows->view->identity.sequence);
    pg_field_i32(writer, rows->tags->ids[reading->tag]);
    pg_field_i32(writer, rows->stream);
    pg_field_i16(writer, (int16_t)reading->quality);
    put_value(writer, &value);
    return rows->out.size < CHUNK ? ERR_OK : send_chunk(rows, rows->why);
}

enum err postgresql_rows_begin(struct postgresql_rows *rows, struct err_text *why)
{
    buffer_clear(&rows->out);
    rows->writer.err = ERR_OK;
    pg_rows_begin(&rows->writer);
    return pg_copy_begin(rows->pg,
                         "COPY reading (time, request, seq, tag, stream, quality, value, text)"
                         " FROM STDIN (FORMAT binary)",
                         why);
}

enum err postgresql_rows_put(struct postgresql_rows *rows, const struct batch_view *view,
                             const struct postgresql_tags *tags, int32_t stream, struct err_text *why)
{
    const struct batch_visitor visitor = {.owner = rows, .reading = put_reading};
    rows->view = view;
    rows->tags = tags;
    rows->stream = stream;
    rows->why = why;
    return batch_decode(rows->decoder, view, tags->catalog, &visitor, why);
}

enum err postgresql_rows_end(struct postgresql_rows *rows, struct err_text *why)
{
    pg_rows_end(&rows->writer);
    enum err result = send_chunk(rows, why);
    return result == ERR_OK ? pg_copy_end(rows->pg, why) : result;
}
