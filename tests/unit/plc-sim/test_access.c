#include "access.h"
#include "base/array.h"
#include "support/suite.h"

#include <stdlib.h>
#include <string.h>

static char operator_role[] = "operator";
static char tuner[] = "tuner";
static char nobody[] = "";

static const struct access_rule table[] = {
    {.role = operator_role, .read = true, .write = true, .last = 65535},
    {.role = tuner, .read = true, .last = 19},
    {.role = tuner, .write = true, .first = 16, .last = 17},
};
static const struct access_rule closed[] = {{.role = nobody, .last = 65535}};

static struct bytes parse(const char *text, uint8_t *space)
{
    size_t size = 0;
    for (; *text; text += 2) {
        const char digits[] = {text[0], text[1], '\0'};
        space[size++] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return (struct bytes){.data = space, .size = size};
}

START_TEST(what_no_rule_allows_is_denied)
{
    static const struct {
        const char *name;
        const char *role;
        const char *pdu;
        bool allowed;
    } rows[] = {
        {"the operator reads", "operator", "0300000001", true},
        {"the operator writes", "operator", "060010000A", true},
        {"another case is another role", "Operator", "0300000001", false},
        {"a role nobody knows", "visitor", "0300000001", false},
        {"the tuner reads up to its end", "tuner", "0300000014", true},
        {"a read across its end", "tuner", "0300000015", false},
        {"the tuner writes the first", "tuner", "0600100000", true},
        {"the tuner writes the last", "tuner", "0600110000", true},
        {"below its range", "tuner", "06000F0000", false},
        {"a write across the range's end", "tuner", "10001100020400000000", false},
        {"a mask is a write", "tuner", "160010FFFF0000", true},
        {"a mask outside", "tuner", "160000FFFF0000", false},
        {"17 passes both", "tuner", "17000000010010000102AAAA", true},
        {"17 reads outside", "tuner", "17001400010010000102AAAA", false},
        {"17 writes outside", "tuner", "17000000010000000102AAAA", false},
        {"an identification is a read", "tuner", "2B0E0100", true},
        {"an echo is a read", "", "08000012345678", true},
        {"clearing counters is a write", "", "08000A0000", false},
        {"no role reads", "", "0300000001", true},
        {"no role does not write", "", "0600100000", false},
        {"an ill-formed read goes on to be refused as such", "", "03000000", true},
        {"an ill-formed write of no role", "", "0600", false},
        {"an ill-formed request of a role nobody knows", "visitor", "03000000", false},
        {"a function nobody knows", "visitor", "64", false},
        {"a write to a file", "", "150906000100000001AAAA", false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        uint8_t space[64];
        bool allowed = access_allows(table, ARRAY_LENGTH(table), rows[i].role, parse(rows[i].pdu, space));
        ck_assert_msg(allowed == rows[i].allowed, "%s", rows[i].name);
    }
}
END_TEST

START_TEST(a_rule_for_no_role_takes_the_place_of_reading_everything)
{
    uint8_t space[8];
    ck_assert(!access_allows(closed, 1, "", parse("0300000001", space)));
    ck_assert(access_allows(NULL, 0, "", parse("0300000001", space)));
    ck_assert(!access_allows(NULL, 0, "operator", parse("0300000001", space)));
}
END_TEST

int main(void)
{
    return suite_run("access", (const TTest *[]){
                                   what_no_rule_allows_is_denied,
                                   a_rule_for_no_role_takes_the_place_of_reading_everything,
                                   NULL,
                               });
}
