#include "base/array.h"
#include "command.h"
#include "support/suite.h"

#include <string.h>

static struct faults faults;

static void setup(void)
{
    faults_init(&faults, 1);
}

static void teardown(void)
{
    faults_fini(&faults);
}

static void assert_answer(const char *request, const char *expected)
{
    struct buffer out;
    buffer_init(&out, 65536);
    struct json json = json_start(&out);
    command_fault(&faults, request, 0, &json);
    ck_assert_int_eq(json_finish(&json), ERR_OK);
    ck_assert_int_eq(buffer_append(&out, "", 1), ERR_OK);
    const char *text = (const char *)buffer_bytes(&out).data;
    ck_assert_msg(strstr(text, expected), "%s: %s does not have %s", request, text, expected);
    buffer_fini(&out);
}

START_TEST(adds_a_fault_from_words)
{
    assert_answer("fault add delay unit=2 table=holding address=4 count=2 delay=250ms jitter=50ms for=5s",
                  "{\"id\":1}");
    ck_assert_uint_eq(faults.count, 1);
    const struct fault *fault = &faults.items[0];
    ck_assert_int_eq(fault->options.kind, FAULT_DELAY);
    ck_assert_int_eq(fault->options.unit, 2);
    ck_assert_int_eq(fault->options.table, IMAGE_HOLDING);
    ck_assert_int_eq(fault->options.delay_us, 250000);
    ck_assert_int_eq(fault->options.jitter_us, 50000);
    ck_assert_int_eq(fault->until_us, 5000000);
}
END_TEST

START_TEST(an_endpoint_with_a_port_is_one_word)
{
    assert_answer("fault add refuse endpoint=127.0.0.1:1502", "{\"id\":1}");
    ck_assert(faults_refuse(&faults, 0, "127.0.0.1:1502"));
    ck_assert(!faults_refuse(&faults, 0, "127.0.0.1:1503"));
}
END_TEST

START_TEST(lists_and_clears)
{
    assert_answer("fault list", "[]");
    assert_answer("fault add silence unit=3", "{\"id\":1}");
    assert_answer("fault add reset", "{\"id\":2}");
    assert_answer("fault list", "\"kind\":\"silence\",\"endpoint\":\"any\",\"unit\":3");
    assert_answer("fault clear 1", "{\"cleared\":1}");
    assert_answer("fault clear 1", "error");
    assert_answer("fault add delay", "{\"id\":3}");
    assert_answer("fault clear all", "{\"cleared\":2}");
    ck_assert_uint_eq(faults.count, 0);
}
END_TEST

START_TEST(wrong_words_are_answered_with_what_is_wrong)
{
    static const struct {
        const char *request;
        const char *expected;
    } rows[] = {
        {"fault", "expected"},
        {"fault add", "expected"},
        {"fault add ", "KIND KEY=VALUE"},
        {"fault add slow", "slow"},
        {"fault add delay unit=300", "unit"},
        {"fault add delay delay=250", "250"},
        {"fault add delay dely=250ms", "did you mean"},
        {"fault add delay unit", "KIND KEY=VALUE"},
        {"fault clear", "expected"},
        {"fault clear x", "no such fault"},
        {"fault clear 1x", "no such fault"},
        {"fault frobnicate", "expected"},
        {"bogus", "expected"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        assert_answer(rows[i].request, rows[i].expected);
        ck_assert_uint_eq(faults.count, 0);
    }
}
END_TEST

int main(void)
{
    return suite_run_with("command", setup, teardown,
                          (const TTest *[]){
                              adds_a_fault_from_words,
                              an_endpoint_with_a_port_is_one_word,
                              lists_and_clears,
                              wrong_words_are_answered_with_what_is_wrong,
                              NULL,
                          });
}
