#include "base/array.h"
#include "base/daemon.h"
#include "bridge_options.h"
#include "spool/room.h"
#include "support/certificates.h"
#include "support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char output[16384];
static struct bridge_options options;

/* Everything a configuration needs; certificates are files that are not there. */
#define START "bridge: {name: cell-3, spool: spool.db}\n"
#define SERVER                                                                                               \
    "server: {endpoints: [control.example:8443], ca: no-ca.pem, certificate: no.pem, key: no.key}\n"
#define LINKS                                                                                                \
    "links:\n"                                                                                               \
    "  - name: plc\n"                                                                                        \
    "    url: tcp://127.0.0.1:502\n"                                                                         \
    "    units: [{id: 1, tags: [{name: p, table: holding, address: 0, type: uint16, rate: 1s}]}]\n"

/* Loads, checks, and leaves what was said in `output`. */
static size_t load(const char *text)
{
    struct diagnostics *diagnostics = diagnostics_new();
    memset(&options, 0, sizeof options);
    enum err result =
        options_load_text("bridge.yaml", text, strlen(text), bridge_options_table, &options, diagnostics);
    if (result == ERR_OK || result == ERR_CONFIG) {
        bridge_options_check(&options, diagnostics);
        bridge_options_check_files(&options, diagnostics);
    }
    FILE *out = fmemopen(output, sizeof output, "w");
    diagnostics_print(diagnostics, out);
    fclose(out);
    size_t count = diagnostics_count(diagnostics);
    diagnostics_free(diagnostics);
    return count;
}

static void release(void)
{
    bridge_options_release(&options);
    options_free(bridge_options_table, &options);
}

START_TEST(defaults_are_those_of_the_documentation)
{
    ck_assert_uint_eq(load(START SERVER LINKS), 3); /* the certificates, which are not there */
    ck_assert_int_eq(options.batch.max_readings, 1000);
    ck_assert_int_eq(options.batch.max_age_us, 1000000);
    ck_assert_int_eq(options.bridge.shutdown_us, 10000000);
    ck_assert_int_eq(options.spool.when_full, ROOM_STOP_POLLING);
    ck_assert_int_eq(options.spool.max_size, INT64_C(4) * 1024 * 1024 * 1024);
    ck_assert_int_eq(options.backfill.window_share, 75);
    ck_assert_uint_eq(options.server.endpoints.count, 1);
    ck_assert_uint_eq(options.field.links.count, 1);
    release();
}
END_TEST

