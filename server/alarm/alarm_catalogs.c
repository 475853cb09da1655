#include "alarm/alarm_catalogs.h"

#include "alarm/alarms.h"

#include <stdlib.h>
#include <string.h>

struct alarm_catalogs {
    const struct alarm_board *board;
    struct watched_catalog *first;
    size_t count, bytes;
};

struct alarm_catalogs *alarm_catalogs_new(const struct alarm_board *board)
{
    struct alarm_catalogs *catalogs = calloc(1, sizeof *catalogs);
    if (catalogs) {
        catalogs->board = board;
    }
    return catalogs;
}

static void forget_all(struct alarm_catalogs *catalogs)
{
    while (catalogs->first) {
        struct watched_catalog *watched = catalogs->first;
        catalogs->first = watched->next;
        catalog_free(watched->catalog);
        free(watched);
    }
    catalogs->count = 0;
    catalogs->bytes = 0;
}

void alarm_catalogs_free(struct alarm_catalogs *catalogs)
{
    if (catalogs) {
        forget_all(catalogs);
        free(catalogs);
    }
}

const struct watched_catalog *alarm_catalogs_find(const struct alarm_catalogs *catalogs, const uint8_t *hash)
{
    const struct watched_catalog *watched = catalogs->first;
    while (watched && memcmp(catalog_hash(watched->catalog), hash, CATALOG_HASH_SIZE) != 0) {
        watched = watched->next;
    }
    return watched;
}

static void watch(const struct alarm_board *board, struct watched_catalog *watched)
{
    watched->any = false;
    for (size_t i = 0; i < catalog_count(watched->catalog); i++) {
        watched->watched[i] = alarm_board_watches(board, catalog_tag(watched->catalog, i)->name);
        watched->any = watched->any || watched->watched[i];
    }
}

void alarm_catalogs_watch_again(struct alarm_catalogs *catalogs)
{
    for (struct watched_catalog *watched = catalogs->first; watched; watched = watched->next) {
        watch(catalogs->board, watched);
    }
}

static struct watched_catalog *make(const struct alarm_board *board, struct catalog *catalog)
{
    size_t count = catalog_count(catalog);
    struct watched_catalog *watched = calloc(1, sizeof *watched + count * sizeof watched->watched[0]);
    if (!watched) {
        return NULL;
    }
    watched->catalog = catalog;
    watch(board, watched);
    return watched;
}

const struct watched_catalog *alarm_catalogs_add(struct alarm_catalogs *catalogs, struct bytes encoded,
                                                 bool *forgotten)
{
    struct catalog *catalog;
    *forgotten =
        catalogs->count == ALARMS_CATALOGS_MAX || catalogs->bytes + encoded.size > ALARMS_CATALOGS_BYTES;
    if (*forgotten) {
        forget_all(catalogs);
    }
    if (catalog_decode(encoded, &catalog, NULL) != ERR_OK) {
        return NULL;
    }
    struct watched_catalog *watched = make(catalogs->board, catalog);
    if (!watched) {
        catalog_free(catalog);
        return NULL;
    }
    watched->next = catalogs->first;
    catalogs->first = watched;
    catalogs->count++;
    catalogs->bytes += encoded.size;
    return watched;
}
