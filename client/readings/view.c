#include "readings/view.h"

#include "base/array.h"

#include <string.h>

static const struct output_column reading_columns[] = {
    {.name = "time", .width = 23},
    {.name = "bridge", .width = 12},
    {.name = "tag", .width = 32},
    {.name = "value", .width = 14, .right = true},
    {.name = "unit", .width = 6},
    {.name = "quality", .width = 16},
    {.name = "request_time", .width = 23, .audience = OUTPUT_MACHINES},
    {.name = "epoch", .width = 32, .audience = OUTPUT_MACHINES},
    {.name = "seq", .width = 8, .right = true, .audience = OUTPUT_MACHINES},
};

static const struct output_column bucket_columns[] = {
    {.name = "time", .width = 23},
    {.name = "bridge", .width = 12},
    {.name = "tag", .width = 32},
    {.name = "value", .width = 14, .right = true},
    {.name = "unit", .width = 6},
    {.name = "readings", .width = 8, .right = true},
    {.name = "without_value", .width = 13, .right = true},
};

struct output reading_view(FILE *file, enum output_format format)
{
    return output_start(file, format, reading_columns, ARRAY_LENGTH(reading_columns));
}

struct output bucket_view(FILE *file, enum output_format format)
{
    return output_start(file, format, bucket_columns, ARRAY_LENGTH(bucket_columns));
}

static void show_value(struct output *output, const char *text, bool is_number)
{
    if (!text) {
        output_none(output);
    } else if (is_number) {
        output_number(output, text);
    } else {
        output_text(output, text);
    }
}

void reading_view_show(struct output *output, const struct reading_line *line)
{
    bool bad = strncmp(line->quality, "bad", 3) == 0;
    bool good = strcmp(line->quality, "good") == 0;
    output_time(output, line->response_us);
    output_text(output, line->bridge);
    output_text(output, line->tag);
    show_value(output, line->text, line->is_number);
    output_text(output, line->unit);
    output_toned(output, line->quality, bad ? OUTPUT_ALARM : good ? OUTPUT_PLAIN : OUTPUT_NOTE);
    output_time(output, line->request_us);
    output_text(output, line->epoch);
    output_u64(output, line->seq);
    output_end_row(output);
}

void bucket_view_show(struct output *output, const struct bucket_line *line)
{
    output_time(output, line->start_us);
    output_text(output, line->bridge);
    output_text(output, line->tag);
    show_value(output, line->number, true);
    output_text(output, line->unit);
    output_u64(output, line->readings);
    output_u64(output, line->without_value);
    output_end_row(output);
}