START_TEST(what_is_wrong_is_said_with_its_place)
{
    static const struct {
        const char *name;
        const char *text;
        const char *says;
    } rows[] = {
        {"no bridge", SERVER LINKS, "bridge"},
        {"no links", START SERVER, "links"},
        {"name with a slash", "bridge: {name: cell/3, spool: s}\n" SERVER LINKS,
         "bridge.yaml:1:16: error: name: \"cell/3\" is no bridge name"},
        {"endpoint without a port",
         START "server: {endpoints: [control], ca: a, certificate: b, key: c}\n" LINKS,
         "endpoints: \"control\" is not HOST:PORT"},
        {"endpoint beyond the ports",
         START "server: {endpoints: ['control:99999'], ca: a, certificate: b, key: c}\n" LINKS,
         "endpoints: \"control:99999\" is not HOST:PORT"},
        {"endpoint of no port",
         START "server: {endpoints: ['control:0'], ca: a, certificate: b, key: c}\n" LINKS,
         "endpoints: \"control:0\" is not HOST:PORT"},
        {"certificate that is not there", START SERVER LINKS,
         "bridge.yaml:2:73: error: certificate: certificate no.pem"},
        {"key that is not there", START SERVER LINKS, "bridge.yaml:2:86: error: key: private key no.key"},
        {"authority that is not there", START SERVER LINKS,
         "bridge.yaml:2:49: error: ca: authority (ca) no-ca.pem"},
        {"batch too large", START SERVER "batch: {max_readings: 65537}\n" LINKS, "max_readings"},
        {"batch of nothing", START SERVER "batch: {max_readings: 0}\n" LINKS, "max_readings"},
        {"unknown policy", START SERVER "spool: {when_full: drop-newest}\n" LINKS, "when_full"},
        {"share above the whole", START SERVER "backfill: {window_share: 101}\n" LINKS, "window_share"},
        {"spool too small", START SERVER "spool: {max_size: 1000}\n" LINKS, "max_size"},
        {"longest wait below the first",
         START "server: {endpoints: ['a:1'], ca: a, certificate: b, key: c, retry_first: 2s, retry_max: "
               "1s}\n" LINKS,
         "retry_max: it is shorter than retry_first"},
        {"unknown key", START SERVER "bakfill: {}\n" LINKS, "backfill"},
        {"rule of the field", START SERVER "links: [{name: plc, url: 'tcp://h:99999', units: []}]\n", "url"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_msg(load(rows[i].text) > 0, "%s", rows[i].name);
        ck_assert_msg(strstr(output, rows[i].says), "%s: %s", rows[i].name, output);
        release();
    }
}
END_TEST

START_TEST(all_errors_are_said_at_once)
{
    ck_assert_uint_ge(load("bridge: {name: '', spool: s}\n"
                           "server: {endpoints: [x], ca: a, certificate: b, key: c, retry_max: 0s}\n"
                           "batch: {max_age: soon}\n" LINKS),
                      3);
    release();
}
END_TEST

START_TEST(the_catalog_is_made_only_of_a_good_configuration)
{
    ck_assert_uint_gt(load("bridge: {name: cell/3, spool: s}\n" SERVER LINKS), 3);
    ck_assert_ptr_null(options.catalog);
    ck_assert_ptr_null(options.tls);
    release();
}
END_TEST

/* ---- with real certificates ---- */

static struct certificates plant;

/* Loads a configuration of cell-3 with this pair of files. */
static size_t load_with(const char *pair, const char *ca)
{
    char text[4096];
    snprintf(text, sizeof text,
             START
             "server:\n  endpoints: ['a:1']\n  ca: %s/%s\n  certificate: %s/%s.pem\n  key: %s/%s.key\n" LINKS,
             plant.folder, ca, plant.folder, pair, plant.folder, pair);
    return load(text);
}

START_TEST(certificates_are_judged_with_their_place)
{
    static const struct {
        const char *pair, *ca;
        size_t errors;
        const char *says;
    } rows[] = {
        {"bridge/cell-3", "ca.pem", 0, ""},
        {"bad/bridge/wrong-name", "ca.pem", 1, "bridge.yaml:5:16: error: certificate: "},
        {"bad/bridge/two-names", "ca.pem", 1, "names no bridge, or more than one"},
        {"bad/bridge/expired", "ca.pem", 1, "warning: certificate: "},
        {"bridge/cell-3", "crl.pem", 1, "bridge.yaml:4:7: error: ca: "},
        {"bridge/cell-3", "bridge/cell-3.pem", 1, "none of its certificates is that of an authority"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_msg(load_with(rows[i].pair, rows[i].ca) == rows[i].errors, "%s, %s: %s", rows[i].pair,
                      rows[i].ca, output);
        ck_assert_msg(strstr(output, rows[i].says), "%s, %s: %s", rows[i].pair, rows[i].ca, output);
        release();
    }
}
END_TEST

int main(void)
{
    certificates_make(&plant);
    certificates_run(&plant, "bad-set", "");
    int status = suite_run("bridge_options", (const TTest *[]){
                                                 defaults_are_those_of_the_documentation,
                                                 what_is_wrong_is_said_with_its_place,
                                                 all_errors_are_said_at_once,
                                                 the_catalog_is_made_only_of_a_good_configuration,
                                                 certificates_are_judged_with_their_place,
                                                 NULL,
                                             });
    certificates_remove(&plant);
    return status;
}
