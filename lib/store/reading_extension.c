/* The loadable extension libbourdon_reading: `.load libbourdon_reading` in the sqlite3 shell. */
#include "store/reading_table.h"

SQLITE_EXTENSION_INIT1

/* SQLite finds the function by the letters of the file's name. */
int sqlite3_bourdonreading_init(sqlite3 *handle, char **message, const sqlite3_api_routines *api);

int sqlite3_bourdonreading_init(sqlite3 *handle, char **message, const sqlite3_api_routines *api)
{
    (void)message;
    SQLITE_EXTENSION_INIT2(api);
    return reading_table_register(handle);
}
