#include "store/reading_query.h"

#include "base/array.h"
#include "base/clock.h"
#include "tunnel/batch.h"

#include <stdio.h>
#include <string.h>

/* ---- planning ---- */

enum { PLAN_TERMS_MAX = 32 };

/* Letters of the columns whose comparisons choose batches or readings; 0 = no use. */
static const char column_letters[READING_COLUMNS] = {
    [READING_BRIDGE] = 'b',  [READING_EPOCH] = 'e',       [READING_SEQ] = 's',  [READING_TAG] = 't',
    [READING_TIME_US] = 'T', [READING_RESPONSE_US] = 'T', [READING_TIME] = 'x',
};

static char operator_letter(unsigned char operator)
{
    switch (operator) {
    case SQLITE_INDEX_CONSTRAINT_EQ:
        return '=';
    case SQLITE_INDEX_CONSTRAINT_GT:
    case SQLITE_INDEX_CONSTRAINT_GE:
        return '>';
    case SQLITE_INDEX_CONSTRAINT_LT:
    case SQLITE_INDEX_CONSTRAINT_LE:
        return '<';
    case SQLITE_INDEX_CONSTRAINT_NE:
        return '!';
    default:
        return 0;
    }
}

/* How much less there is to do thanks to a comparison. */
static double selectivity(char column, char operator)
{
    switch (column) {
    case 's':
        return operator== '=' ? 1e-5 : operator== '!' ? 1 : 0.1;
    case 'b':
        return 1e-2;
    case 'T':
    case 'x':
        return operator== '=' ? 1e-3 : 0.1;
    default:
        return 0.5;
    }
}

static bool usable(sqlite3_index_info *info, int i, char column, char operator)
{
    bool text = column == 'b' || column == 'e' || column == 't';
    return info->aConstraint[i].usable && column && operator&&(operator== '=' || !text) &&
           (operator!= '!' || column == 's') && strcmp(sqlite3_vtab_collation(info, i), "BINARY") == 0;
}

