#include "base/array.h"
#include "field/field_options.h"
#include "link/link.h"
#include "support/suite.h"
#include "support/temporary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct root {
    struct place place;
    struct field_options field;
};

static const struct option root_table[] = {
    {.name = "links",
     .kind = OPTION_LIST,
     .offset = offsetof(struct root, field.links),
     .table = field_link_table,
     .item_size = sizeof(struct link_options)},
    OPTIONS_END,
};

static char folder[TEMPORARY_PATH_MAX];

/* What the diagnostics print for a configuration; "" if it is right. The caller frees it. */
static char *check(const char *path, const char *text, struct root *root, enum err *result)
{
    struct diagnostics *diagnostics = diagnostics_new();
    memset(root, 0, sizeof *root);
    enum err loaded = options_load_text(path, text, strlen(text), root_table, root, diagnostics);
    *result = field_options_check(&root->field, path, diagnostics);
    *result = loaded == ERR_OK ? *result : loaded;
    char *printed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);
    diagnostics_print(diagnostics, out);
    fclose(out);
    diagnostics_free(diagnostics);
    return printed;
}

static void release(struct root *root, char *printed)
{
    field_options_fini(&root->field);
    options_free(root_table, root);
    free(printed);
}

/* A link with one unit whose tags are `tags`, in flow style. */
static char *with_tags(const char *unit, const char *tags)
{
    char *text;
    int size = asprintf(&text, "links:\n  - {name: plc, url: 'tcp://plc', units: [{id: 1, %s tags: [%s]}]}\n",
                        unit, tags);
    ck_assert_int_gt(size, 0);
    return text;
}

