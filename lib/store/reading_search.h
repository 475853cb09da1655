/*
 * reading_search: which readings somebody asks for, as SQL on the virtual table `reading`: for the command
 * line and for bourdon-web. One thread a connection.
 */
#ifndef BOURDON_STORE_READING_SEARCH_H
#define BOURDON_STORE_READING_SEARCH_H

#include "store/db.h"

/*
 * NULL = any. `tag` and `quality` are patterns like those of file names; one without * ? [ is a plain name,
 * which is faster. Times are of the response, in µs since 1970, inclusive.
 */
struct reading_search {
    const char *bridge, *tag, *quality;
    int64_t from_us, to_us;
};

/* First parameter that `tail` may use. */
enum { READING_SEARCH_FREE_PARAMETER = 6 };

/*
 * Prepares "SELECT `columns` FROM reading WHERE … `tail`" and binds the search, whose texts it copies. The
 * caller finalises it. The connection must have the table (reading_table_register()).
 */
MUST_USE enum err reading_search_prepare(struct db *db, const struct reading_search *search,
                                         const char *columns, const char *tail, sqlite3_stmt **statement,
                                         struct err_text *why);

#endif
