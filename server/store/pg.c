#include "store/pg.h"

#include "base/array.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/wire.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { RESULTS_MAX = 1000 /* of one pg_exec() */ };

struct pg {
    char *url;
    const char *session;
    PGconn *connection; /* NULL: none */
    unsigned generation;
    struct backoff backoff;
    int64_t next_us; /* monotonic: no connection before this */
    struct err_text last;
};

/* PGresult under another name, so that no header needs libpq's. */
static const PGresult *result_of(const struct pg_rows *rows)
{
    return (const PGresult *)rows;
}

static PGresult *own_result(struct pg_rows *rows)
{
    return (PGresult *)rows;
}

/* ---- errors ---- */

static void drop(struct pg *pg)
{
    PQfinish(pg->connection);
    pg->connection = NULL;
}

/* libpq ends its messages with a line feed, and may write several lines. */
static enum err say(struct err_text *why, enum err class, const char *message)
{
    char line[ERR_TEXT_MAX];
    size_t size = 0;
    for (; *message && size + 1 < sizeof line; message++) {
        bool space = *message == ' ' || *message == '\n' || *message == '\t';
        if (!space) {
            line[size++] = *message;
        } else if (size > 0 && line[size - 1] != ' ') {
            line[size++] = ' ';
        }
    }
    size -= size > 0 && line[size - 1] == ' ';
    line[size] = '\0';
    return err_set(why, class, "PostgreSQL: %s", line);
}

/* Classes of SQLSTATE, https://www.postgresql.org/docs/15/errcodes-appendix.html. A failed statement has
 * changed nothing: most are worth another try, once somebody has put right what is wrong. */
static enum err class_of(const char *state)
{
    static const struct {
        const char *prefix;
        enum err class;
    } rows[] = {
        {"53100", ERR_DISK_FULL},
        {"53200", ERR_NO_MEMORY},
        {"XX001", ERR_CORRUPT},
        {"XX002", ERR_CORRUPT},
    };
    for (size_t i = 0; state && i < ARRAY_LENGTH(rows); i++) {
        if (strncmp(state, rows[i].prefix, strlen(rows[i].prefix)) == 0) {
            return rows[i].class;
        }
    }
    return ERR_BUSY;
}

static enum err failed(struct pg *pg, const PGresult *result, struct err_text *why)
{
    const char *text = result ? PQresultErrorMessage(result) : "";
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (!text[0]) {
        text = PQerrorMessage(pg->connection);
    }
    enum err class = say(why, class_of(state), text);
    if (PQstatus(pg->connection) != CONNECTION_OK) {
        drop(pg);
    }
    return class;
}

static enum err too_slow(struct pg *pg, struct err_text *why)
{
    drop(pg);
    return err_set(why, ERR_BUSY, "PostgreSQL: no answer for %d s", PG_ANSWER_MS / 1000);
}

/* ---- waiting ---- */

static int64_t deadline(void)
{
    return clock_mono_us() + PG_ANSWER_MS * CLOCK_US_PER_MS;
}

/* Waits until the socket can be read, or written, too. False: too late. */
static bool await(const struct pg *pg, bool writing, int64_t deadline_us)
{
    struct pollfd item = {.fd = PQsocket(pg->connection),
                          .events = (short)(POLLIN | (writing ? POLLOUT : 0))};
    int64_t left_us = deadline_us - clock_mono_us();
    int ready = left_us > 0 ? poll(&item, 1, (int)(left_us / CLOCK_US_PER_MS) + 1) : 0;
    return ready > 0 || (ready < 0 && errno == EINTR);
}

static enum err flush(struct pg *pg, int64_t deadline_us, struct err_text *why)
{
    int left;
    while ((left = PQflush(pg->connection)) > 0) {
        if (!await(pg, true, deadline_us)) {
            return too_slow(pg, why);
        }
        if (!PQconsumeInput(pg->connection)) {
            return failed(pg, NULL, why);
        }
    }
    return left == 0 ? ERR_OK : failed(pg, NULL, why);
}

static enum err next_result(struct pg *pg, int64_t deadline_us, PGresult **result, struct err_text *why)
{
    while (PQisBusy(pg->connection)) {
        if (!await(pg, false, deadline_us)) {
            return too_slow(pg, why);
        }
        if (!PQconsumeInput(pg->connection)) {
            return failed(pg, NULL, why);
        }
    }
    *result = PQgetResult(pg->connection);
    return ERR_OK;
}

static bool is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN;
}

/* Takes what a command that was sent has to say; `*last` is its last result, or NULL after a failure. */
static enum err finish(struct pg *pg, PGresult **last, struct err_text *why)
{
    int64_t deadline_us = deadline();
    enum err outcome = flush(pg, deadline_us, why);
    *last = NULL;
    for (int i = 0; outcome == ERR_OK && i < RESULTS_MAX; i++) {
        PGresult *result = NULL;
        outcome = next_result(pg, deadline_us, &result, why);
        if (outcome != ERR_OK || !result) {
            break;
        }
        PQclear(*last);
        *last = result;
        if (PQresultStatus(result) == PGRES_COPY_IN || !is_good(result)) {
            break;
        }
    }
    if (outcome == ERR_OK && *last && !is_good(*last)) {
        outcome = failed(pg, *last, why);
    }
    if (outcome != ERR_OK) {
        PQclear(*last);
        *last = NULL;
    }
    return outcome;
}

