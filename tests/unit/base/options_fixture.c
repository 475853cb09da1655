#include "options_fixture.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct option_choice orders[] = {{"big", ORDER_BIG}, {"little", ORDER_LITTLE}, {NULL, 0}};

static const struct option tag_table[] = {
    {.name = "name", .kind = OPTION_STRING, .offset = offsetof(struct tag, name), .required = true},
    {.name = "address", .kind = OPTION_INT, .offset = offsetof(struct tag, address), .max = 65535},
    {.name = "rate",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct tag, rate_us),
     .fallback = "1s",
     .min = 10000,
     .max = 86400e6},
    {.name = "scale", .kind = OPTION_FLOAT, .offset = offsetof(struct tag, scale), .fallback = "1"},
    {.name = "order", .kind = OPTION_CHOICE, .offset = offsetof(struct tag, order), .choices = orders},
    OPTIONS_END,
};

static const struct option unit_table[] = {
    {.name = "id",
     .kind = OPTION_INT,
     .offset = offsetof(struct unit, id),
     .required = true,
     .min = 1,
     .max = 255},
    {.name = "tags",
     .kind = OPTION_LIST,
     .offset = offsetof(struct unit, tags),
     .table = tag_table,
     .item_size = sizeof(struct tag)},
    OPTIONS_END,
};

static const struct option batch_table[] = {
    {.name = "max_age",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct batch, max_age_us),
     .fallback = "250ms"},
    {.name = "max_bytes",
     .kind = OPTION_SIZE,
     .offset = offsetof(struct batch, max_bytes),
     .fallback = "64KiB",
     .min = 1024},
    OPTIONS_END,
};

static const struct option gateway_table[] = {
    {.name = "listen", .kind = OPTION_STRING, .offset = offsetof(struct gateway, listen), .required = true},
    OPTIONS_END,
};

const struct option plant_table[] = {
    {.name = "name", .kind = OPTION_STRING, .offset = offsetof(struct plant, name), .required = true},
    {.name = "note", .kind = OPTION_STRING, .offset = offsetof(struct plant, note)},
    {.name = "password", .kind = OPTION_STRING, .offset = offsetof(struct plant, password), .secret = true},
    {.name = "read_only",
     .kind = OPTION_BOOL,
     .offset = offsetof(struct plant, read_only),
     .fallback = "yes"},
    {.name = "batch", .kind = OPTION_MAP, .offset = offsetof(struct plant, batch), .table = batch_table},
    {.name = "gateway",
     .kind = OPTION_MAP,
     .offset = offsetof(struct plant, gateway),
     .table = gateway_table},
    {.name = "endpoints",
     .kind = OPTION_STRINGS,
     .offset = offsetof(struct plant, endpoints),
     .fallback = "localhost:8443",
     .max_items = 3},
    {.name = "units",
     .kind = OPTION_LIST,
     .offset = offsetof(struct plant, units),
     .table = unit_table,
     .item_size = sizeof(struct unit)},
    OPTIONS_END,
};

struct diagnostics *diagnostics;
struct plant plant;
static char *printed;

void options_fixture_setup(void)
{
    diagnostics = diagnostics_new();
    ck_assert_ptr_nonnull(diagnostics);
    ck_assert_int_eq(options_defaults(plant_table, &plant), ERR_OK);
}

void options_fixture_teardown(void)
{
    options_free(plant_table, &plant);
    diagnostics_free(diagnostics);
    free(printed);
    printed = NULL;
}

void forget(void)
{
    options_free(plant_table, &plant);
    diagnostics_free(diagnostics);
    diagnostics = diagnostics_new();
}

enum err load_bytes(const char *text, size_t size)
{
    forget();
    return options_load_text("plant.yaml", text, size, plant_table, &plant, diagnostics);
}

enum err load(const char *text)
{
    return load_bytes(text, strlen(text));
}

const char *complaints(void)
{
    size_t size;
    free(printed);
    printed = NULL;
    FILE *out = open_memstream(&printed, &size);
    diagnostics_print(diagnostics, out);
    fclose(out);
    return printed;
}

void expect_clean(enum err err)
{
    ck_assert_msg(err == ERR_OK, "%s", complaints());
}

const struct unit *unit_at(size_t index)
{
    return (const struct unit *)plant.units.items + index;
}

const struct tag *tag_at(size_t unit, size_t index)
{
    return (const struct tag *)unit_at(unit)->tags.items + index;
}
