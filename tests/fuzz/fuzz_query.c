/*
 * Any bytes as what follows the ? of a request: never a crash, and what is taken is text, each name once.
 * Then the same bytes as the parameters of a path that needs no store.
 */
#include "api.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct query_string *query)
{
    if (query->count > QUERY_PARAMETERS_MAX) {
        abort();
    }
    for (size_t i = 0; i < query->count; i++) {
        const struct query_parameter *item = &query->items[i];
        if (item->name[0] == '\0' || query_string_get(query, item->name) != item->value ||
            strlen(item->name) + strlen(item->value) > QUERY_SIZE_MAX) {
            abort();
        }
    }
}

/* Each parameter of each kind: what it becomes lies within what it may be. */
static void read_as_parameters(const struct query_string *query)
{
    struct err_text why;
    const struct api_call call = {.query = query, .why = &why};
    for (size_t i = 0; i < query->count; i++) {
        int64_t us;
        uint64_t number;
        if (api_count(&call, query->items[i].name, API_LIMIT_MAX, 1, &number) == ERR_OK &&
            (number < 1 || number > API_LIMIT_MAX)) {
            abort();
        }
        if (api_duration(&call, query->items[i].name, &us) == ERR_OK && us <= 0) {
            abort();
        }
        (void)!api_time(&call, query->items[i].name, 0, &us);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *raw = malloc(size + 1);
    struct query_string query;
    if (!raw) {
        return 0;
    }
    memcpy(raw, data, size);
    raw[size] = '\0';
    if (query_string_read(raw, &query, NULL) == ERR_OK) {
        check(&query);
        read_as_parameters(&query);
    }
    const struct api api = {.watch = ""};
    struct buffer out;
    buffer_init(&out, 64 * 1024);
    (void)api_answer(&api, api_find("/api/v1/server"), raw, &out);
    buffer_fini(&out);
    free(raw);
    return 0;
}
