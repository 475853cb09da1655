#include "base/array.h"
#include "gateway/gateway_options.h"
#include "net/io.h"
#include "support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rig_options {
    struct place place;
    struct field_options field;
    struct gateway_options gateway;
};

static const struct option rig_table[] = {
    {.name = "links",
     .kind = OPTION_LIST,
     .offset = offsetof(struct rig_options, field.links),
     .table = field_link_table,
     .item_size = sizeof(struct link_options)},
    {.name = "gateway",
     .kind = OPTION_MAP,
     .offset = offsetof(struct rig_options, gateway),
     .table = gateway_options_table},
    OPTIONS_END,
};

#define TAGS "tags: [{name: p, table: holding, address: 0, type: uint16, rate: 1s}]"
#define LINKS                                                                                                \
    "links:\n"                                                                                               \
    "  - {name: a, url: 'tcp://127.0.0.1', units: [{id: 1, " TAGS "}, {id: 2, " TAGS "}]}\n"                 \
    "  - {name: b, url: 'tcp://127.0.0.2', units: [{id: 2, " TAGS "}]}\n"
#define GATEWAY                                                                                              \
    "gateway:\n  ca: no-ca.pem\n  certificate: no.pem\n  key: no.key\n  policy: no-policy.yaml\n"            \
    "  audit: {file: audit.jsonl}\n"

/* Loads and checks; what was said is the caller's to free. */
static char *load(const char *more, struct rig_options *options)
{
    char text[4096];
    int size = snprintf(text, sizeof text, "%s%s%s", LINKS, GATEWAY, more);
    struct diagnostics *diagnostics = diagnostics_new();
    memset(options, 0, sizeof *options);
    enum err loaded = options_load_text("b.yaml", text, (size_t)size, rig_table, options, diagnostics);
    ck_assert(loaded == ERR_OK || loaded == ERR_CONFIG);
    gateway_options_check(&options->gateway, &options->field, diagnostics);
    char *said = NULL;
    size_t said_size = 0;
    FILE *out = open_memstream(&said, &said_size);
    diagnostics_print(diagnostics, out);
    fclose(out);
    diagnostics_free(diagnostics);
    return said;
}

static void release(struct rig_options *options)
{
    gateway_options_release(&options->gateway);
    options_free(rig_table, options);
}

START_TEST(a_mistake_in_the_unit_map_is_told)
{
    static const struct {
        const char *more;
        const char *said; /* NULL: nothing about units and links */
    } rows[] = {
        {"  listen: [127.0.0.1]\n  units: [{unit: 1, link: a}, {unit: 12, link: b, target: 2}]\n", NULL},
        {"  listen: [127.0.0.1]\n  units: [{unit: 1, link: c}]\n", "there is no link \"c\""},
        {"  listen: [127.0.0.1]\n  units: [{unit: 1, link: a}, {unit: 1, link: b}]\n", "1 is there twice"},
        {"  listen: [127.0.0.1]\n", "several links have a unit 2"},
        {"  listen: ['127.0.0.1:x:y:']\n  units: [{unit: 1, link: a}]\n", "is no address"},
        {"  listen: [127.0.0.1]\n  units: [{unit: 256, link: a}]\n", "unit"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct rig_options options;
        char *said = load(rows[i].more, &options);
        bool told = strstr(said, rows[i].said ? rows[i].said : "unit") != NULL;
        ck_assert_msg(told == (rows[i].said != NULL), "row %zu: %s", i, said);
        free(said);
        release(&options);
    }
}
END_TEST

START_TEST(a_unit_is_where_the_map_says)
{
    struct rig_options options;
    free(load("  listen: [127.0.0.1]\n  units: [{unit: 1, link: a}, {unit: 12, link: b, target: 2}]\n",
              &options));
    const struct gateway_target *targets = options.gateway.targets;
    ck_assert(targets[1].known && targets[1].link == 0 && targets[1].unit == 1);
    ck_assert(targets[12].known && targets[12].link == 1 && targets[12].unit == 2);
    ck_assert(!targets[2].known);
    release(&options);
}
END_TEST

START_TEST(what_the_gateway_names_must_be_there)
{
    struct rig_options options;
    char *said = load("  listen: [127.0.0.1]\n  units: [{unit: 1, link: a}]\n", &options);
    ck_assert_ptr_nonnull(strstr(said, "no-ca.pem"));
    ck_assert_ptr_nonnull(strstr(said, "no-policy.yaml"));
    free(said);
    release(&options);
}
END_TEST

START_TEST(the_port_is_802_unless_given)
{
    static const struct {
        const char *address, *host, *port;
    } rows[] = {
        {"0.0.0.0", "0.0.0.0", "802"}, {"127.0.0.1:1802", "127.0.0.1", "1802"}, {"[::1]", "::1", "802"},
        {"[::1]:9", "::1", "9"},       {"gate.example", "gate.example", "802"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char host[IO_HOST_MAX];
        char port[IO_PORT_MAX];
        ck_assert_msg(gateway_options_split(rows[i].address, host, port), "%s", rows[i].address);
        ck_assert_str_eq(host, rows[i].host);
        ck_assert_str_eq(port, rows[i].port);
    }
}
END_TEST

int main(void)
{
    return suite_run("gateway_options", (const TTest *[]){
                                            a_mistake_in_the_unit_map_is_told,
                                            a_unit_is_where_the_map_says,
                                            what_the_gateway_names_must_be_there,
                                            the_port_is_802_unless_given,
                                            NULL,
                                        });
}
