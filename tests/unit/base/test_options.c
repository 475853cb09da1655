#include "base/array.h"
#include "options_fixture.h"
#include "support/suite.h"
#include "support/temporary.h"

#include <stdlib.h>
#include <string.h>

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

START_TEST(each_kind_of_mistake_has_its_message_place_and_hint)
{
    static const struct {
        const char *name;
        const char *text;
        const char *said; /* behind "plant.yaml:" */
        const char *hint; /* NULL = none */
    } rows[] = {
        {"empty file", "", "1:1: error: name: required key is missing", NULL},
        {"only a comment", "# nothing\n", "1:1: error: name: required key is missing", NULL},
        {"only a document mark", "---\n", "2:1: error: name: required key is missing", NULL},
        {"a list on top", "- name\n", "1:1: error: a configuration is a mapping, not a list",
         "the keys here are name, note, "},
        {"a text on top", "name\n", "1:1: error: a configuration is a mapping, not a single value",
         "the keys here are name, note, "},
        {"unknown key without a guess", "name: a\ncolour: b\n", "2:1: error: colour: unknown key",
         "the keys here are name, note, "},
        {"unknown key below", "name: a\nbatch: {max_aeg: 1s}\n", "2:9: error: max_aeg: unknown key",
         "did you mean \"max_age\"?"},
        {"a key with a NUL", "name: a\n\"note\\0x\": b\n", "2:1: error: note: unknown key",
         "did you mean \"note\"?"},
        {"given twice", "name: a\nname: b\n", "2:1: error: name: given twice", "the first one is in line 1"},
        {"a list as key", "name: a\n? [x]\n: b\n", "2:3: error: a key must be a single word, not a list",
         NULL},
        {"a scalar for a mapping", "name: a\nbatch: 5\n",
         "2:8: error: batch: wants a mapping, not a single value", NULL},
        {"a list for a scalar", "name: [a]\n", "1:7: error: name: wants a single value, not a list", NULL},
        {"a mapping for a list", "name: a\nunits: {id: 1}\n",
         "2:8: error: units: wants a list, not a mapping", NULL},
        {"scalars for mappings", "name: a\nunits: [5]\n",
         "2:9: error: units: wants a list of mappings, not a single value", NULL},
        {"a mapping for a text", "name: a\nendpoints: [{a: 1}]\n",
         "2:13: error: endpoints: wants a list of single values, not a mapping", NULL},
        {"no value", "name:\n", "1:6: error: name: has no value", NULL},
        {"null", "name: ~\n", "1:7: error: name: has no value", NULL},
        {"no value where there is a default", "name: a\nread_only:\n", "2:11: error: read_only: has no value",
         "leave the key out to get the default of yes"},
        {"no items", "name: a\nunits:\n", "2:7: error: units: has no value",
         "are the items indented below it? an empty list is written []"},
        {"no keys", "name: a\nbatch:\nread_only: yes\n", "2:7: error: batch: has no value",
         "are its keys indented below it?"},
        {"an empty item", "name: a\nendpoints:\n  -\n", "3:4: error: endpoints: an item has no value", NULL},
        {"too many items", "name: a\nendpoints: [a, b, c, d, e]\n",
         "2:22: error: endpoints: more than 3 items", NULL},
        {"a missing key below", "name: a\nunits:\n  - tags: []\n", "3:5: error: id: required key is missing",
         NULL},
        {"an anchor", "name: &x a\n", "1:7: error: anchors (&) are not supported", "write the value out"},
        {"an alias", "name: *x\n", "1:7: error: aliases (*) are not supported", "write the value out"},
        {"a tag", "name: !!str a\n", "1:7: error: tags (tag:yaml.org,2002:str) are not supported",
         "leave it out"},
        {"a second document", "name: a\n---\nname: b\n", "2:1: error: a second YAML document begins here",
         "a configuration is one document"},
        {"a tab", "name: a\n\tnote: b\n",
         "2:1: error: not valid YAML: found a tab character that violates indentation",
         "YAML wants spaces, not tabs"},
        {"a reserved character", "name: @a\n",
         "1:7: error: not valid YAML: found character that cannot start any token", "wants quotes"},
        {"indented too far", "name: a\n  note: b\n",
         "2:7: error: not valid YAML: mapping values are not allowed in this context",
         "is this line indented like the one above it?"},
        {"never closed", "name: \"a\n", "2:1: error: not valid YAML: found unexpected end of stream",
         "a quoted text is never closed"},
        {"not UTF-8", "name: a\nnote: \xff\n", "2:7: error: not valid YAML: invalid leading UTF-8 octet",
         "a configuration is a text in UTF-8"},
        {"UTF-16", "\xff\xfen", "1:1: error: not valid YAML: invalid leading UTF-8 octet",
         "a configuration is a text in UTF-8"},
        {"binary", "name: \x01\n", "1:7: error: not valid YAML: control characters are not allowed",
         "a configuration is a text in UTF-8"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char expected[256];
        snprintf(expected, sizeof expected, "plant.yaml:%s\n", rows[i].said);
        enum err err = load(rows[i].text);
        ck_assert_msg(err == ERR_CONFIG || err == ERR_MALFORMED, "%s", rows[i].name);
        const char *said = complaints();
        ck_assert_msg(strncmp(said, expected, strlen(expected)) == 0, "%s: %s", rows[i].name, said);
        ck_assert_msg(strstr(said, "\n1 error\n") != NULL, "%s: %s", rows[i].name, said);
        const char *hint = strstr(said, "= hint: ");
        ck_assert_msg(rows[i].hint ? hint && strstr(hint, rows[i].hint) : !hint, "%s: %s", rows[i].name,
                      said);
    }
}
END_TEST

START_TEST(columns_are_bytes_also_behind_other_characters)
{
    ck_assert_int_eq(load("\xef\xbb\xbfname: \xc3\xa4\nbatch: {max_age: \"\xe2\x82\xac\", max_bytes: x}\n"),
                     ERR_CONFIG);
    ck_assert_str_eq(
        complaints(),
        "plant.yaml:2:18: error: max_age: \"\xe2\x82\xac\" is not a duration\n"
        "    2 | batch: {max_age: \"\xe2\x82\xac\", max_bytes: x}\n"
        "      |                  ^~~\n"
        "      = hint: a number and its unit: us, ms, s, min, h or d, such as 250ms\n"
        "plant.yaml:2:36: error: max_bytes: \"x\" is not a size\n"
        "    2 | batch: {max_age: \"\xe2\x82\xac\", max_bytes: x}\n"
        "      |                                  ^\n"
        "      = hint: bytes, or a number and its unit: kB, MB, GB, KiB, MiB or GiB, such as 64MiB\n"
        "2 errors\n");
}
END_TEST

/* An unknown key with lists in lists: `levels` in all, the mapping on top counted. */
static enum err load_nested(int levels)
{
    char text[4 * OPTIONS_DEPTH_MAX] = "name: a\nx: ";
    size_t size = strlen(text);
    memset(text + size, '[', (size_t)levels - 1);
    memset(text + size + levels - 1, ']', (size_t)levels - 1);
    return load(text);
}

START_TEST(nesting_is_bounded)
{
    ck_assert_int_eq(load_nested(OPTIONS_DEPTH_MAX), ERR_CONFIG);
    ck_assert_ptr_null(strstr(complaints(), "nested"));
    ck_assert_int_eq(load_nested(OPTIONS_DEPTH_MAX + 1), ERR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(complaints(), "plant.yaml:2:35: error: nested more than 32 levels deep\n"));
}
END_TEST

START_TEST(fields_in_error_hold_their_defaults)
{
    ck_assert_int_eq(load("name: [x]\nread_only: maybe\nbatch: {max_age: x, max_bytes: 1}\n"
                          "endpoints: {a: b}\nunits: [{id: 1, tags: [{rate: 0s}]}]\n"),
                     ERR_CONFIG);
    ck_assert_str_eq(plant.name, "");
    ck_assert(plant.read_only);
    ck_assert_int_eq(plant.batch.max_age_us, 250000);
    ck_assert_int_eq(plant.batch.max_bytes, 65536);
    ck_assert_uint_eq(plant.endpoints.count, 1);
    ck_assert_int_eq(tag_at(0, 0)->rate_us, 1000000);
    ck_assert_str_eq(tag_at(0, 0)->name, "");
}
END_TEST

START_TEST(a_text_alone_is_a_list_of_one)
{
    expect_clean(load("name: a\nendpoints: b:1\n"));
    ck_assert_uint_eq(plant.endpoints.count, 1);
    ck_assert_str_eq(((char **)plant.endpoints.items)[0], "b:1");
}
END_TEST

START_TEST(lists_hold_as_many_items_as_they_may)
{
    expect_clean(load("name: a\nendpoints: [a, b, c]\n"));
    ck_assert_uint_eq(plant.endpoints.count, 3);
}
END_TEST

START_TEST(rules_across_fields_can_point_at_a_key)
{
    expect_clean(load("name: a\n"
                      "units:\n"
                      "  - id: 1\n"
                      "    tags: [{name: x}, {name: y, rate: 2s}]\n"
                      "  - {id: 2, tags: []}\n"));
    static const struct {
        const char *name;
        int level; /* 0 = plant, 1 = second unit, 2 = second tag of the first unit */
        const char *key;
        uint32_t line;
        uint32_t column;
    } rows[] = {
        {"a scalar's value", 0, "name", 1, 7},
        {"a list's key", 0, "units", 2, 1},
        {"an absent key: the mapping", 0, "note", 1, 1},
        {"in a list", 1, "id", 5, 10},
        {"an empty list's key", 1, "tags", 5, 13},
        {"in a list in a list", 2, "rate", 4, 39},
        {"absent there", 2, "scale", 4, 23},
    };
    const void *const structures[] = {&plant, unit_at(1), tag_at(0, 1)};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct place place = option_place(diagnostics, structures[rows[i].level], rows[i].key);
        ck_assert_msg(place.line == rows[i].line && place.column == rows[i].column, "%s: %u:%u", rows[i].name,
                      place.line, place.column);
    }
}
END_TEST

