/*
 * pg: a connection to PostgreSQL by the rules of this product, and the only owner of libpq.
 *
 * The connection is made when it is needed and made again when it was lost, with a back-off that answers
 * ERR_BUSY at once instead of waiting. No call waits longer than PG_ANSWER_MS: a database that does not
 * answer is dropped. Errors: ERR_BUSY (not now: the database is away, shutting down, read-only, locked, or
 * the statement failed and its transaction was rolled back), ERR_DISK_FULL, ERR_NO_MEMORY, ERR_CORRUPT (the
 * database says that its data is), ERR_CONFIG (not a connection string).
 *
 * After an error inside a transaction call pg_rollback(). One thread owns a connection.
 */
#ifndef BOURDON_SERVER_STORE_PG_H
#define BOURDON_SERVER_STORE_PG_H

#include "base/err.h"
#include "store/pg_values.h"

#include <stdbool.h>

enum {
    PG_CONNECT_S = 5,      /* a connection that takes longer is given up, unless the URL says otherwise */
    PG_ANSWER_MS = 15000,  /* so is a statement; less than STORE_STALLED_MS */
    PG_RETRY_MS = 100,     /* the first wait before another connection … */
    PG_RETRY_MAX_MS = 5000 /* … and the longest */
};

struct pg;

/* Checks the connection string ("postgresql://…") and does not connect yet. `session` is SQL for every new
 * connection, static. */
MUST_USE enum err pg_new(const char *url, const char *session, struct pg **pg, struct err_text *why);
void pg_free(struct pg *pg); /* NULL is fine */

/* Connects if there is no connection. */
MUST_USE enum err pg_connect(struct pg *pg, struct err_text *why);
bool pg_is_connected(const struct pg *pg);
/* How often a connection was made: another number than before means that the session is a new one. */
unsigned pg_generation(const struct pg *pg);

/* Runs statements without parameters, one or several. */
MUST_USE enum err pg_exec(struct pg *pg, const char *sql, struct err_text *why);

/* Runs one statement. `rows` NULL: what it returns is not wanted. Otherwise, on ERR_OK, they are the
 * caller's to pg_rows_free(). */
struct pg_rows;
MUST_USE enum err pg_query(struct pg *pg, const char *sql, const struct pg_values *values,
                           struct pg_rows **rows, struct err_text *why);

MUST_USE enum err pg_begin(struct pg *pg, struct err_text *why);
/* Any failure: the outcome is unknown until somebody looks. */
MUST_USE enum err pg_commit(struct pg *pg, struct err_text *why);
void pg_rollback(struct pg *pg);

/* "COPY … FROM STDIN (FORMAT binary)": begin, rows, end. After a failure of any the COPY is over. */
MUST_USE enum err pg_copy_begin(struct pg *pg, const char *sql, struct err_text *why);
MUST_USE enum err pg_copy_put(struct pg *pg, struct bytes bytes, struct err_text *why);
MUST_USE enum err pg_copy_end(struct pg *pg, struct err_text *why);

/* Rows that came back. */
size_t pg_rows_count(const struct pg_rows *rows);
size_t pg_rows_changed(struct pg_rows *rows); /* by INSERT, UPDATE, DELETE */
bool pg_is_null(const struct pg_rows *rows, size_t row, int column);
int64_t pg_i64(const struct pg_rows *rows, size_t row, int column); /* of any integer, boolean; NULL is 0 */
int64_t pg_time_us(const struct pg_rows *rows, size_t row, int column); /* of a timestamptz */
struct bytes pg_bytes(const struct pg_rows *rows, size_t row, int column);
void pg_rows_free(struct pg_rows *rows); /* NULL is fine */

#endif
