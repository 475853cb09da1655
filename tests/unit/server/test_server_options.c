#include "base/array.h"
#include "server_options.h"
#include "support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES "ca: ca.pem\ncertificate: server.pem\nkey: server.key\n"

/* What the diagnostics say about a configuration; "" if it is good. */
static const char *judge(const char *text)
{
    static char said[8192];
    struct server_options options;
    struct diagnostics *diagnostics = diagnostics_new();
    enum err result =
        options_load_text("server.yaml", text, strlen(text), server_options_table, &options, diagnostics);
    (void)result;
    server_options_check(&options, diagnostics);
    FILE *out = fmemopen(said, sizeof said, "w");
    said[0] = '\0';
    if (diagnostics_count(diagnostics) > 0) {
        diagnostics_print(diagnostics, out);
    }
    fclose(out);
    options_free(server_options_table, &options);
    diagnostics_free(diagnostics);
    return said;
}

START_TEST(a_short_configuration_is_enough)
{
    ck_assert_str_eq(judge(FILES "bridges: \"*\"\n"), "");
    ck_assert_str_eq(judge(FILES
                           "bridges: [cell-3, cell-4]\nlisten: [0.0.0.0:8443, \"[::]:8443\"]\nhttp: \"\"\n"
                           "store: sqlite:/var/lib/store.db\n"),
                     "");
    ck_assert_str_eq(
        judge(FILES "bridges: \"*\"\nstore: postgresql://host/plant\nretention: {age: 1d, size: 1GB}\n"), "");
    ck_assert_str_eq(judge(FILES "bridges: \"*\"\ntimers: {t3: 3600s, t3_max: 3600s}\n"), "");
}
END_TEST

START_TEST(what_is_wrong_is_said_with_its_place)
{
    static const struct {
        const char *name;
        const char *text;
        const char *says;
    } rows[] = {
        {"no certificate", "ca: ca.pem\nkey: k\nbridges: \"*\"\n", "certificate"},
        {"no bridges", FILES, "bridges"},
        {"address without port", FILES "bridges: \"*\"\nlisten: control\n", "server.yaml:5:9"},
        {"address beyond the ports", FILES "bridges: \"*\"\nlisten: 0.0.0.0:65536\n", "is not host:port"},
        {"http without port", FILES "bridges: \"*\"\nhttp: localhost\n", "is not host:port"},
        {"name of a bridge", FILES "bridges: [cell 3]\n", "cannot be the name of a bridge"},
        {"unknown store", FILES "bridges: \"*\"\nstore: mysql:here\n", "sqlite:FILE"},
        {"store without a file", FILES "bridges: \"*\"\nstore: \"sqlite:\"\n", "sqlite:FILE"},
        {"unknown key", FILES "bridges: \"*\"\nlisten_on: 1\n", "listen"},
        {"alarm of no level", FILES "bridges: \"*\"\nalarms: {rules: [{tag: a, limit: 1}]}\n", "level"},
        {"alarm of another level",
         FILES "bridges: \"*\"\nalarms: {rules: [{tag: a, level: highest, limit: 1}]}\n", "high_high"},
        {"alarm without a limit", FILES "bridges: \"*\"\nalarms: {rules: [{tag: a, level: low}]}\n", "limit"},
        {"negative deadband",
         FILES "bridges: \"*\"\nalarms: {rules: [{tag: a, level: low, limit: 1, deadband: -1}]}\n",
         "deadband"},
        {"command by name", FILES "bridges: \"*\"\nalarms: {command: mail}\n", "is an absolute path"},
        {"webhook to a file", FILES "bridges: \"*\"\nalarms: {webhook: \"file:///etc/passwd\"}\n",
         "begins with http"},
        {"t2 above t1", FILES "bridges: \"*\"\ntimers: {t1: 5s, t2: 6s}\n", "t2: must be shorter than t1"},
        {"t3 beyond what HELLO can say", FILES "bridges: \"*\"\ntimers: {t3: 3601s}\n", "t3"},
        {"t3_max beyond what HELLO can say", FILES "bridges: \"*\"\ntimers: {t3_max: 3601s}\n", "t3_max"},
        {"window below a batch", FILES "bridges: \"*\"\nlimits: {window_bytes: 8KiB}\n", "window_bytes"},
        {"a stream that has limits of its own",
         FILES "bridges: \"*\"\nstore: jetstream://host/plant\nretention: {age: 1d}\n",
         "max_age and max_bytes"},
        {"queue below a catalog", FILES "bridges: \"*\"\nlimits: {queue_bytes: 2MiB}\n", "queue_bytes"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *said = judge(rows[i].text);
        ck_assert_msg(strstr(said, rows[i].says) != NULL, "%s: %s", rows[i].name, said);
    }
}
END_TEST

int main(void)
{
    return suite_run("server_options", (const TTest *[]){
                                           a_short_configuration_is_enough,
                                           what_is_wrong_is_said_with_its_place,
                                           NULL,
                                       });
}
