#include "address.h"
#include "base/array.h"
#include "support/suite.h"

START_TEST(reads_addresses_and_writes_them_back)
{
    static const struct {
        const char *text;
        bool serial;
        const char *host;
        uint16_t port;
    } rows[] = {
        {"127.0.0.1:1502", false, "127.0.0.1", 1502}, {"127.0.0.1:0", false, "127.0.0.1", 0},
        {"[::1]:65535", false, "::1", 65535},         {"localhost:502", false, "localhost", 502},
        {"rtu:/tmp/plc:1", true, "/tmp/plc:1", 0},    {"rtu:", true, "", 0},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct address address;
        ck_assert_msg(address_parse(rows[i].text, &address), "%s", rows[i].text);
        ck_assert_msg(address.serial == rows[i].serial && address.port == rows[i].port, "%s", rows[i].text);
        ck_assert_str_eq(address.host, rows[i].host);
        char text[ADDRESS_TEXT_MAX];
        address_format(&address, text);
        ck_assert_str_eq(text, rows[i].serial ? rows[i].host : rows[i].text);
    }
}
END_TEST

START_TEST(refuses_what_is_no_address)
{
    static const char *const rows[] = {
        "",        "1502",    ":1502",      "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1",
        "host:1x", "host: 1", "host:65536", "::1:1502",  "[::1:1502",  "[]:1502",     "host:99999999999",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct address address;
        ck_assert_msg(!address_parse(rows[i], &address), "%s", rows[i]);
    }
}
END_TEST

int main(void)
{
    return suite_run("address", (const TTest *[]){
                                    reads_addresses_and_writes_them_back,
                                    refuses_what_is_no_address,
                                    NULL,
                                });
}
