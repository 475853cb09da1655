#include "field/field_plan.h"
#include "support/suite.h"

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

static void load(const char *text, struct root *root, struct diagnostics *diagnostics)
{
    memset(root, 0, sizeof *root);
    ck_assert_int_eq(options_load_text("b.yaml", text, strlen(text), root_table, root, diagnostics), ERR_OK);
    ck_assert_int_eq(field_options_check(&root->field, "b.yaml", diagnostics), ERR_OK);
}

static void release(struct root *root, struct diagnostics *diagnostics)
{
    field_options_fini(&root->field);
    options_free(root_table, root);
    diagnostics_free(diagnostics);
}

START_TEST(the_plan_shows_each_request_and_its_share)
{
    struct root root;
    struct diagnostics *diagnostics = diagnostics_new();
    load("links:\n"
         "  - name: boiler\n"
         "    url: tcp://192.0.2.1\n"
         "    latency: 20ms\n"
         "    units:\n"
         "      - id: 7\n"
         "        tags:\n"
         "          - {name: a, table: holding, address: 0, type: float32}\n"
         "          - {name: b, table: holding, address: 2, type: uint16}\n"
         "          - {name: c, table: coil, address: 8, type: bool, rate: 100ms}\n",
         &root, diagnostics);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    ck_assert_int_eq(field_plan_print(&root.field, out), ERR_OK);
    fclose(out);
    ck_assert_str_eq(
        text,
        "link boiler  tcp://192.0.2.1\n"
        "  unit 7\n"
        "    every 100ms   coil         8 to 8         1 bits, 1 tag, 20.0 ms, 20.00 % of the line\n"
        "    every 1s      holding      0 to 2         3 registers, 2 tags, 20.0 ms, 2.00 % of the line\n"
        "  2 requests, 22.00 % of the line's time\n");
    free(text);
    release(&root, diagnostics);
}
END_TEST

static char *warnings(const char *text)
{
    struct root root;
    struct diagnostics *diagnostics = diagnostics_new();
    load(text, &root, diagnostics);
    char *printed = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&printed, &size);
    diagnostics_print(diagnostics, out);
    fclose(out);
    ck_assert_uint_eq(diagnostics_count(diagnostics), 0);
    release(&root, diagnostics);
    return printed;
}

START_TEST(a_schedule_that_does_not_fit_is_said_with_numbers)
{
    /* 8 + 5 + 128 characters of 11 bits at 9600 baud are 161.6 ms, silences 8 ms, latency 2 ms. */
    char *text =
        warnings("links: [{name: l, url: 'rtu:///dev/ttyS0?baud=9600', units: [{id: 1, tags: [{name: a, "
                 "table: input, address: 0, type: string, length: 128, rate: 100ms}]}]}]\n");
    ck_assert_msg(
        strstr(text, "b.yaml:1:24: warning: url: the schedule does not fit: 1 request takes 1716 ms") != NULL,
        "%s", text);
    free(text);
}
END_TEST

START_TEST(pauses_count_for_their_unit)
{
    char *text =
        warnings("links: [{name: l, url: 'tcp://x', units: [{id: 1, pause: 200ms, tags: [{name: a, table: "
                 "input, address: 0, type: int16, rate: 100ms}]}]}]\n");
    ck_assert_msg(strstr(text, "one unit is busy for 2020 ms in each second") != NULL, "%s", text);
    free(text);
}
END_TEST

START_TEST(a_schedule_that_fits_is_not_mentioned)
{
    char *text = warnings("links: [{name: l, url: 'tcp://x', units: [{id: 1, tags: [{name: a, table: input, "
                          "address: 0, type: int16, rate: 10ms}]}]}]\n");
    ck_assert_str_eq(text, "");
    free(text);
}
END_TEST

int main(void)
{
    return suite_run("field_plan", (const TTest *[]){
                                       the_plan_shows_each_request_and_its_share,
                                       a_schedule_that_does_not_fit_is_said_with_numbers,
                                       pauses_count_for_their_unit,
                                       a_schedule_that_fits_is_not_mentioned,
                                       NULL,
                                   });
}