/* What is left of a command whose failure was seen. */
static void skip_rest(struct pg *pg)
{
    int64_t deadline_us = deadline();
    PGresult *result = NULL;
    while (pg->connection && next_result(pg, deadline_us, &result, NULL) == ERR_OK && result) {
        PQclear(result);
    }
}

/* ---- connecting ---- */

static void ignore_notice(void *owner, const PGresult *result)
{
    (void)owner;
    (void)result;
}

enum err pg_new(const char *url, const char *session, struct pg **out, struct err_text *why)
{
    char *message = NULL;
    *out = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &message);
    if (!options) {
        enum err result = err_set(why, ERR_CONFIG, "%s", message ? message : "out of memory");
        PQfreemem(message);
        return result;
    }
    PQconninfoFree(options);
    struct pg *pg = malloc(sizeof *pg);
    char *copy = strdup(url);
    if (!pg || !copy) {
        free(pg);
        free(copy);
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    *pg = (struct pg){
        .url = copy, .session = session, .backoff = {.first_ms = PG_RETRY_MS, .cap_ms = PG_RETRY_MAX_MS}};
    *out = pg;
    return ERR_OK;
}

void pg_free(struct pg *pg)
{
    if (!pg) {
        return;
    }
    drop(pg);
    free(pg->url);
    free(pg);
}

bool pg_is_connected(const struct pg *pg)
{
    return pg->connection != NULL;
}

unsigned pg_generation(const struct pg *pg)
{
    return pg->generation;
}

static enum err open_session(struct pg *pg, struct err_text *why)
{
    static const char *const names[] = {"fallback_application_name",
                                        "connect_timeout",
                                        "client_encoding",
                                        "keepalives_idle",
                                        "keepalives_interval",
                                        "keepalives_count",
                                        "tcp_user_timeout",
                                        "dbname",
                                        NULL};
    const char *const values[] = {"bourdon-server", "5", "UTF8", "10", "5", "3", "15000", pg->url, NULL};
    _Static_assert(PG_CONNECT_S == 5 && PG_ANSWER_MS == 15000, "as the texts say");
    pg->connection = PQconnectdbParams(names, values, 1);
    if (!pg->connection) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    if (PQstatus(pg->connection) != CONNECTION_OK) {
        (void)!say(why, ERR_BUSY, PQerrorMessage(pg->connection));
        drop(pg);
        return ERR_BUSY;
    }
    PQsetNoticeReceiver(pg->connection, ignore_notice, NULL);
    PQsetnonblocking(pg->connection, 1);
    pg->generation++;
    enum err result = pg_exec(pg, pg->session, why);
    if (result != ERR_OK) {
        drop(pg);
    }
    return result;
}

enum err pg_connect(struct pg *pg, struct err_text *why)
{
    if (pg->connection && PQstatus(pg->connection) == CONNECTION_OK) {
        return ERR_OK;
    }
    drop(pg);
    int64_t now_us = clock_mono_us();
    if (now_us < pg->next_us) {
        return err_set(why, ERR_BUSY, "%s", pg->last.text);
    }
    enum err result = open_session(pg, &pg->last);
    if (result == ERR_OK) {
        backoff_reset(&pg->backoff);
        return ERR_OK;
    }
    pg->next_us = clock_mono_us() + backoff_next_ms(&pg->backoff, random_u32()) * CLOCK_US_PER_MS;
    return err_set(why, result, "%s", pg->last.text);
}

/* ---- statements ---- */

static enum err check(const struct pg *pg, struct err_text *why)
{
    return pg->connection ? ERR_OK : err_set(why, ERR_BUSY, "PostgreSQL: the connection was lost");
}

static enum err complete(struct pg *pg, int sent, struct pg_rows **rows, struct err_text *why)
{
    PGresult *result = NULL;
    enum err outcome = sent == 1 ? finish(pg, &result, why) : failed(pg, NULL, why);
    if (outcome != ERR_OK) {
        skip_rest(pg);
    }
    if (outcome == ERR_OK && rows) {
        *rows = (struct pg_rows *)result;
    } else {
        PQclear(result);
    }
    return outcome;
}

enum err pg_exec(struct pg *pg, const char *sql, struct err_text *why)
{
    enum err result = check(pg, why);
    return result == ERR_OK ? complete(pg, PQsendQuery(pg->connection, sql), NULL, why) : result;
}

static Oid array_of(enum pg_type type)
{
    static const struct {
        enum pg_type type;
        Oid array;
    } rows[] = {
        {PG_BOOLEAN, 1000}, {PG_BYTEA, 1001},  {PG_SMALLINT, 1005},    {PG_INTEGER, 1007},
        {PG_TEXT, 1009},    {PG_BIGINT, 1016}, {PG_TIMESTAMPTZ, 1185},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (rows[i].type == type) {
            return rows[i].array;
        }
    }
    return 0;
}

