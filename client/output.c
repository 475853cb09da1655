#include "output.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "terminal_text.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 * 1024, CELL_MAX = 1024 };

bool output_format_parse(const char *text, enum output_format *format)
{
    static const struct {
        const char *name;
        enum output_format format;
    } formats[] = {
        {"table", OUTPUT_TABLE}, {"csv", OUTPUT_CSV}, {"json", OUTPUT_JSON}, {"jsonl", OUTPUT_JSON}};
    for (size_t i = 0; i < ARRAY_LENGTH(formats); i++) {
        if (!text || strcmp(text, formats[i].name) == 0) {
            *format = formats[i].format;
            return true;
        }
    }
    return false;
}

static bool is_shown(const struct output *output, const struct output_column *column)
{
    enum output_audience other = output->format == OUTPUT_TABLE ? OUTPUT_MACHINES : OUTPUT_PEOPLE;
    return column->audience != other;
}

/* A line that passes its limit is cut: LINE_MAX_BYTES is far above any row of ours. */
static void put(struct output *output, const char *text, size_t size)
{
    (void)!buffer_append(&output->line, text, size);
}

static void put_text(struct output *output, const char *text)
{
    put(output, text, strlen(text));
}

static void put_spaces(struct output *output, int count)
{
    static const char spaces[] = "                                ";
    for (; count > 0; count -= (int)sizeof spaces - 1) {
        put(output, spaces, (size_t)count < sizeof spaces - 1 ? (size_t)count : sizeof spaces - 1);
    }
}

static void write_line(struct output *output)
{
    put(output, "\n", 1);
    struct bytes line = buffer_bytes(&output->line);
    fwrite(line.data, 1, line.size, output->file);
    buffer_clear(&output->line);
    output->cells = 0;
}

/* ---- tables ---- */

static void put_cell(struct output *output, const char *text, enum output_tone tone)
{
    static const char *const colours[] = {
        [OUTPUT_GOOD] = "\033[32m", [OUTPUT_NOTE] = "\033[33m", [OUTPUT_ALARM] = "\033[31m"};
    const struct output_column *column = &output->columns[output->column];
    const char *colour = output->colour ? colours[tone] : NULL;
    char safe[CELL_MAX];
    int padding = column->width - terminal_text_width(terminal_text_copy(text, safe, sizeof safe));
    put_spaces(output, output->cells++ > 0 ? 2 : 0);
    put_spaces(output, column->right ? padding : 0);
    put_text(output, colour ? colour : "");
    put_text(output, safe);
    put_text(output, colour ? "\033[0m" : "");
    put_spaces(output, column->right ? 0 : padding);
}

static void trim_and_write(struct output *output)
{
    struct bytes line = buffer_bytes(&output->line);
    while (line.size > 0 && line.data[line.size - 1] == ' ') {
        line.size--;
    }
    output->line.size = line.size;
    write_line(output);
}

static void put_table_head(struct output *output)
{
    for (output->column = 0; output->column < output->count; output->column++) {
        const struct output_column *column = &output->columns[output->column];
        char name[64];
        size_t size = 0;
        for (; column->name[size] && size < sizeof name - 1; size++) {
            name[size] = (char)toupper((unsigned char)column->name[size]);
        }
        name[size] = '\0';
        if (is_shown(output, column)) {
            put_cell(output, name, OUTPUT_PLAIN);
        }
    }
    trim_and_write(output);
    output->column = 0;
}

/* ---- CSV ---- */

static void put_csv(struct output *output, const char *text)
{
    if (output->cells++ > 0) {
        put(output, ",", 1);
    }
    if (!text[strcspn(text, ",\"\r\n")]) {
        put_text(output, text);
        return;
    }
    put(output, "\"", 1);
    for (const char *at = text; *at; at++) {
        put(output, "\"\"", *at == '"' ? 2 : 0);
        put(output, at, *at == '"' ? 0 : 1);
    }
    put(output, "\"", 1);
}

static void put_csv_head(struct output *output)
{
    for (size_t i = 0; i < output->count; i++) {
        if (is_shown(output, &output->columns[i])) {
            put_csv(output, output->columns[i].name);
        }
    }
    write_line(output);
}

/* ---- cells ---- */

