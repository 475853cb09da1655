#include "base/array.h"
#include "options_fixture.h"
#include "support/suite.h"

#include <stdlib.h>
#include <string.h>

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

START_TEST(prints_defaults_and_never_a_secret)
{
    expect_clean(load("name: a\npassword: hunter2\nunits: [{id: 1}]\n"));
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    options_print(out, plant_table, &plant);
    fclose(out);
    ck_assert_str_eq(text, "name: a\n"
                           "note: \"\"\n"
                           "# password: not shown\n"
                           "read_only: true\n"
                           "batch:\n"
                           "  max_age: 250ms\n"
                           "  max_bytes: 64KiB\n"
                           "endpoints: [localhost:8443]\n"
                           "units:\n"
                           "  - id: 1\n"
                           "    tags: []\n");
    free(text);
}
END_TEST

static char *document(void (*write)(FILE *out, const struct option *table))
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    write(out, plant_table);
    fclose(out);
    return text;
}

START_TEST(documents_every_key_with_its_range_and_default)
{
    static const char *const lines[] = {
        "name: TEXT  (required)\n",
        "\nread_only: true|false  (default yes)\n",
        "\nbatch:\n",
        "\n  max_bytes: SIZE  (default 64KiB; at least 1KiB)\n",
        "\nendpoints: TEXT  (list; default localhost:8443)\n",
        "\nunits:  (list)\n",
        "\n  - id: NUMBER  (required; 1 to 255)\n",
        "\n    tags:  (list)\n",
        "\n      - name: TEXT  (required)\n",
        "\n        order: CHOICE  (one of big, little)\n",
    };
    char *text = document(options_document);
    for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
        ck_assert_msg(strstr(text, lines[i]) != NULL, "no %s in %s", lines[i], text);
    }
    free(text);
    char *roff = document(options_document_roff);
    ck_assert_ptr_nonnull(strstr(roff, ".TP\n\\fBunits:\\fR \\fI\\fR (list)\n.RS\n.TP\n\\fBid:\\fR"));
    free(roff);
}
END_TEST

int main(void)
{
    return suite_run_with("options_print", options_fixture_setup, options_fixture_teardown,
                          (const TTest *[]){
                              prints_what_loads_back_to_the_same,
                              prints_defaults_and_never_a_secret,
                              documents_every_key_with_its_range_and_default,
                              NULL,
                          });
}
