#include "store/reading_series.h"

#include <math.h>

static const char columns[] = "bridge, tag, unit, time_us, value";
enum { BRIDGE, TAG, UNIT, TIME, VALUE };

static const char *text_of(sqlite3_stmt *row, int column)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    return text ? (const char *)text : "";
}

static enum err add_row(struct aggregate *aggregate, sqlite3_stmt *row)
{
    const struct aggregate_point point = {
        .bridge = text_of(row, BRIDGE),
        .tag = text_of(row, TAG),
        .unit = text_of(row, UNIT),
        .time_us = sqlite3_column_int64(row, TIME),
        .value = sqlite3_column_type(row, VALUE) == SQLITE_NULL ? NAN : sqlite3_column_double(row, VALUE),
    };
    return aggregate_add(aggregate, &point);
}

enum err reading_series_read(struct db *db, const struct reading_search *search, struct aggregate *aggregate,
                             struct err_text *why)
{
    sqlite3_stmt *statement;
    bool row = true;
    enum err result = reading_search_prepare(db, search, columns, "", &statement, why);
    if (result != ERR_OK) {
        return result;
    }
    while (result == ERR_OK && row) {
        result = db_step(db, statement, &row, why);
        if (result == ERR_OK && row) {
            result = add_row(aggregate, statement);
            if (result != ERR_OK) {
                (void)err_set(why, result, "%s",
                              result == ERR_LIMIT
                                  ? "too many buckets: ask for fewer tags, a shorter time, or "
                                    "longer buckets"
                                  : err_name(result));
            }
        }
    }
    sqlite3_finalize(statement);
    return result;
}
