#include "base/array.h"
#include "support/suite.h"
#include "web_options.h"

#include <stdio.h>
#include <string.h>

/* What the diagnostics say about a configuration; "" if it is good. */
static const char *judge(const char *text)
{
    static char said[8192];
    struct web_options options;
    struct diagnostics *diagnostics = diagnostics_new();
    (void)!options_load_text("web.yaml", text, strlen(text), web_options_table, &options, diagnostics);
    web_options_check(&options, diagnostics);
    said[0] = '\0';
    if (diagnostics_count(diagnostics) > 0) {
        FILE *out = fmemopen(said, sizeof said, "w");
        diagnostics_print(diagnostics, out);
        fclose(out);
    }
    options_free(web_options_table, &options);
    diagnostics_free(diagnostics);
    return said;
}

#define TLS "tls: {ca: ca.pem, certificate: web.pem, key: web.key}\n"

START_TEST(others_are_served_by_tls_only)
{
    static const struct {
        const char *text, *says; /* "" = good */
    } rows[] = {
        {"listen: 127.0.0.1:0\n", ""},
        {"listen: \"[::1]:8088\"\n", ""},
        {"listen: localhost:8088\n", ""},
        {"listen: 0.0.0.0:8088\n", "without tls anybody could read everything"},
        {"listen: 192.0.2.7:8088\n", "without tls"},
        {"listen: \"[::]:8088\"\n", "without tls"},
        {"listen: 0.0.0.0:8088\n" TLS, ""},
        {"listen: 0.0.0.0:8088\ntls: {ca: ca.pem}\n", "certificate"},
        {"listen: here\n", "is not host:port"},
        {"store: postgresql:db\n", "sqlite:FILE"},
        {"limits: {connections: 10, events: 10}\n", "events: must be fewer"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *said = judge(rows[i].text);
        bool as_expected = rows[i].says[0] ? strstr(said, rows[i].says) != NULL : said[0] == '\0';
        ck_assert_msg(as_expected, "%s: %s", rows[i].text, said);
    }
}
END_TEST

int main(void)
{
    return suite_run("web_options", (const TTest *[]){others_are_served_by_tls_only, NULL});
}
