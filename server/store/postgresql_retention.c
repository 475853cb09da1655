#include "store/postgresql_retention.h"

/* The latest time before which rows are to be settled; INT64_MIN = none are. */
static enum err find_horizon(struct pg *pg, const struct store_retention *limits, int64_t now_us,
                             int64_t *horizon_us, struct err_text *why)
{
    struct pg_values values = {0};
    struct pg_rows *rows = NULL;
    *horizon_us = limits->age_us > 0 ? now_us - limits->age_us : INT64_MIN;
    if (limits->bytes == 0) {
        return ERR_OK;
    }
    pg_value_i64(&values, limits->bytes);
    pg_value_time(&values, now_us);
    enum err result = pg_query(pg, "SELECT settle_horizon($1, $2)", &values, &rows, why);
    if (result == ERR_OK && pg_rows_count(rows) == 1 && !pg_is_null(rows, 0, 0)) {
        int64_t by_size_us = pg_time_us(rows, 0, 0);
        *horizon_us = by_size_us > *horizon_us ? by_size_us : *horizon_us;
    }
    pg_rows_free(rows);
    pg_values_free(&values);
    return result;
}

enum err postgresql_retention_step(struct pg *pg, int64_t *cursor, const struct store_retention *limits,
                                   int64_t now_us, struct store_expired *expired, struct err_text *why)
{
    int64_t horizon_us;
    struct pg_values values = {0};
    struct pg_rows *rows = NULL;
    enum err result = find_horizon(pg, limits, now_us, &horizon_us, why);
    if (result != ERR_OK || horizon_us == INT64_MIN) {
        return result;
    }
    pg_value_i64(&values, *cursor);
    pg_value_time(&values, horizon_us);
    pg_value_i64(&values, POSTGRESQL_RETENTION_STEP);
    result = pg_query(pg, "SELECT reached, settled, more FROM settle($1, $2, $3)", &values, &rows, why);
    if (result == ERR_OK && pg_rows_count(rows) == 1) {
        *cursor = pg_i64(rows, 0, 0);
        expired->batches = (uint64_t)pg_i64(rows, 0, 1);
        expired->more = pg_i64(rows, 0, 2) == 1;
    }
    pg_rows_free(rows);
    pg_values_free(&values);
    return result;
}
