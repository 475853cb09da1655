#include "base/log.h"
#include "support/suite.h"

#include <string.h>

static char captured[2 * LOG_LINE_MAX];

static void capture(void *owner, const char *line, size_t size)
{
    (void)owner;
    memcpy(captured, line, size);
    captured[size] = '\0';
}

static void setup(void)
{
    log_set_sink(capture, NULL);
    log_configure(LOG_INFO, LOG_LOGFMT);
}

START_TEST(writes_logfmt_with_typed_fields)
{
    log_info("uplink", log_event("batch_acked"), log_str("bridge", "cell-3"), log_u64("seq", 812),
             log_ms("rtt_ms", 3200), log_bool("live", true), log_hex("epoch", "\x01\xab", 2));
    ck_assert_pstr_eq(strstr(captured, "level="),
                      "level=info sub=uplink event=batch_acked bridge=cell-3 seq=812 rtt_ms=3.200 live=true "
                      "epoch=01ab\n");
}
END_TEST

START_TEST(a_value_cannot_forge_a_line_or_a_field)
{
    log_info("x", log_event("e"), log_str("a", "b\nlevel=error c=\"d\" \\ \x1b[31m\xff\xc2\x9b"));
    ck_assert_pstr_eq(strstr(captured, "a="),
                      "a=\"b\\u000alevel=error c=\\\"d\\\" \\\\ \\u001b[31m\xef\xbf\xbd\\u009b\"\n");
}
END_TEST

START_TEST(writes_json)
{
    log_configure(LOG_INFO, LOG_JSON);
    log_warn("x", log_event("e"), log_str("s", "q\"uote"), log_i64("n", -5));
    ck_assert_pstr_eq(strstr(captured, "\"level\""),
                      "\"level\":\"warn\",\"sub\":\"x\",\"event\":\"e\",\"s\":\"q\\\"uote\",\"n\":-5}\n");
}
END_TEST

START_TEST(a_long_value_is_cut_and_says_so)
{
    static char endless[3 * LOG_LINE_MAX];
    memset(endless, '"', sizeof endless - 1);
    log_configure(LOG_INFO, LOG_JSON);
    log_info("x", log_event("e"), log_str("s", endless), log_i64("n", 1));
    ck_assert_uint_le(strlen(captured), LOG_LINE_MAX);
    ck_assert_pstr_eq(captured + strlen(captured) - 13, ",\"cut\":true}\n");
}
END_TEST

START_TEST(a_line_cut_anywhere_is_whole_json)
{
    static char filler[LOG_LINE_MAX];
    log_configure(LOG_INFO, LOG_JSON);
    for (size_t size = LOG_LINE_MAX - 200; size < LOG_LINE_MAX; size++) {
        memset(filler, 'x', size);
        filler[size] = '\0';
        log_info("x", log_str("s", filler), log_str("name", "a\nb"), log_i64("number", 12345));
        size_t quotes = 0;
        for (const char *at = captured; *at; at++) {
            quotes += *at == '"';
        }
        ck_assert_uint_eq(quotes % 2, 0);
        ck_assert_ptr_null(strstr(captured, "\"\":"));
        ck_assert_ptr_null(strstr(captured, ":,"));
        ck_assert_str_eq(captured + strlen(captured) - 2, "}\n");
    }
}
END_TEST

START_TEST(levels_above_the_configured_one_are_silent)
{
    captured[0] = '\0';
    log_debug("x", log_event("e"));
    ck_assert_pstr_eq(captured, "");
}
END_TEST

START_TEST(a_limit_counts_what_it_swallows)
{
    struct log_limit limit = {.burst = 2, .interval_us = 1000};
    uint64_t suppressed = 0;
    ck_assert(log_limit_allow(&limit, 10, &suppressed));
    ck_assert(log_limit_allow(&limit, 11, &suppressed));
    ck_assert(!log_limit_allow(&limit, 12, &suppressed));
    ck_assert(!log_limit_allow(&limit, 1009, &suppressed));
    ck_assert(log_limit_allow(&limit, 1010, &suppressed));
    ck_assert_uint_eq(suppressed, 2);
}
END_TEST

int main(void)
{
    return suite_run_with("log", setup, NULL,
                          (const TTest *[]){
                              writes_logfmt_with_typed_fields,
                              a_value_cannot_forge_a_line_or_a_field,
                              writes_json,
                              a_long_value_is_cut_and_says_so,
                              a_line_cut_anywhere_is_whole_json,
                              levels_above_the_configured_one_are_silent,
                              a_limit_counts_what_it_swallows,
                              NULL,
                          });
}
