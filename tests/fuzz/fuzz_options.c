/*
 * Any bytes as a configuration: never a crash, an error is always reported, and what loads prints as
 * something that loads to the same.
 */
#include "base/options.h"

#include <stdlib.h>
#include <string.h>

struct tag {
    struct place place;
    char *name;
    int64_t address;
    int64_t rate_us;
    double scale;
    int order;
};

struct unit {
    struct place place;
    int64_t id;
    struct option_list tags;
};

struct plant {
    struct place place;
    char *name;
    char *secret;
    bool on;
    int64_t size;
    struct unit main;
    struct option_list endpoints;
    struct option_list units;
};

static const struct option_choice orders[] = {{"big", 1}, {"little", 2}, {NULL, 0}};

static const struct option tag_table[] = {
    {.name = "name", .kind = OPTION_STRING, .offset = offsetof(struct tag, name), .required = true},
    {.name = "address", .kind = OPTION_INT, .offset = offsetof(struct tag, address), .min = 1, .max = 9},
    {.name = "rate", .kind = OPTION_DURATION, .offset = offsetof(struct tag, rate_us), .fallback = "1s"},
    {.name = "scale", .kind = OPTION_FLOAT, .offset = offsetof(struct tag, scale), .min = -1e9, .max = 1e9},
    {.name = "order", .kind = OPTION_CHOICE, .offset = offsetof(struct tag, order), .choices = orders},
    OPTIONS_END,
};

static const struct option unit_table[] = {
    {.name = "id", .kind = OPTION_INT, .offset = offsetof(struct unit, id)},
    {.name = "tags",
     .kind = OPTION_LIST,
     .offset = offsetof(struct unit, tags),
     .table = tag_table,
     .item_size = sizeof(struct tag),
     .max_items = 5},
    OPTIONS_END,
};

static const struct option plant_table[] = {
    {.name = "name", .kind = OPTION_STRING, .offset = offsetof(struct plant, name)},
    {.name = "secret", .kind = OPTION_STRING, .offset = offsetof(struct plant, secret), .secret = true},
    {.name = "on", .kind = OPTION_BOOL, .offset = offsetof(struct plant, on), .fallback = "yes"},
    {.name = "size", .kind = OPTION_SIZE, .offset = offsetof(struct plant, size), .min = 10},
    {.name = "main", .kind = OPTION_MAP, .offset = offsetof(struct plant, main), .table = unit_table},
    {.name = "endpoints",
     .kind = OPTION_STRINGS,
     .offset = offsetof(struct plant, endpoints),
     .fallback = "a"},
    {.name = "units",
     .kind = OPTION_LIST,
     .offset = offsetof(struct plant, units),
     .table = unit_table,
     .item_size = sizeof(struct unit)},
    OPTIONS_END,
};

struct text {
    char *data;
    size_t size;
};

static struct text print_config(const struct plant *plant)
{
    struct text text;
    FILE *out = open_memstream(&text.data, &text.size);
    options_print(out, plant_table, plant);
    fclose(out);
    return text;
}

static void print_errors(const struct diagnostics *diagnostics)
{
    struct text text;
    FILE *out = open_memstream(&text.data, &text.size);
    diagnostics_print(diagnostics, out);
    fclose(out);
    free(text.data);
}

/* Loads; the configuration as text if it is good, else data NULL. */
static struct text load(const char *data, size_t size)
{
    struct plant plant;
    struct text text = {0};
    struct diagnostics *diagnostics = diagnostics_new();
    enum err err = options_load_text("fuzz.yaml", data, size, plant_table, &plant, diagnostics);
    if ((err == ERR_OK) != (diagnostics_count(diagnostics) == 0)) {
        abort(); /* an error without a word, or a word without an error */
    }
    (void)option_place(diagnostics, &plant, "units");
    (void)option_place(diagnostics, &plant.main, "id");
    print_errors(diagnostics);
    if (err == ERR_OK) {
        text = print_config(&plant);
    }
    options_free(plant_table, &plant);
    diagnostics_free(diagnostics);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text first = load((const char *)data, size);
    if (!first.data) {
        return 0;
    }
    struct text second = load(first.data, first.size);
    if (!second.data || first.size != second.size || memcmp(first.data, second.data, first.size) != 0) {
        abort();
    }
    free(first.data);
    free(second.data);
    return 0;
}
