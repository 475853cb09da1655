#include "readings_buckets.h"

#include "base/array.h"
#include "base/decimal.h"

static const struct output_column columns[] = {
    {.name = "time", .width = 23},
    {.name = "bridge", .width = 12},
    {.name = "tag", .width = 32},
    {.name = "value", .width = 14, .right = true},
    {.name = "unit", .width = 6},
    {.name = "readings", .width = 8, .right = true},
    {.name = "without_value", .width = 13, .right = true},
};

static void show_row(struct output *output, const struct aggregate_row *row, enum aggregate_kind kind)
{
    char number[DECIMAL_MAX];
    output_time(output, row->start_us);
    output_text(output, row->bridge);
    output_text(output, row->tag);
    if (row->count > 0) {
        output_number(output, decimal_format(row->values[kind], number));
    } else {
        output_none(output);
    }
    output_text(output, row->unit);
    output_u64(output, row->count);
    output_u64(output, row->without);
    output_end_row(output);
}

enum err readings_buckets_show(struct db *db, const struct readings_buckets *buckets, FILE *file,
                               struct err_text *why)
{
    struct aggregate *aggregate = aggregate_new(buckets->every_us, AGGREGATE_BUCKETS_MAX);
    if (!aggregate) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    enum err result = reading_series_read(db, &buckets->search, aggregate, why);
    if (result != ERR_OK) {
        aggregate_free(aggregate);
        return result;
    }
    aggregate_finish(aggregate);
    struct output output = output_start(file, buckets->format, columns, ARRAY_LENGTH(columns));
    for (size_t i = 0; i < aggregate_count(aggregate) && !ferror(file); i++) {
        struct aggregate_row row = aggregate_get(aggregate, i);
        show_row(&output, &row, buckets->kind);
    }
    aggregate_free(aggregate);
    return output_finish(&output) ? ERR_OK : err_set(why, ERR_IO, "standard output was closed");
}
