#include "base/array.h"
#include "support/suite.h"
#include "tunnel/tag_address.h"

START_TEST(a_reference_names_table_and_address)
{
    static const struct {
        const char *reference;
        enum table table;
        uint16_t address;
    } rows[] = {
        {"00001", TABLE_COIL, 0},       {"10001", TABLE_DISCRETE, 0},    {"30001", TABLE_INPUT, 0},
        {"40001", TABLE_HOLDING, 0},    {"40101", TABLE_HOLDING, 100},   {"49999", TABLE_HOLDING, 9998},
        {"400101", TABLE_HOLDING, 100}, {"410000", TABLE_HOLDING, 9999}, {"465536", TABLE_HOLDING, 65535},
        {"000001", TABLE_COIL, 0},      {"300002", TABLE_INPUT, 1},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct tag_address address;
        ck_assert_msg(tag_address_parse(rows[i].reference, &address, NULL) == ERR_OK, "%s",
                      rows[i].reference);
        ck_assert_msg(address.table == rows[i].table, "%s", rows[i].reference);
        ck_assert_msg(address.address == rows[i].address, "%s", rows[i].reference);
    }
}
END_TEST

START_TEST(nothing_is_guessed)
{
    static const char *const rows[] = {"",       "100",    "0",      "4001",    "40000",     "400000",
                                       "465537", "20001",  "50001",  "4000001", "-40001",    "+40001",
                                       "4000a",  " 40001", "40001 ", "0x9c41",  "４０００１"};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct tag_address address;
        struct err_text why = {.text = ""};
        ck_assert_msg(tag_address_parse(rows[i], &address, &why) == ERR_CONFIG, "%s", rows[i]);
        ck_assert_msg(why.text[0] != '\0', "%s", rows[i]);
    }
}
END_TEST

int main(void)
{
    return suite_run("tag_address", (const TTest *[]){
                                        a_reference_names_table_and_address,
                                        nothing_is_guessed,
                                        NULL,
                                    });
}
