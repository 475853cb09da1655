#include "store/reading_search.h"

#include <string.h>

enum { SQL_MAX = 2048 };

static bool is_pattern(const char *text)
{
    return strpbrk(text, "*?[") != NULL;
}

static enum err write_sql(const struct reading_search *search, const char *columns, const char *tail,
                          struct buffer *sql)
{
    return buffer_format(sql, "SELECT %s FROM reading WHERE time_us >= ?1 AND time_us <= ?2%s%s%s %s%c",
                         columns, search->bridge ? " AND bridge = ?3" : "",
                         !search->tag              ? ""
                         : is_pattern(search->tag) ? " AND tag GLOB ?4"
                                                   : " AND tag = ?4",
                         search->quality ? " AND quality GLOB ?5" : "", tail, '\0');
}

static void bind(sqlite3_stmt *statement, const struct reading_search *search)
{
    const char *const texts[] = {search->bridge, search->tag, search->quality};
    sqlite3_bind_int64(statement, 1, search->from_us);
    sqlite3_bind_int64(statement, 2, search->to_us);
    for (int i = 0; i < 3; i++) {
        if (texts[i]) {
            sqlite3_bind_text(statement, 3 + i, texts[i], -1, SQLITE_TRANSIENT);
        }
    }
}

enum err reading_search_prepare(struct db *db, const struct reading_search *search, const char *columns,
                                const char *tail, sqlite3_stmt **statement, struct err_text *why)
{
    struct buffer sql;
    buffer_init(&sql, SQL_MAX);
    enum err result = write_sql(search, columns, tail, &sql);
    result = result == ERR_OK ? db_prepare(db, (const char *)buffer_bytes(&sql).data, statement, why)
                              : err_set(why, result, "%s", err_name(result));
    buffer_fini(&sql);
    if (result == ERR_OK) {
        bind(*statement, search);
    }
    return result;
}