START_TEST(loads_tens_of_thousands_of_tags_at_once)
{
    enum { UNITS = 200, TAGS = 200 };
    for (int flow = 0; flow < 2; flow++) { /* as people write it, and all in one line */
        char *text;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        fprintf(out, "name: a\nunits: %s", flow ? "[" : "\n");
        for (int i = 0; i < UNITS; i++) {
            fprintf(out, flow ? "{id: %d, tags: [" : "  - id: %d\n    tags:\n", 1 + i % 200);
            for (int j = 0; j < TAGS; j++) {
                fprintf(out,
                        flow ? "{name: \xc2\xb5%d, rate: 2s, address: %d}, "
                             : "      - name: \xc2\xb5%d\n        rate: 2s\n        address: %d\n",
                        i, j);
            }
            fputs(flow ? "]}, " : "", out);
        }
        fputs(flow ? "]\n" : "", out);
        fclose(out);
        expect_clean(load_bytes(text, size));
        ck_assert_uint_eq(plant.units.count, UNITS);
        ck_assert_uint_eq(unit_at(UNITS - 1)->tags.count, TAGS);
        ck_assert_int_eq(tag_at(UNITS - 1, TAGS - 1)->address, TAGS - 1);
        ck_assert_uint_gt(option_place(diagnostics, tag_at(UNITS - 1, TAGS - 1), "rate").column, 1);
        free(text);
    }
}
END_TEST

