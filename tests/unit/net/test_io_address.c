#include "base/array.h"
#include "net/io.h"
#include "support/suite.h"

#include <stdio.h>
#include <string.h>

START_TEST(splits_host_and_port)
{
    static const struct {
        const char *text, *host, *port;
    } rows[] = {
        {"control.example:8443", "control.example", "8443"}, {"192.0.2.7:802", "192.0.2.7", "802"},
        {"[2001:db8::7]:802", "2001:db8::7", "802"},         {"[::]:0", "::", "0"},
        {"localhost:65535", "localhost", "65535"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char host[IO_HOST_MAX];
        char port[IO_PORT_MAX];
        ck_assert_msg(io_split_address(rows[i].text, host, port), "%s", rows[i].text);
        ck_assert_str_eq(host, rows[i].host);
        ck_assert_str_eq(port, rows[i].port);
    }
}
END_TEST

START_TEST(refuses_what_is_neither)
{
    static const char *const rows[] = {
        "",
        ":",
        "control.example",
        "control.example:",
        ":8443",
        "2001:db8::7",
        "2001:db8::7:802",
        "[2001:db8::7]",
        "[2001:db8::7:802",
        "[]:802",
        "]:802",
        "[:802",
        "host:0123456789abcdef",
        "host:65536",
        "host:99999",
        "host:4294967297",
        "host:mbaps",
        "host:-1",
        "host:+1",
        "host: 1",
        "host:00",
        "host:0802",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char host[IO_HOST_MAX];
        char port[IO_PORT_MAX];
        ck_assert_msg(!io_split_address(rows[i], host, port), "%s", rows[i]);
    }
}
END_TEST

START_TEST(a_host_may_be_as_long_as_a_dns_name_and_no_longer)
{
    char host[IO_HOST_MAX];
    char port[IO_PORT_MAX];
    char text[IO_HOST_MAX + 8];
    memset(text, 'h', sizeof text);
    snprintf(text + IO_HOST_MAX - 1, 8, ":1");
    ck_assert(io_split_address(text, host, port));
    ck_assert_uint_eq(strlen(host), IO_HOST_MAX - 1);
    memset(text, 'h', sizeof text);
    snprintf(text + IO_HOST_MAX, 8, ":1");
    ck_assert(!io_split_address(text, host, port));
}
END_TEST

int main(void)
{
    return suite_run("io_address", (const TTest *[]){
                                       splits_host_and_port,
                                       refuses_what_is_neither,
                                       a_host_may_be_as_long_as_a_dns_name_and_no_longer,
                                       NULL,
                                   });
}