struct output output_start(FILE *file, enum output_format format, const struct output_column *columns,
                           size_t count)
{
    struct output output = {.file = file, .format = format, .columns = columns, .count = count};
    output.colour = format == OUTPUT_TABLE && isatty(fileno(file)) == 1 && !getenv("NO_COLOR");
    buffer_init(&output.line, LINE_MAX_BYTES);
    if (format == OUTPUT_CSV && count > 0) {
        put_csv_head(&output);
    }
    return output;
}

static void begin_row(struct output *output)
{
    if (output->format == OUTPUT_TABLE && output->rows == 0) {
        put_table_head(output);
    }
    if (output->format == OUTPUT_JSON) {
        output->json = json_start(&output->line);
        json_object(&output->json, NULL);
    }
}

/* Comes first for every cell: its key in JSON, NULL if this cell is not for JSON. */
static const char *json_cell(struct output *output)
{
    if (output->column == 0) {
        begin_row(output);
    }
    const struct output_column *column = &output->columns[output->column];
    return output->format == OUTPUT_JSON && is_shown(output, column) ? column->name : NULL;
}

static void text_cell(struct output *output, const char *text, enum output_tone tone)
{
    const struct output_column *column = &output->columns[output->column];
    if (output->format == OUTPUT_TABLE && is_shown(output, column)) {
        put_cell(output, text, tone);
    } else if (output->format == OUTPUT_CSV && is_shown(output, column)) {
        put_csv(output, text);
    }
    output->column++;
}

void output_toned(struct output *output, const char *text, enum output_tone tone)
{
    const char *key = json_cell(output);
    if (key) {
        json_string(&output->json, key, text);
    }
    text_cell(output, text, tone);
}

void output_text(struct output *output, const char *text)
{
    output_toned(output, text, OUTPUT_PLAIN);
}

void output_number(struct output *output, const char *text)
{
    const char *key = json_cell(output);
    if (key) {
        json_key(&output->json, key);
        put_text(output, text);
    }
    text_cell(output, text, OUTPUT_PLAIN);
}

void output_u64(struct output *output, uint64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, value);
    output_number(output, text);
}

void output_i64(struct output *output, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    output_number(output, text);
}

void output_bool(struct output *output, bool value)
{
    output_number(output, value ? "true" : "false");
}

void output_none(struct output *output)
{
    const char *key = json_cell(output);
    if (key) {
        json_null(&output->json, key);
    }
    text_cell(output, output->format == OUTPUT_TABLE ? "-" : "", OUTPUT_PLAIN);
}

void output_time(struct output *output, int64_t wall_us)
{
    if (wall_us == 0) {
        output_none(output);
        return;
    }
    char text[CLOCK_TEXT_MAX];
    clock_format(wall_us, text);
    if (output->format == OUTPUT_TABLE) { /* 2026-01-31 23:59:59.123 */
        text[10] = ' ';
        text[23] = '\0';
    }
    output_text(output, text);
}

char *output_duration_text(int64_t us, char *text)
{
    static const struct {
        double factor;
        const char *unit;
    } units[] = {{1, "us"}, {1e3, "ms"}, {1e6, "s"}, {60e6, "min"}, {3600e6, "h"}, {86400e6, "d"}};
    static const double largest[] = {1000, 1000, 100, 100, 48};
    size_t at = 0;
    while (at < ARRAY_LENGTH(largest) && fabs((double)us) >= largest[at] * units[at].factor) {
        at++;
    }
    snprintf(text, OUTPUT_DURATION_MAX, "%.*f %s", at == 0 ? 0 : 1, (double)us / units[at].factor,
             units[at].unit);
    return text;
}

void output_duration(struct output *output, int64_t us)
{
    if (us == INT64_MIN) {
        output_none(output);
        return;
    }
    char text[OUTPUT_DURATION_MAX];
    if (output->format == OUTPUT_TABLE) {
        output_text(output, output_duration_text(us, text));
        return;
    }
    output_number(output, decimal_format((double)us / (double)CLOCK_US_PER_MS, text));
}

void output_end_row(struct output *output)
{
    if (output->format == OUTPUT_JSON) {
        json_object_end(&output->json);
        if (json_finish(&output->json) != ERR_OK) {
            buffer_clear(&output->line);
        }
    }
    if (output->format == OUTPUT_TABLE) {
        trim_and_write(output);
    } else {
        write_line(output);
    }
    output->column = 0;
    output->rows++;
}

bool output_finish(struct output *output)
{
    buffer_fini(&output->line);
    bool written = fflush(output->file) == 0 && !ferror(output->file);
    if (!written) {
        fputs("bourdon: the output could not be written\n", stderr);
    }
    return written;
}