enum err pg_query(struct pg *pg, const char *sql, const struct pg_values *values, struct pg_rows **rows,
                  struct err_text *why)
{
    static const struct pg_values none;
    Oid types[PG_VALUES_MAX];
    const char *data[PG_VALUES_MAX];
    int sizes[PG_VALUES_MAX];
    int formats[PG_VALUES_MAX];
    enum err result = check(pg, why);
    values = values ? values : &none;
    if (result == ERR_OK && values->err != ERR_OK) {
        result = err_set(why, values->err == ERR_LIMIT ? ERR_NO_MEMORY : values->err,
                         "the parameters of a statement: %s", err_name(values->err));
    }
    for (size_t i = 0; i < values->count; i++) {
        struct bytes bytes = buffer_bytes(&values->bytes[i]);
        types[i] = values->arrays[i] ? array_of(values->types[i]) : (Oid)values->types[i];
        data[i] = bytes.data ? (const char *)bytes.data : "";
        sizes[i] = (int)bytes.size;
        formats[i] = 1;
    }
    if (result != ERR_OK) {
        return result;
    }
    return complete(
        pg, PQsendQueryParams(pg->connection, sql, (int)values->count, types, data, sizes, formats, 1), rows,
        why);
}

enum err pg_begin(struct pg *pg, struct err_text *why)
{
    return pg_exec(pg, "BEGIN ISOLATION LEVEL READ COMMITTED", why);
}

/* COMMIT of a transaction that had failed says ROLLBACK, and calls it a success. */
enum err pg_commit(struct pg *pg, struct err_text *why)
{
    struct pg_rows *rows = NULL;
    enum err result = pg_query(pg, "COMMIT", NULL, &rows, why);
    if (result == ERR_OK && strcmp(PQcmdStatus(own_result(rows)), "COMMIT") != 0) {
        result = err_set(why, ERR_BUSY, "PostgreSQL: the transaction was rolled back");
    }
    pg_rows_free(rows);
    return result;
}

void pg_rollback(struct pg *pg)
{
    if (!pg->connection || PQtransactionStatus(pg->connection) == PQTRANS_IDLE) {
        return;
    }
    if (PQtransactionStatus(pg->connection) == PQTRANS_ACTIVE || pg_exec(pg, "ROLLBACK", NULL) != ERR_OK) {
        drop(pg);
    }
}

/* ---- COPY ---- */

enum err pg_copy_begin(struct pg *pg, const char *sql, struct err_text *why)
{
    return pg_exec(pg, sql, why);
}

enum err pg_copy_put(struct pg *pg, struct bytes bytes, struct err_text *why)
{
    enum err result = check(pg, why);
    if (result != ERR_OK) {
        return result;
    }
    int64_t deadline_us = deadline();
    int taken;
    while ((taken = PQputCopyData(pg->connection, (const char *)bytes.data, (int)bytes.size)) == 0) {
        result = flush(pg, deadline_us, why);
        if (result != ERR_OK) {
            return result;
        }
    }
    return taken == 1 ? flush(pg, deadline_us, why) : failed(pg, NULL, why);
}

enum err pg_copy_end(struct pg *pg, struct err_text *why)
{
    enum err result = check(pg, why);
    int64_t deadline_us = deadline();
    int ended = 0;
    while (result == ERR_OK && (ended = PQputCopyEnd(pg->connection, NULL)) == 0) {
        result = flush(pg, deadline_us, why);
    }
    return result == ERR_OK ? complete(pg, ended, NULL, why) : result;
}

/* ---- rows ---- */

size_t pg_rows_count(const struct pg_rows *rows)
{
    return (size_t)PQntuples(result_of(rows));
}

size_t pg_rows_changed(struct pg_rows *rows)
{
    return (size_t)strtoull(PQcmdTuples(own_result(rows)), NULL, 10);
}

bool pg_is_null(const struct pg_rows *rows, size_t row, int column)
{
    return PQgetisnull(result_of(rows), (int)row, column) == 1;
}

struct bytes pg_bytes(const struct pg_rows *rows, size_t row, int column)
{
    return (struct bytes){.data = (const uint8_t *)PQgetvalue(result_of(rows), (int)row, column),
                          .size = (size_t)PQgetlength(result_of(rows), (int)row, column)};
}

int64_t pg_i64(const struct pg_rows *rows, size_t row, int column)
{
    struct bytes bytes = pg_bytes(rows, row, column);
    struct wire_reader reader = wire_reader(bytes.data, bytes.size);
    switch (bytes.size) {
    case 1:
        return wire_read_u8(&reader);
    case 2:
        return (int16_t)wire_read_u16(&reader);
    case 4:
        return (int32_t)wire_read_u32(&reader);
    case 8:
        return (int64_t)wire_read_u64(&reader);
    default:
        return 0;
    }
}

int64_t pg_time_us(const struct pg_rows *rows, size_t row, int column)
{
    return pg_time_back(pg_i64(rows, row, column));
}

void pg_rows_free(struct pg_rows *rows)
{
    PQclear(own_result(rows));
}
