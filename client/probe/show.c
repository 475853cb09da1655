#include "probe/show.h"

#include "base/array.h"
#include "base/clock.h"
#include "probe/guess.h"
#include "tunnel/tag_words.h"
#include "tunnel/value.h"

#include <math.h>
#include <string.h>

enum { REFERENCE_SHORT_MAX = 9999, HEX_MAX = 24 };

enum kind { REGISTERS, VALUES, ORDERS };

/* ---- cells ---- */

static void put_place(struct output *output, const struct probe_sample *sample, uint32_t offset)
{
    static const char digits[] = {
        [TABLE_COIL] = '0', [TABLE_DISCRETE] = '1', [TABLE_INPUT] = '3', [TABLE_HOLDING] = '4'};
    uint32_t address = sample->span->address + offset;
    char reference[16];
    snprintf(reference, sizeof reference, "%c%0*u", digits[sample->span->table],
             address < REFERENCE_SHORT_MAX ? 4 : 5, address + 1);
    output_time(output, sample->response_us);
    output_u64(output, address);
    output_text(output, reference); /* text: its leading 0 says which table */
}

static void put_hex(struct output *output, const uint16_t *words, size_t count)
{
    char text[HEX_MAX] = "";
    for (size_t i = 0; i < count && i * 5 + 5 < sizeof text; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%04x", i > 0 ? " " : "", words[i]);
    }
    output_text(output, text);
}

static void put_value(struct output *output, const struct catalog_tag *tag, const uint16_t *words,
                      bool marked)
{
    struct value value;
    char text[VALUE_TEXT_MAX + 2];
    if (value_decode(tag, words, tag->words, &value) != ERR_OK) {
        output_none(output);
        return;
    }
    value_text(&value, text);
    bool bare = value.form != VALUE_FORM_TEXT && isfinite(value_number(&value));
    if (marked && output->format == OUTPUT_TABLE) {
        output_toned(output, text, OUTPUT_GOOD);
    } else if (bare) {
        output_number(output, text);
    } else {
        output_text(output, text);
    }
}

static struct catalog_tag tag_of(const struct probe_sample *sample, enum value_type type, uint8_t order)
{
    uint8_t words = value_type_words(type);
    return (struct catalog_tag){
        .table = sample->span->table,
        .type = type,
        .order = order,
        .words = words ? words : (uint8_t)sample->span->quantity,
        .scale = 1,
    };
}

/* ---- rows ---- */

