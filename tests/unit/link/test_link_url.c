#include "base/array.h"
#include "link/link_url.h"
#include "support/suite.h"

START_TEST(tcp_urls_have_host_and_port)
{
    static const struct {
        const char *text;
        const char *host;
        uint16_t port;
        enum link_scheme scheme;
    } rows[] = {
        {"tcp://192.0.2.10:502", "192.0.2.10", 502, LINK_TCP},
        {"tcp://192.0.2.10", "192.0.2.10", 502, LINK_TCP},
        {"tcp://boiler-plc.plant.example:1502", "boiler-plc.plant.example", 1502, LINK_TCP},
        {"tcp://[2001:db8::7]:503", "2001:db8::7", 503, LINK_TCP},
        {"tcp://[fe80::1%eth0]", "fe80::1%eth0", 502, LINK_TCP},
        {"tcp://plc:65535", "plc", 65535, LINK_TCP},
        {"tls://192.0.2.10", "192.0.2.10", 802, LINK_TLS},
        {"tls://[2001:db8::7]:8802", "2001:db8::7", 8802, LINK_TLS},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct link_url url;
        ck_assert_msg(link_url_parse(rows[i].text, &url, NULL) == ERR_OK, "%s", rows[i].text);
        ck_assert_int_eq(url.scheme, rows[i].scheme);
        ck_assert_str_eq(url.host, rows[i].host);
        ck_assert_uint_eq(url.port, rows[i].port);
    }
}
END_TEST

START_TEST(a_serial_line_has_the_standards_defaults)
{
    static const struct {
        const char *text;
        uint32_t baud;
        char parity;
        uint8_t data_bits, stop_bits;
        int64_t character_bits;
    } rows[] = {
        {"rtu:///dev/ttyS0", 19200, 'E', 8, 1, 11},
        {"rtu:///dev/ttyS0?", 19200, 'E', 8, 1, 11},
        {"rtu:///dev/ttyS0?parity=none", 19200, 'N', 8, 2, 11},
        {"rtu:///dev/ttyS0?baud=9600&parity=none&stop=1", 9600, 'N', 8, 1, 10},
        {"rtu:///dev/ttyS0?baud=115200&parity=odd&data=7&stop=2", 115200, 'O', 7, 2, 11},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct link_url url;
        ck_assert_msg(link_url_parse(rows[i].text, &url, NULL) == ERR_OK, "%s", rows[i].text);
        ck_assert_int_eq(url.scheme, LINK_RTU);
        ck_assert_str_eq(url.device, "/dev/ttyS0");
        ck_assert_uint_eq(url.baud, rows[i].baud);
        ck_assert_int_eq(url.parity, rows[i].parity);
        ck_assert_uint_eq(url.data_bits, rows[i].data_bits);
        ck_assert_uint_eq(url.stop_bits, rows[i].stop_bits);
        ck_assert_int_eq(link_url_characters_us(&url, url.baud), rows[i].character_bits * 1000000);
    }
}
END_TEST

START_TEST(what_is_no_url_says_why)
{
    static const char *const rows[] = {
        "",
        "192.0.2.10:502",
        "http://plc",
        "mqtt://plc:802",
        "tcp://",
        "tcp://:502",
        "tcp://plc:",
        "tcp://plc:0",
        "tcp://plc:65536",
        "tcp://plc:502abc",
        "tcp://plc:502/x",
        "tcp://plc/x",
        "tcp://pl c",
        "tcp://[2001:db8::7",
        "tcp://[2001:db8::7]x",
        "tcp://[]:502",
        "tcp://2001:db8::7",
        "rtu://",
        "rtu://ttyS0",
        "rtu:///dev/ttyS0?baud=19201",
        "rtu:///dev/ttyS0?baud=",
        "rtu:///dev/ttyS0?baud",
        "rtu:///dev/ttyS0?parity=maybe",
        "rtu:///dev/ttyS0?stop=3",
        "rtu:///dev/ttyS0?data=9",
        "rtu:///dev/ttyS0?speed=9600",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct link_url url;
        struct err_text why = {.text = ""};
        ck_assert_msg(link_url_parse(rows[i], &url, &why) == ERR_CONFIG, "%s", rows[i]);
        ck_assert_msg(why.text[0] != '\0', "%s", rows[i]);
    }
}
END_TEST

int main(void)
{
    return suite_run("link_url", (const TTest *[]){
                                     tcp_urls_have_host_and_port,
                                     a_serial_line_has_the_standards_defaults,
                                     what_is_no_url_says_why,
                                     NULL,
                                 });
}