START_TEST(every_impossible_tag_is_an_error_at_its_key)
{
    static const struct {
        const char *name;
        const char *unit;
        const char *tags;
        const char *message;
    } rows[] = {
        {"no place", "", "{name: a, type: int16}", "error: address: the tag 'a' has no place"},
        {"no table", "", "{name: a, type: int16, address: 1}", "error: table: the tag 'a' has no place"},
        {"both ways", "", "{name: a, type: int16, address: 1, reference: '40001'}",
         "error: reference: '40001' says"},
        {"another table", "", "{name: a, type: int16, table: input, reference: '40001'}",
         "error: reference: '40001' says"},
        {"no reference", "", "{name: a, type: int16, reference: '100'}",
         "error: reference: '100' is not a Modicon"},
        {"address too high", "", "{name: a, type: int16, table: holding, address: 65536}",
         "error: address: 65536 is outside"},
        {"negative", "", "{name: a, type: int16, table: holding, address: -5}",
         "error: address: -5 is outside"},
        {"ends too high", "", "{name: a, type: int32, table: holding, address: 65535}", "ends behind 65535"},
        {"string ends too high", "", "{name: a, type: string, length: 5, reference: '465535'}",
         "ends behind 65535"},
        {"number in a coil", "", "{name: a, type: int16, table: coil, address: 0}", "can only be a bool"},
        {"bool without bit", "", "{name: a, type: bool, table: input, address: 0}",
         "error: type: a bool in a register needs its bit"},
        {"bit of a coil", "", "{name: a, type: bool, table: coil, address: 0, bit: 1}",
         "error: bit: only a bool"},
        {"bit of a number", "", "{name: a, type: int16, table: input, address: 0, bit: 1}",
         "error: bit: only a bool"},
        {"string without length", "", "{name: a, type: string, table: input, address: 0}",
         "error: length: a string has 1 to 128"},
        {"length of a number", "", "{name: a, type: int16, table: input, address: 0, length: 2}",
         "error: length:"},
        {"4 letters for 64 bits", "", "{name: a, type: float64, table: input, address: 0, word_order: CDAB}",
         "error: word_order: 4 letters"},
        {"8 letters for 32 bits", "",
         "{name: a, type: float32, table: input, address: 0, word_order: GHEFCDAB}",
         "error: word_order: 8 letters"},
        {"letters for 16 bits", "", "{name: a, type: int16, table: input, address: 0, word_order: DCBA}",
         "error: word_order: 4 letters"},
        {"bytes said twice", "",
         "{name: a, type: float32, table: input, address: 0, word_order: DCBA, byte_order: little}",
         "error: byte_order:"},
        {"scale 0", "", "{name: a, type: int16, table: input, address: 0, scale: 0}",
         "error: scale: 0 makes"},
        {"limits the wrong way", "", "{name: a, type: int16, table: input, address: 0, limits: [2, 1]}",
         "error: limits:"},
        {"one limit", "", "{name: a, type: int16, table: input, address: 0, limits: [2]}", "error: limits:"},
        {"limits no numbers", "", "{name: a, type: int16, table: input, address: 0, limits: [a, b]}",
         "error: limits:"},
        {"negative deadband", "", "{name: a, type: int16, table: input, address: 0, deadband: -1}",
         "error: deadband:"},
        {"percent of nothing", "", "{name: a, type: int16, table: input, address: 0, deadband: 2%}",
         "error: deadband:"},
        {"too many percent", "",
         "{name: a, type: int16, table: input, address: 0, limits: [0, 1], deadband: 101%}",
         "error: deadband:"},
        {"limits of a text", "",
         "{name: a, type: string, length: 2, table: input, address: 0, limits: [0, 1]}", "for numbers only"},
        {"scale of a bool", "", "{name: a, type: bool, table: coil, address: 0, scale: 2}",
         "for numbers only"},
        {"rate too fast", "", "{name: a, type: bool, table: coil, address: 0, rate: 9ms}",
         "error: rate: 9ms"},
        {"rate too slow", "", "{name: a, type: bool, table: coil, address: 0, rate: 25h}",
         "error: rate: 25h"},
        {"same name", "",
         "{name: a, type: bool, table: coil, address: 0}, {name: a, type: bool, table: coil, address: 1}",
         "error: name: the tag 'a' is there twice"},
        {"overlap", "",
         "{name: a, type: float32, table: input, address: 0}, {name: b, type: float32, table: input, "
         "address: 1}",
         "'b' lies partly on 'a' (0 to 1)"},
        {"inside", "",
         "{name: a, type: float64, table: input, address: 0}, {name: b, type: int16, table: input, address: "
         "2}",
         "'b' lies partly on 'a' (0 to 3)"},
        {"behind a short one inside", "",
         "{name: a, type: float64, table: input, address: 0}, {name: b, type: int16, table: input, address: "
         "0, overlap: yes}, {name: c, type: int16, table: input, address: 3}",
         "'c' lies partly on 'a'"},
        {"would be torn", "max_registers: 1,", "{name: a, type: float32, table: input, address: 0}",
         "do not fit in one read of 1"},
        {"no name", "", "{name: '', type: bool, table: coil, address: 0}", "error: name: must not be empty"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct root root;
        enum err result;
        char *text = with_tags(rows[i].unit, rows[i].tags);
        char *printed = check("bridge.yaml", text, &root, &result);
        ck_assert_msg(result == ERR_CONFIG, "%s", rows[i].name);
        ck_assert_msg(strstr(printed, rows[i].message) != NULL, "%s: %s", rows[i].name, printed);
        ck_assert_msg(strstr(printed, "bridge.yaml:2:") == printed, "%s: %s", rows[i].name, printed);
        ck_assert_msg(strstr(printed, "1 error") != NULL, "%s: %s", rows[i].name, printed);
        release(&root, printed);
        free(text);
    }
}
END_TEST

START_TEST(every_impossible_link_is_an_error)
{
    static const struct {
        const char *name;
        const char *text;
        const char *message;
    } rows[] = {
        {"url", "links: [{name: a, url: 'http://x', units: [{id: 1}]}]", "error: url: 'http://x'"},
        {"backup", "links: [{name: a, url: 'tcp://x', backup: 'tcp://', units: [{id: 1}]}]",
         "error: backup: "},
        {"none outstanding", "links: [{name: a, url: 'tcp://x', outstanding: 0, units: [{id: 1}]}]",
         "error: outstanding: "},
        {"17 outstanding", "links: [{name: a, url: 'tcp://x', outstanding: 17, units: [{id: 1}]}]",
         "error: outstanding: "},
        {"several outstanding on a serial line",
         "links: [{name: a, url: 'rtu:///dev/ttyS0', outstanding: 2, units: [{id: 1}]}]",
         "error: outstanding: link a has no tcp:// way"},
        {"same name",
         "links: [{name: a, url: 'tcp://x', units: [{id: 1}]}, {name: a, url: 'tcp://y', units: [{id: 1}]}]",
         "two links named 'a'"},
        {"empty name", "links: [{name: '', url: 'tcp://x', units: [{id: 1}]}]",
         "error: name: must not be empty"},
        {"unit 248", "links: [{name: a, url: 'tcp://x', units: [{id: 248}]}]", "error: id: 248"},
        {"unit 256", "links: [{name: a, url: 'tcp://x', units: [{id: 256}]}]", "error: id: 256"},
        {"broadcast on a serial line", "links: [{name: a, url: 'rtu:///dev/ttyS0', units: [{id: 0}]}]",
         "error: id: 0"},
        {"255 on a serial line", "links: [{name: a, url: 'rtu:///dev/ttyS0', units: [{id: 255}]}]",
         "error: id: 255"},
        {"unit twice", "links: [{name: a, url: 'tcp://x', units: [{id: 1}, {id: 1}]}]",
         "unit 1 of link a is there twice"},
        {"line twice",
         "links: [{name: a, url: 'rtu:///dev/ttyS0', units: [{id: 1}]}, {name: b, url: "
         "'rtu:///dev/ttyS0?baud=9600', units: [{id: 1}]}]",
         "error: url: /dev/ttyS0 belongs to link a"},
        {"TLS without certificate", "links: [{name: a, url: 'tls://x', units: [{id: 1}]}]",
         "error: tls: link a is to speak TLS and has no certificate"},
        {"TLS of the backup without certificate",
         "links: [{name: a, url: 'tcp://x', backup: 'tls://x', units: [{id: 1}]}]", "error: tls: link a is"},
        {"a certificate without TLS",
         "links: [{name: a, url: 'tcp://x', tls: {certificate: c, key: k, ca: a}, units: [{id: 1}]}]",
         "error: tls: link a does not speak TLS"},
        {"TLS that trusts nobody",
         "links: [{name: a, url: 'tls://x', tls: {certificate: c, key: k}, units: [{id: 1}]}]",
         "error: tls: nothing says how the device of link a proves"},
        {"a key that is missing",
         "links: [{name: a, url: 'tls://x', tls: {certificate: c, ca: a}, units: [{id: 1}]}]",
         "error: key: "},
        {"a pin that is none",
         "links: [{name: a, url: 'tls://x', tls: {certificate: nowhere.pem, key: k, pin: 'ab'}, units: [{id: "
         "1}]}]",
         "error: pin: pin 'ab': is not the SHA-256 fingerprint"},
        {"an authority that is not there",
         "links: [{name: a, url: 'tls://x', tls: {certificate: c, key: k, ca: nowhere.pem}, units: [{id: "
         "1}]}]",
         "error: ca: authority (ca) nowhere.pem: cannot be read"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct root root;
        enum err result;
        char *printed = check("bridge.yaml", rows[i].text, &root, &result);
        ck_assert_msg(result == ERR_CONFIG, "%s", rows[i].name);
        ck_assert_msg(strstr(printed, rows[i].message) != NULL, "%s: %s", rows[i].name, printed);
        release(&root, printed);
    }
}
END_TEST

START_TEST(up_to_16_requests_may_be_outstanding)
{
    for (int count = 1; count <= LINK_OUTSTANDING_MAX; count++) {
        char text[128];
        struct root root;
        enum err result;
        snprintf(text, sizeof text, "links: [{name: a, url: 'tcp://x', outstanding: %d, units: [{id: 1}]}]",
                 count);
        char *printed = check("bridge.yaml", text, &root, &result);
        ck_assert_msg(result == ERR_OK, "%s", printed);
        ck_assert_int_eq(((const struct link_options *)root.field.links.items)->outstanding, count);
        release(&root, printed);
    }
}
END_TEST

START_TEST(there_are_no_more_links_than_descriptors_for_them)
{
    for (size_t links = FIELD_LINKS_MAX - 1; links <= FIELD_LINKS_MAX; links++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        fprintf(out, "links:\n  - {name: l, url: 'tcp://x', backup: 'tcp://y', units: [{id: 1}]}\n");
        for (size_t i = 1; i < links; i++) {
            fprintf(out, "  - {name: l%zu, url: 'tcp://x', units: [{id: 1}]}\n", i);
        }
        fclose(out);
        struct root root;
        enum err result;
        char *printed = check("bridge.yaml", text, &root, &result);
        ck_assert_msg(result == (links < FIELD_LINKS_MAX ? ERR_OK : ERR_CONFIG), "%.300s", printed);
        release(&root, printed);
        free(text);
    }
}
END_TEST

START_TEST(what_shares_registers_on_purpose_is_right)
{
    static const char *const rows[] = {
        "{name: a, type: uint16, table: input, address: 0}, {name: b, type: bool, bit: 3, table: input, "
        "address: 0}",
        "{name: a, type: uint32, table: input, address: 0}, {name: b, type: float32, table: input, address: "
        "0}",
        "{name: a, type: uint32, table: input, address: 0}, {name: b, type: uint16, table: input, address: "
        "1, overlap: yes}",
        "{name: a, type: uint32, table: input, address: 0}, {name: b, type: uint32, table: holding, address: "
        "1}",
        "{name: a, type: uint32, table: input, address: 0}, {name: b, type: uint32, table: input, address: "
        "2}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct root root;
        enum err result;
        char *text = with_tags("", rows[i]);
        char *printed = check("bridge.yaml", text, &root, &result);
        ck_assert_msg(result == ERR_OK, "%.300s", printed);
        release(&root, printed);
        free(text);
    }
}
END_TEST

START_TEST(the_catalog_has_the_tags_in_order_of_appearance)
{
    static const char text[] =
        "links:\n"
        "  - name: one\n"
        "    url: tcp://192.0.2.10\n"
        "    units:\n"
        "      - id: 7\n"
        "        tags:\n"
        "          - {name: z, reference: 40101, type: float32, word_order: little, unit: bar, scale: 0.5, "
        "offset: -1, priority: 3}\n"
        "          - {name: y, table: input, address: 3, type: float64, word_order: BADCFEHG}\n"
        "  - name: two\n"
        "    url: tcp://192.0.2.11\n"
        "    units:\n"
        "      - id: 255\n"
        "        tags:\n"
        "          - {name: x, table: holding, address: 9, type: bool, bit: 15}\n"
        "          - {name: w, table: holding, address: 10, type: string, length: 7}\n"
        "          - {name: v, reference: '000012', type: bool}\n";
    struct root root;
    enum err result;
    char *printed = check("bridge.yaml", text, &root, &result);
    ck_assert_msg(result == ERR_OK, "%.300s", printed);
    struct catalog *catalog;
    ck_assert_int_eq(field_options_catalog(&root.field, &catalog, NULL), ERR_OK);
    ck_assert_uint_eq(catalog_count(catalog), 5);

    const struct catalog_tag *tag = catalog_tag(catalog, 0);
    ck_assert_str_eq(tag->name, "z");
    ck_assert_str_eq(tag->link, "one");
    ck_assert_str_eq(tag->unit, "bar");
    ck_assert_uint_eq(tag->unit_id, 7);
    ck_assert_int_eq(tag->table, TABLE_HOLDING);
    ck_assert_uint_eq(tag->address, 100);
    ck_assert_uint_eq(tag->order, ORDER_WORDS_SWAPPED);
    ck_assert_double_eq(tag->scale, 0.5);
    ck_assert_double_eq(tag->offset, -1);
    ck_assert_uint_eq(tag->priority, 3);
    ck_assert_uint_eq(tag->words, 2);
    ck_assert_uint_eq(catalog_tag(catalog, 1)->order, ORDER_BYTES_SWAPPED);
    ck_assert_uint_eq(catalog_tag(catalog, 1)->words, 4);
    ck_assert_uint_eq(catalog_tag(catalog, 2)->bit, 15);
    ck_assert_uint_eq(catalog_tag(catalog, 2)->unit_id, 255);
    ck_assert_uint_eq(catalog_tag(catalog, 3)->words, 4);
    ck_assert_int_eq(catalog_tag(catalog, 4)->table, TABLE_COIL);
    ck_assert_uint_eq(catalog_tag(catalog, 4)->address, 11);
    catalog_free(catalog);
    release(&root, printed);
}
END_TEST

static void write_file(const char *name, const char *text)
{
    char path[TEMPORARY_PATH_MAX];
    FILE *file = fopen(temporary_path(folder, name, path), "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

/* Checks a configuration in the temporary folder. */
static char *check_in_folder(const char *text, struct root *root, enum err *result)
{
    char path[TEMPORARY_PATH_MAX];
    return check(temporary_path(folder, "bridge.yaml", path), text, root, result);
}

START_TEST(a_template_is_included_with_prefix_and_base)
{
    temporary_folder(folder);
    write_file("pump.yaml", "templates: [{file: common.yaml, prefix: c/, base: 10}]\n"
                            "tags: [{name: speed, table: holding, address: 1, type: uint16}]\n");
    write_file("common.yaml", "tags: [{name: serial, reference: 40001, type: uint32}]\n");
    struct root root;
    enum err result;
    char *printed = check_in_folder("links:\n"
                                    "  - name: plc\n"
                                    "    url: tcp://plc\n"
                                    "    units:\n"
                                    "      - id: 3\n"
                                    "        templates:\n"
                                    "          - {file: pump.yaml, prefix: p1/}\n"
                                    "          - {file: pump.yaml, prefix: p2/, base: 100}\n"
                                    "        tags: [{name: own, table: coil, address: 0, type: bool}]\n",
                                    &root, &result);
    ck_assert_msg(result == ERR_OK, "%.300s", printed);
    struct catalog *catalog;
    ck_assert_int_eq(field_options_catalog(&root.field, &catalog, NULL), ERR_OK);
    static const struct {
        const char *name;
        uint16_t address;
    } rows[] = {{"p1/c/serial", 10}, {"p1/speed", 1}, {"p2/c/serial", 110}, {"p2/speed", 101}, {"own", 0}};
    ck_assert_uint_eq(catalog_count(catalog), ARRAY_LENGTH(rows));
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_str_eq(catalog_tag(catalog, i)->name, rows[i].name);
        ck_assert_uint_eq(catalog_tag(catalog, i)->address, rows[i].address);
        ck_assert_uint_eq(catalog_tag(catalog, i)->unit_id, 3);
    }
    catalog_free(catalog);
    release(&root, printed);
    temporary_remove(folder);
}
END_TEST

START_TEST(a_template_that_cannot_be_is_an_error_with_its_place)
{
    static const struct {
        const char *name;
        const char *a, *b;
        const char *place, *message;
    } rows[] = {
        {"not there", "templates: [{file: none.yaml}]\n", "", "a.yaml:1:20: error",
         "there is no readable template"},
        {"itself", "templates: [{file: a.yaml}]\n", "", "a.yaml:1:20: error", "includes itself"},
        {"in a circle", "templates: [{file: b.yaml}]\n", "templates: [{file: a.yaml}]\n",
         "b.yaml:1:20: error", "includes itself"},
        {"unknown key", "tags: [{nane: x}]\n", "", "a.yaml:1:9: error", "unknown key"},
        {"broken tag", "tags:\n  - {name: x, table: coil, address: 0, type: int16}\n", "",
         "a.yaml:2:", "can only be a bool"},
        {"past the end", "tags:\n  - {name: x, table: coil, address: 65530, type: bool}\n", "",
         "a.yaml:2:", "ends behind 65535"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        temporary_folder(folder);
        write_file("a.yaml", rows[i].a);
        write_file("b.yaml", rows[i].b);
        struct root root;
        enum err result;
        char *printed =
            check_in_folder("links: [{name: plc, url: 'tcp://plc', units: [{id: 1, templates: [{file: "
                            "a.yaml, base: 10}]}]}]\n",
                            &root, &result);
        ck_assert_msg(result == ERR_CONFIG, "%s", rows[i].name);
        ck_assert_msg(strstr(printed, rows[i].place) != NULL, "%s: %s", rows[i].name, printed);
        ck_assert_msg(strstr(printed, rows[i].message) != NULL, "%s: %s", rows[i].name, printed);
        release(&root, printed);
        temporary_remove(folder);
    }
}
END_TEST

START_TEST(templates_nested_too_deep_are_an_error)
{
    temporary_folder(folder);
    for (int i = 0; i <= FIELD_TEMPLATE_DEPTH_MAX; i++) {
        char name[32];
        char text[64];
        snprintf(name, sizeof name, "t%d.yaml", i);
        snprintf(text, sizeof text, "templates: [{file: t%d.yaml}]\n", i + 1);
        write_file(name, text);
    }
    struct root root;
    enum err result;
    char *printed = check_in_folder(
        "links: [{name: plc, url: 'tcp://plc', units: [{id: 1, templates: [{file: t0.yaml}]}]}]\n", &root,
        &result);
    ck_assert_int_eq(result, ERR_CONFIG);
    ck_assert_msg(strstr(printed, "nested more than 8 deep") != NULL, "%.300s", printed);
    release(&root, printed);
    temporary_remove(folder);
}
END_TEST

START_TEST(what_is_printed_loads_back_to_the_same)
{
    struct root root;
    enum err result;
    char *text = with_tags("gap: 3,",
                           "{name: a, reference: '40101', type: float32, word_order: CDAB, limits: [0, 16], "
                           "deadband: 2%, rate: 250ms}, {name: b, table: coil, address: 0, type: bool}");
    char *printed = check("bridge.yaml", text, &root, &result);
    ck_assert_msg(result == ERR_OK, "%.300s", printed);
    char *effective = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&effective, &size);
    options_print(out, root_table, &root);
    fclose(out);
    struct root again;
    char *printed_again = check("again.yaml", effective, &again, &result);
    ck_assert_msg(result == ERR_OK, "%s%s", printed_again, effective);
    struct catalog *first;
    struct catalog *second;
    ck_assert_int_eq(field_options_catalog(&root.field, &first, NULL), ERR_OK);
    ck_assert_int_eq(field_options_catalog(&again.field, &second, NULL), ERR_OK);
    ck_assert_mem_eq(catalog_hash(first), catalog_hash(second), CATALOG_HASH_SIZE);
    catalog_free(first);
    catalog_free(second);
    release(&again, printed_again);
    release(&root, printed);
    free(effective);
    free(text);
}
END_TEST

int main(void)
{
    return suite_run("field_options", (const TTest *[]){
                                          every_impossible_tag_is_an_error_at_its_key,
                                          every_impossible_link_is_an_error,
                                          up_to_16_requests_may_be_outstanding,
                                          there_are_no_more_links_than_descriptors_for_them,
                                          what_shares_registers_on_purpose_is_right,
                                          the_catalog_has_the_tags_in_order_of_appearance,
                                          a_template_is_included_with_prefix_and_base,
                                          a_template_that_cannot_be_is_an_error_with_its_place,
                                          templates_nested_too_deep_are_an_error,
                                          what_is_printed_loads_back_to_the_same,
                                          NULL,
                                      });
}
