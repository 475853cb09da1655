#include "base/array.h"
#include "base/options.h"
#include "support/suite.h"

#include <stdlib.h>
#include <string.h>

enum order { ORDER_BIG, ORDER_LITTLE };

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

struct batch {
    struct place place;
    int64_t max_age_us;
    int64_t max_bytes;
};

struct gateway {
    struct place place;
    char *listen;
};

struct plant {
    struct place place;
    char *name;
    char *note;
    char *password;
    bool read_only;
    struct batch batch;
    struct gateway gateway;
    struct option_list endpoints;
    struct option_list units;
};

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

static const struct option plant_table[] = {
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

static struct diagnostics *diagnostics;
static struct plant plant;
static char *printed;

static void setup(void)
{
    diagnostics = diagnostics_new();
    ck_assert_ptr_nonnull(diagnostics);
    ck_assert_int_eq(options_defaults(plant_table, &plant), ERR_OK);
}

static void teardown(void)
{
    options_free(plant_table, &plant);
    diagnostics_free(diagnostics);
    free(printed);
}

static enum err load_bytes(const char *text, size_t size)
{
    options_free(plant_table, &plant);
    diagnostics_free(diagnostics);
    diagnostics = diagnostics_new();
    return options_load_text("plant.yaml", text, size, plant_table, &plant, diagnostics);
}

static enum err load(const char *text)
{
    return load_bytes(text, strlen(text));
}

/* What the operator sees. */
static const char *complaints(void)
{
    size_t size;
    free(printed);
    printed = NULL;
    FILE *out = open_memstream(&printed, &size);
    diagnostics_print(diagnostics, out);
    fclose(out);
    return printed;
}

static void expect_clean(enum err err)
{
    ck_assert_msg(err == ERR_OK, "%s", complaints());
}

static const struct unit *unit_at(size_t index)
{
    return (const struct unit *)plant.units.items + index;
}

static const struct tag *tag_at(size_t unit, size_t index)
{
    return (const struct tag *)unit_at(unit)->tags.items + index;
}

START_TEST(fills_a_structure_with_values_and_defaults)
{
    expect_clean(load("name: cell-3\n"
                      "read_only: off\n"
                      "batch: {max_age: 1.5h}\n"
                      "endpoints: [a:1, \"b:2\"]\n"
                      "units:\n"
                      "  - id: 7\n"
                      "    tags:\n"
                      "      - {name: p1, address: 0x10, rate: 20ms, scale: -2.5e-3, order: little}\n"
                      "      - name: p2\n"
                      "  - id: 8\n"));
    ck_assert_str_eq(plant.name, "cell-3");
    ck_assert_str_eq(plant.note, "");
    ck_assert(!plant.read_only);
    ck_assert_int_eq(plant.batch.max_age_us, INT64_C(5400000000));
    ck_assert_int_eq(plant.batch.max_bytes, 65536);
    ck_assert_uint_eq(plant.endpoints.count, 2);
    ck_assert_str_eq(((char **)plant.endpoints.items)[1], "b:2");
    ck_assert_uint_eq(plant.units.count, 2);
    ck_assert_int_eq(unit_at(0)->id, 7);
    ck_assert_uint_eq(unit_at(0)->tags.count, 2);
    ck_assert_uint_eq(unit_at(1)->tags.count, 0);
    ck_assert_int_eq(tag_at(0, 0)->address, 16);
    ck_assert_int_eq(tag_at(0, 0)->rate_us, 20000);
    ck_assert_double_eq(tag_at(0, 0)->scale, -2.5e-3);
    ck_assert_int_eq(tag_at(0, 0)->order, ORDER_LITTLE);
    ck_assert_str_eq(tag_at(0, 1)->name, "p2");
    ck_assert_int_eq(tag_at(0, 1)->rate_us, 1000000);
    ck_assert_double_eq(tag_at(0, 1)->scale, 1);
    ck_assert_uint_eq(plant.gateway.place.line, 0);
}
END_TEST

START_TEST(reports_every_error_of_a_file_in_one_run)
{
    ck_assert_int_eq(load("nmae: cell-3\n"
                          "units:\n"
                          "  - id: 502abc\n"
                          "    tags:\n"
                          "      - name: p1\n"
                          "        rate: 5ms\n"
                          "        order: litle\n"
                          "        rate: 1s\n"),
                     ERR_CONFIG);
    ck_assert_str_eq(complaints(), "plant.yaml:1:1: error: nmae: unknown key\n"
                                   "    1 | nmae: cell-3\n"
                                   "      | ^~~~\n"
                                   "      = hint: did you mean \"name\"?\n"
                                   "plant.yaml:1:1: error: name: required key is missing\n"
                                   "    1 | nmae: cell-3\n"
                                   "      | ^\n"
                                   "plant.yaml:3:9: error: id: \"502abc\" is not a whole number\n"
                                   "    3 |   - id: 502abc\n"
                                   "      |         ^~~~~~\n"
                                   "      = hint: digits only, or 0x and hexadecimal digits\n"
                                   "plant.yaml:6:15: error: rate: 5ms is below the minimum of 10ms\n"
                                   "    6 |         rate: 5ms\n"
                                   "      |               ^~~\n"
                                   "      = hint: accepted: 10ms to 1d\n"
                                   "plant.yaml:7:16: error: order: \"litle\" is not one of the choices\n"
                                   "    7 |         order: litle\n"
                                   "      |                ^~~~~\n"
                                   "      = hint: did you mean \"little\"? accepted: big, little\n"
                                   "plant.yaml:8:9: error: rate: given twice\n"
                                   "    8 |         rate: 1s\n"
                                   "      |         ^~~~\n"
                                   "      = hint: the first one is in line 6\n"
                                   "6 errors\n");
}
END_TEST

START_TEST(prints_what_loads_back_to_the_same)
{
    expect_clean(load("name: \"a \\\"b\\\" \\\\ \\n \\u0085 \\u00b5: # c\"\n"
                      "note: 'null'\n"
                      "read_only: no\n"
                      "batch: {max_age: 90s, max_bytes: 1500}\n"
                      "endpoints: []\n"
                      "units:\n"
                      "  - id: 7\n"
                      "    tags:\n"
                      "      - {name: 'on', scale: 0.1}\n"
                      "      - {name: '12', scale: 1e300, order: little}\n"
                      "  - {id: 8}\n"));
    char *first;
    size_t size;
    FILE *out = open_memstream(&first, &size);
    options_print(out, plant_table, &plant);
    fclose(out);
    expect_clean(load_bytes(first, size));
    ck_assert_str_eq(plant.name, "a \"b\" \\ \n \xc2\x85 \xc2\xb5: # c");
    ck_assert_str_eq(plant.note, "null");
    ck_assert_int_eq(plant.batch.max_age_us, 90000000);
    ck_assert_uint_eq(plant.endpoints.count, 0);
    ck_assert_str_eq(tag_at(0, 0)->name, "on");
    ck_assert_double_eq(tag_at(0, 0)->scale, 0.1);
    ck_assert_int_eq(tag_at(0, 1)->order, ORDER_LITTLE);
    char *second;
    out = open_memstream(&second, &size);
    options_print(out, plant_table, &plant);
    fclose(out);
    ck_assert_str_eq(first, second);
    free(first);
    free(second);
}
END_TEST

int main(void)
{
    return suite_run_with("options", setup, teardown,
                          (const TTest *[]){
                              fills_a_structure_with_values_and_defaults,
                              reports_every_error_of_a_file_in_one_run,
                              prints_what_loads_back_to_the_same,
                              NULL,
                          });
}