static void write_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    if (size > 0) {
        fputs("name: a\n", file);
        ck_assert_int_eq(fseek(file, (long)size - 1, SEEK_SET), 0);
        fputc('\n', file);
    }
    fclose(file);
}

START_TEST(files_are_read_up_to_their_limit)
{
    char folder[TEMPORARY_PATH_MAX];
    char path[TEMPORARY_PATH_MAX];
    temporary_folder(folder);
    temporary_path(folder, "plant.yaml", path);
    static const struct {
        const char *name;
        size_t size;
        enum err expected;
        const char *said;
    } rows[] = {
        {"empty", 0, ERR_CONFIG, "plant.yaml:1:1: error: name: required key is missing"},
        {"small", 9, ERR_OK, ""},
        {"at the limit", OPTIONS_FILE_MAX, ERR_MALFORMED,
         "plant.yaml:2:1: error: not valid YAML: control characters"},
        {"above the limit", (size_t)OPTIONS_FILE_MAX + 1, ERR_MALFORMED,
         "plant.yaml: error: larger than 64 MiB\n1 error\n"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        forget();
        write_file(path, rows[i].size);
        enum err err = options_load(path, plant_table, &plant, diagnostics);
        ck_assert_msg(err == rows[i].expected, "%s", rows[i].name);
        ck_assert_msg(strstr(complaints(), rows[i].said) != NULL, "%s: %s", rows[i].name, complaints());
    }
    options_free(plant_table, &plant);
    ck_assert_int_eq(options_load(folder, plant_table, &plant, diagnostics), ERR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(complaints(), "error: cannot read: Is a directory\n"));
    temporary_remove(folder);
}
END_TEST

int main(void)
{
    return suite_run_with("options", options_fixture_setup, options_fixture_teardown,
                          (const TTest *[]){
                              fills_a_structure_with_values_and_defaults,
                              reports_every_error_of_a_file_in_one_run,
                              each_kind_of_mistake_has_its_message_place_and_hint,
                              columns_are_bytes_also_behind_other_characters,
                              nesting_is_bounded,
                              fields_in_error_hold_their_defaults,
                              a_text_alone_is_a_list_of_one,
                              lists_hold_as_many_items_as_they_may,
                              rules_across_fields_can_point_at_a_key,
                              loads_tens_of_thousands_of_tags_at_once,
                              files_are_read_up_to_their_limit,
                              NULL,
                          });
}
