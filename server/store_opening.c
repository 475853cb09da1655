#include "store_opening.h"

#include "base/log.h"
#include "store/store_thread.h"

#include <string.h>

enum err store_opening_begin(struct store_opening *opening, const struct server_limits *limits,
                             struct err_text *why)
{
    enum err result = store_open(opening->where, &opening->store, why);
    bool remote = strstr(opening->where, "://") != NULL;
    opening->known = result == ERR_OK;
    if (opening->known) {
        return store_opening_check(opening, limits, why);
    }
    return remote && store_may_recover(result) ? ERR_OK : result;
}

enum err store_opening_try(void *owner, struct store **store, struct err_text *why)
{
    struct store_opening *opening = owner;
    enum err result = store_open(opening->where, &opening->store, why);
    if (result == ERR_OK && loop_post(opening->loop, opening->arrived, opening->owner) != ERR_OK) {
        store_close(opening->store);
        opening->store = NULL;
        result = err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    *store = opening->store;
    return result;
}

enum err store_opening_check(const struct store_opening *opening, const struct server_limits *limits,
                             struct err_text *why)
{
    int64_t largest =
        limits->batch_bytes > limits->catalog_bytes ? limits->batch_bytes : limits->catalog_bytes;
    size_t most = opening->store->item_max;
    if (most > 0 && (uint64_t)largest > most) {
        return err_set(
            why, ERR_CONFIG,
            "the store takes at most %zu bytes a message: lower limits.batch_bytes and "
            "limits.catalog_bytes, or raise max_payload of the NATS servers (8MB suits the defaults)",
            most);
    }
    return ERR_OK;
}

void store_opening_log(const struct store_opening *opening)
{
    log_info("store", log_event("store_opened"), log_str("store", opening->where),
             log_hex("store_id", opening->store->id, STORE_ID_SIZE));
}