static void register_row(struct output *output, uint16_t word)
{
    char text[3] = {(char)(word >> 8), (char)(word & 0xff), '\0'};
    for (size_t i = 0; i < 2; i++) {
        text[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '.';
    }
    put_hex(output, &word, 1);
    output_u64(output, word);
    output_i64(output, (int16_t)word);
    output_text(output, text);
}

static void order_row(struct output *output, const struct probe_sample *sample, uint32_t at,
                      const struct guess *guess)
{
    struct catalog_tag tag = tag_of(sample, guess->type, 0);
    put_hex(output, sample->words + at, tag.words);
    for (tag.order = 0; tag.order < GUESS_ORDERS; tag.order++) {
        put_value(output, &tag, sample->words + at, guess->sure && guess->order == tag.order);
    }
    output_text(output, guess->sure ? tag_order_letters(guess->order, tag.words) : "");
}

/* Of a type without a guess only the order of the view counts. */
static void put_rows(struct output *output, enum kind kind, const struct probe_sample *sample,
                     const struct probe_view *view, const struct guess *guess)
{
    enum value_type type = target_is_bits(sample->span->table) ? VALUE_BOOL : view->type;
    const struct catalog_tag tag = tag_of(sample, kind == REGISTERS ? VALUE_UINT16 : type, view->order);
    uint32_t step = kind == ORDERS ? value_type_words(guess->type) : tag.words;
    for (uint32_t at = 0; at + step <= sample->span->quantity; at += step) {
        put_place(output, sample, at);
        if (kind == REGISTERS) {
            register_row(output, sample->words[at]);
        } else if (kind == ORDERS) {
            order_row(output, sample, at, guess);
        } else {
            put_value(output, &tag, sample->words + at, false);
        }
        output_end_row(output);
    }
}

/* ---- columns ---- */

static void add_column(struct show_columns *columns, const char *name, int width, bool right)
{
    columns->all[columns->count++] = (struct output_column){.name = name, .width = width, .right = right};
}

/* For people the likely order bears a star. */
static void add_orders(struct show_columns *columns, const struct guess *guess, bool starred)
{
    size_t words = value_type_words(guess->type);
    add_column(columns, "hex", words == 4 ? 19 : 9, false);
    for (uint8_t order = 0; order < GUESS_ORDERS; order++) {
        bool star = starred && guess->sure && guess->order == order;
        snprintf(columns->names[order], sizeof columns->names[order], "%s%s", star ? "* " : "",
                 tag_order_letters(order, words));
        add_column(columns, columns->names[order], words == 4 ? 21 : 13, true);
    }
    add_column(columns, "likely", 0, false);
    columns->all[columns->count - 1].audience = OUTPUT_MACHINES;
}

static void make_columns(struct show_columns *columns, enum kind kind, const struct guess *guess,
                         bool starred)
{
    columns->count = 0;
    add_column(columns, "time", 23, false);
    columns->all[0].audience = OUTPUT_MACHINES;
    add_column(columns, "address", 7, true);
    add_column(columns, "reference", 9, true);
    if (kind == REGISTERS) {
        add_column(columns, "hex", 4, false);
        add_column(columns, "uint16", 6, true);
        add_column(columns, "int16", 6, true);
        add_column(columns, "text", 4, false);
    } else if (kind == ORDERS) {
        add_orders(columns, guess, starred);
    } else {
        add_column(columns, "value", 22, true);
    }
}

/* ---- rounds ---- */

static enum kind kind_of(const struct probe_view *view, enum table table)
{
    if (target_is_bits(table) || view->ordered) {
        return VALUES;
    }
    return view->raw ? REGISTERS : ORDERS;
}

static bool show_table(enum kind kind, const struct probe_sample *sample, const struct probe_view *view,
                       const struct guess *guess)
{
    struct show_columns columns;
    char text[GUESS_TEXT_MAX];
    make_columns(&columns, kind, guess, true);
    if (kind == ORDERS) {
        printf("\n%s\n", guess_text(guess, text));
    }
    struct output output = output_start(stdout, OUTPUT_TABLE, columns.all, columns.count);
    put_rows(&output, kind, sample, view, guess);
    return output_finish(&output);
}

/* Every 32- and 64-bit type that fits. */
static bool show_every_order(const struct probe_sample *sample, const struct probe_view *view)
{
    static const enum value_type types[] = {VALUE_FLOAT32, VALUE_INT32, VALUE_FLOAT64, VALUE_INT64};
    bool written = true;
    for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
        if (sample->span->quantity >= value_type_words(types[i])) {
            const struct guess guess = guess_order(types[i], sample->words, sample->span->quantity);
            written &= show_table(ORDERS, sample, view, &guess);
        }
    }
    return written;
}

static void print_head(const struct probe_sample *sample)
{
    char duration[OUTPUT_DURATION_MAX];
    char when[CLOCK_TEXT_MAX];
    const struct plc_span *span = sample->span;
    printf("unit %u, %s %u to %u, at %s in %s\n", span->unit, tag_word_name(tag_tables, (int)span->table),
           span->address, span->address + span->quantity - 1, clock_format(sample->response_us, when),
           output_duration_text(sample->response_us - sample->request_us, duration));
}

struct show show_start(enum output_format format, const struct probe_view *view)
{
    return (struct show){.format = format, .view = *view};
}

bool show_round(struct show *show, const struct probe_sample *sample)
{
    enum kind kind = kind_of(&show->view, sample->span->table);
    struct guess guess = {.type = show->view.type};
    if (kind == ORDERS) {
        guess = guess_order(show->view.type, sample->words, sample->span->quantity);
    }
    if (show->format == OUTPUT_TABLE) {
        print_head(sample);
        bool written = show_table(kind, sample, &show->view, &guess);
        return kind == REGISTERS ? show_every_order(sample, &show->view) && written : written;
    }
    if (!show->streaming) {
        make_columns(&show->columns, kind, &guess, false);
        show->stream = output_start(stdout, show->format, show->columns.all, show->columns.count);
        show->streaming = true;
    }
    put_rows(&show->stream, kind, sample, &show->view, &guess);
    return fflush(stdout) == 0;
}

bool show_finish(struct show *show)
{
    return show->streaming ? output_finish(&show->stream) : fflush(stdout) == 0;
}