int reading_query_plan(sqlite3_index_info *info)
{
    char plan[2 * PLAN_TERMS_MAX + 1];
    int terms = 0;
    double share = 1;
    for (int i = 0; i < info->nConstraint && terms < PLAN_TERMS_MAX; i++) {
        int index = info->aConstraint[i].iColumn;
        char column = (char)(index >= 0 ? column_letters[index] : '\0');
        char operator= operator_letter(info->aConstraint[i].op);
        if (!usable(info, i, column, operator)) {
            continue;
        }
        plan[2 * terms] = column;
        plan[2 * terms + 1] = operator;
        info->aConstraintUsage[i].argvIndex = ++terms;
        share *= selectivity(column, operator);
    }
    plan[2 * terms] = '\0';
    info->idxStr = sqlite3_mprintf("%s", plan);
    info->needToFreeIdxStr = 1;
    info->estimatedCost = 1 + 1e9 * share;
    info->estimatedRows = (sqlite3_int64)info->estimatedCost;
    return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

/* ---- values ---- */

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/*
 * SQL compares times as text. What "2026-01-31" or "2026-01-31T12:00" means as a bound: the text is completed
 * to a time; one second of play allows for the ways to write a fraction. SQLite compares the rows again.
 */
static bool text_bound(const char *text, char operator, int64_t * bound_us)
{
    static const char pattern[] = "0000-01-01T00:00:00Z";
    char completed[CLOCK_TEXT_MAX];
    size_t length = strnlen(text, sizeof pattern);
    if (length < sizeof pattern - 1) {
        snprintf(completed, sizeof completed, "%.*s%s", (int)length, text, pattern + length);
    } else {
        snprintf(completed, sizeof completed, "%s", text);
    }
    if (!clock_parse(completed, bound_us)) {
        return false;
    }
    *bound_us += operator== '<' ? CLOCK_US_PER_S : - CLOCK_US_PER_S;
    return true;
}

/* Every operator but '!' bounds on one side, '=' on both. < and > are taken as ≤ and ≥. */
static void bound(int64_t *lowest, int64_t *highest, char operator, int64_t lower, int64_t upper)
{
    if (operator!= '<') {
        *lowest = larger(*lowest, lower);
    }
    if (operator!= '>') {
        *highest = smaller(*highest, upper);
    }
}

/* SQL compares a column of integers with text too, by rules that are no bounds. */
static bool is_number(sqlite3_value *value)
{
    int type = sqlite3_value_numeric_type(value);
    return type == SQLITE_INTEGER || type == SQLITE_FLOAT;
}

/* 5.5 is read as 5, and one more on the upper side is harmless. */
static void read_number(int64_t *lowest, int64_t *highest, char operator, sqlite3_value * value)
{
    if (is_number(value)) {
        int64_t number = sqlite3_value_int64(value);
        bound(lowest, highest, operator, number, number < INT64_MAX ? number + 1 : number);
    }
}

static void read_sequence(struct reading_query *query, char operator, sqlite3_value * value)
{
    if (operator!= '!') {
        read_number(&query->first_seq, &query->last_seq, operator, value);
    } else if (sqlite3_value_numeric_type(value) == SQLITE_INTEGER) {
        query->without_one = true;
        query->without_seq = sqlite3_value_int64(value);
    }
}

static void read_time_text(struct reading_query *query, char operator, sqlite3_value * value)
{
    const char *text = (const char *)sqlite3_value_text(value);
    int64_t lower;
    int64_t upper;
    if (text && text_bound(text, '>', &lower) && text_bound(text, '<', &upper)) {
        bound(&query->from_us, &query->to_us, operator, lower, upper);
    }
}

static void read_term(struct reading_query *query, char column, char operator, sqlite3_value * value)
{
    switch (column) {
    case 'b':
        query->bridge = (const char *)sqlite3_value_text(value);
        break;
    case 'e':
        query->epoch = (const char *)sqlite3_value_text(value);
        break;
    case 't':
        query->tag = (const char *)sqlite3_value_text(value);
        break;
    case 's':
        read_sequence(query, operator, value);
        break;
    case 'T':
        read_number(&query->from_us, &query->to_us, operator, value);
        break;
    case 'x':
        read_time_text(query, operator, value);
        break;
    default:
        break;
    }
}

struct reading_query reading_query_read(const char *plan, int count, sqlite3_value **values)
{
    struct reading_query query = {.to_us = BATCH_TIME_MAX_US, .first_seq = 1, .last_seq = INT64_MAX};
    for (int i = 0; i < count; i++) {
        read_term(&query, plan[2 * i], plan[2 * i + 1], values[i]);
    }
    return query;
}

/* ---- the batches ---- */

int reading_query_prepare(sqlite3 *handle, const struct reading_query *query, sqlite3_stmt **statement)
{
    bool timed = query->from_us > 0 || query->to_us < BATCH_TIME_MAX_US;
    bool counted = query->first_seq > 1 || query->last_seq < INT64_MAX;
    char sql[1024];
    /* CROSS JOIN keeps this order: bridges, their streams, their batches. */
    snprintf(sql, sizeof sql,
             "SELECT bridge.name, epoch, seq, historical, batch.catalog, encoded "
             "FROM bridge CROSS JOIN stream ON stream.bridge = bridge.id "
             "CROSS JOIN batch ON batch.stream = stream.id WHERE batch.kind = %d%s%s%s%s%s",
             BATCH_READINGS, query->bridge ? " AND bridge.name = ?1" : "",
             query->epoch ? " AND lower(hex(epoch)) = ?2" : "", counted ? " AND seq BETWEEN ?3 AND ?4" : "",
             query->without_one ? " AND seq <> ?5" : "",
             timed ? " AND first_us BETWEEN ?6 - span_us AND ?7 AND last_us >= ?6" : "");
    int code = sqlite3_prepare_v2(handle, sql, -1, statement, NULL);
    if (code != SQLITE_OK) {
        return code;
    }
    /* A parameter that the SQL does not have is refused, harmlessly. */
    sqlite3_bind_text(*statement, 1, query->bridge, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(*statement, 2, query->epoch, -1, SQLITE_TRANSIENT);
    const int64_t numbers[] = {query->first_seq, query->last_seq, query->without_seq, query->from_us,
                               query->to_us};
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        sqlite3_bind_int64(*statement, (int)i + 3, numbers[i]);
    }
    return SQLITE_OK;
}
