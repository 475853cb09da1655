#include "base/clock.h"
#include "base/log.h"
#include "field/field_layout.h"
#include "field/field_state.h"
#include "link/link.h"

#include <stdlib.h>

static enum err add_way(struct poller *poller, const struct link_options *options, const char *url,
                        struct err_text *why)
{
    struct link_setup setup = {
        .response_timeout_us = options->response_timeout_us,
        .connect_timeout_us = options->connect_timeout_us,
        .counters = poller->link_counters,
        .tls = options->tls.context,
    };
    enum err result = link_url_parse(url, &setup.url, why);
    if (result == ERR_OK) {
        result = link_new(&setup, &poller->ways[poller->way_count], why);
    }
    if (result == ERR_OK) {
        poller->way_count++;
    }
    return result;
}

static enum err add_units(struct poller *poller, struct layout_unit *units, size_t count)
{
    poller->units = calloc(count + 1, sizeof *poller->units);
    if (!poller->units) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        const struct unit_setup setup = field_layout_take(&units[i]);
        enum err result = unit_init(&poller->units[i], poller->context->catalog, &setup);
        if (result != ERR_OK) {
            return result;
        }
        poller->unit_count++;
    }
    return ERR_OK;
}

/* On failure the poller is well-formed and to be finished all the same. */
static enum err fill_poller(struct poller *poller, const struct link_options *options,
                            struct layout_unit *units, struct err_text *why)
{
    poller->reconnect = (struct backoff){
        .first_ms = POLLER_RECONNECT_FIRST_MS,
        .cap_ms = (uint32_t)(options->reconnect_max_us / CLOCK_US_PER_MS),
    };
    poller->outstanding = (size_t)options->outstanding;
    poll_cache_init(&poller->cache, options->cache_age_us);
    enum err result = add_way(poller, options, options->url, why);
    if (result == ERR_OK && *options->backup) {
        result = add_way(poller, options, options->backup, why);
    }
    if (result == ERR_OK) {
        result = add_units(poller, units, options->units.count);
    }
    return result == ERR_OK ? ERR_OK : err_prefix(why, result, "link %s", options->name);
}

static enum err make_pollers(struct field *field, const struct field_options *options,
                             struct field_layout *layout, struct err_text *why)
{
    const struct link_options *links = options->links.items;
    struct layout_unit *units = layout->units;
    field->pollers = calloc(options->links.count + 1, sizeof *field->pollers);
    if (!field->pollers) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < options->links.count; i++) {
        struct poller *poller = &field->pollers[field->poller_count++];
        poller_init(poller, &field->context, links[i].name);
        enum err result = fill_poller(poller, &links[i], units, why);
        if (result != ERR_OK) {
            return result;
        }
        units += links[i].units.count;
    }
    return ERR_OK;
}

static enum err start_pollers(struct field *field, struct err_text *why)
{
    uint32_t number = 0;
    for (size_t i = 0; i < field->poller_count; i++) {
        enum err result = poller_start(&field->pollers[i], &number, why);
        if (result != ERR_OK) {
            return result;
        }
    }
    return ERR_OK;
}

enum err field_start(const struct field_options *options, const struct catalog *catalog,
                     const struct reading_sink *sink, struct field **out, struct err_text *why)
{
    struct field *field = calloc(1, sizeof *field);
    if (!field) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    field->sink = *sink;
    reading_space_init(&field->space);
    field->context = (struct poller_context){
        .catalog = catalog,
        .sink = &field->sink,
        .space = &field->space,
    };
    struct field_layout layout = {.unit_count = 0};
    enum err result = field_layout_make(options, &layout, why);
    if (result == ERR_OK) {
        result = make_pollers(field, options, &layout, why);
    }
    field_layout_fini(&layout);
    if (result == ERR_OK) {
        result = start_pollers(field, why);
    }
    if (result != ERR_OK) {
        field_stop(field, 0);
        return result;
    }
    log_info("field", log_event("polling"), log_u64("links", field->poller_count),
             log_u64("tags", catalog_count(catalog)));
    *out = field;
    return ERR_OK;
}

void field_stop(struct field *field, int64_t patience_us)
{
    if (!field) {
        return;
    }
    int64_t until_us = clock_mono_us() + patience_us;
    for (size_t i = 0; i < field->poller_count; i++) {
        poller_stop(&field->pollers[i]);
    }
    for (size_t i = 0; i < field->poller_count; i++) {
        poller_await_answer(&field->pollers[i], until_us);
    }
    for (size_t i = 0; i < field->poller_count; i++) {
        poller_fini(&field->pollers[i]);
    }
    free(field->pollers);
    reading_space_fini(&field->space);
    free(field);
}

struct live_queue *field_live(struct field *field, size_t link)
{
    return link < field->poller_count ? &field->pollers[link].live : NULL;
}
