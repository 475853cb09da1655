#include "base/array.h"
#include "field/line.h"
#include "support/suite.h"

static struct link_url url_of(const char *text)
{
    struct link_url url;
    ck_assert_int_eq(link_url_parse(text, &url, NULL), ERR_OK);
    return url;
}

START_TEST(a_serial_request_takes_its_characters_and_two_silences)
{
    static const struct {
        const char *url;
        struct plan_block block;
        int64_t latency_us;
        int64_t characters, character_bits, baud, silence_us;
    } rows[] = {
        {"rtu:///dev/t?baud=9600&parity=even",
         {.quantity = 10, .table = TABLE_HOLDING},
         0,
         33,
         11,
         9600,
         4011},
        {"rtu:///dev/t?baud=19200", {.quantity = 125, .table = TABLE_INPUT}, 5000, 263, 11, 19200, 2006},
        {"rtu:///dev/t?baud=115200&parity=none&stop=1",
         {.quantity = 1, .table = TABLE_INPUT},
         0,
         15,
         10,
         115200,
         1750},
        {"rtu:///dev/t?baud=9600", {.quantity = 9, .table = TABLE_COIL}, 0, 15, 11, 9600, 4011},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct link_url url = url_of(rows[i].url);
        int64_t frames_us = rows[i].characters * rows[i].character_bits * 1000000 / rows[i].baud;
        int64_t wanted_us = frames_us + 2 * rows[i].silence_us + rows[i].latency_us;
        int64_t got_us = line_request_us(&url, rows[i].latency_us, &rows[i].block);
        ck_assert_int_ge(got_us, wanted_us - 3);
        ck_assert_int_le(got_us, wanted_us + 3);
        ck_assert_int_ge(link_url_silence_us(&url), rows[i].silence_us - 1);
        ck_assert_int_le(link_url_silence_us(&url), rows[i].silence_us + 1);
    }
}
END_TEST

START_TEST(over_tcp_only_the_latency_counts)
{
    struct link_url url = url_of("tcp://plc");
    const struct plan_block block = {.quantity = 125, .table = TABLE_HOLDING};
    ck_assert_int_eq(line_request_us(&url, 12345, &block), 12345);
}
END_TEST

int main(void)
{
    return suite_run("line", (const TTest *[]){
                                 a_serial_request_takes_its_characters_and_two_silences,
                                 over_tcp_only_the_latency_counts,
                                 NULL,
                             });
}
