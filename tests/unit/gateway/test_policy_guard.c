#include "base/array.h"
#include "gateway/policy_guard.h"
#include "support/suite.h"

static const struct row {
    const char *name;
    struct policy_guard guard;
    struct pdu_request request;
    struct bytes old;
    bool needs_old, allowed;
} rows[] = {
#define BYTES(...)                                                                                           \
    {                                                                                                        \
        (const uint8_t[]){__VA_ARGS__}, sizeof(const uint8_t[])                                              \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
#define SPAN(n)                                                                                              \
    {                                                                                                        \
        .address = 0, .quantity = (n)                                                                        \
    }
    {"nothing demanded",
     {0},
     {.function = 6, .write = SPAN(1), .data = BYTES(1, 0)},
     BYTES(0, 0),
     false,
     true},
    {"a change as large as allowed",
     {.max_change = 10},
     {.function = 6, .write = SPAN(1), .data = BYTES(0, 20)},
     BYTES(0, 10),
     true,
     true},
    {"one more",
     {.max_change = 10},
     {.function = 6, .write = SPAN(1), .data = BYTES(0, 21)},
     BYTES(0, 10),
     true,
     false},
    {"downwards",
     {.max_change = 10},
     {.function = 6, .write = SPAN(1), .data = BYTES(0, 10)},
     BYTES(0, 20),
     true,
     true},
    {"downwards, one more",
     {.max_change = 10},
     {.function = 6, .write = SPAN(1), .data = BYTES(0, 9)},
     BYTES(0, 20),
     true,
     false},
    {"through zero, unsigned",
     {.max_change = 10},
     {.function = 6, .write = SPAN(1), .data = BYTES(0xff, 0xff)},
     BYTES(0, 1),
     true,
     false},
    {"through zero, signed",
     {.max_change = 10, .is_signed = true},
     {.function = 6, .write = SPAN(1), .data = BYTES(0xff, 0xff)},
     BYTES(0, 1),
     true,
     true},
    {"the second of two",
     {.max_change = 1},
     {.function = 16, .write = SPAN(2), .data = BYTES(0, 1, 0, 3)},
     BYTES(0, 1, 0, 1),
     true,
     false},
    {"17 judges what it writes",
     {.max_change = 1},
     {.function = 23, .read = SPAN(9), .write = SPAN(1), .data = BYTES(0, 2)},
     BYTES(0, 1),
     true,
     true},
    {"coils are 0 and 1",
     {.max_change = 1},
     {.function = 15, .write = SPAN(2), .data = BYTES(3)},
     BYTES(0),
     true,
     true},
    {"old values that are not the items",
     {.max_change = 1},
     {.function = 6, .write = SPAN(1), .data = BYTES(0, 1)},
     BYTES(0),
     true,
     false},
    {"16: the result is within",
     {.bounded = true, .max = 0x20},
     {.function = 22, .write = SPAN(1), .and_mask = 0xf2, .or_mask = 0x25},
     BYTES(0, 0x12),
     true,
     true},
    {"16: the result is beyond",
     {.bounded = true, .max = 0x16},
     {.function = 22, .write = SPAN(1), .and_mask = 0xf2, .or_mask = 0x25},
     BYTES(0, 0x12),
     true,
     false},
    {"16: a result as large as allowed",
     {.bounded = true, .max = 0x17},
     {.function = 22, .write = SPAN(1), .and_mask = 0xf2, .or_mask = 0x25},
     BYTES(0, 0x12),
     true,
     true},
    {"16 without limits needs no old value",
     {.verify = true},
     {.function = 22, .write = SPAN(1)},
     BYTES(0, 0),
     false,
     true},
    {"limits alone need no old value",
     {.bounded = true, .max = 9},
     {.function = 6, .write = SPAN(1), .data = BYTES(0, 9)},
     BYTES(0, 0),
     false,
     true},
};

START_TEST(a_change_is_judged_value_by_value)
{
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct row *row = &rows[i];
        ck_assert_msg(policy_guard_needs_old(&row->guard, row->request.function) == row->needs_old, "%s",
                      row->name);
        ck_assert_msg(policy_guard_allows_change(&row->guard, &row->request, row->old) == row->allowed, "%s",
                      row->name);
    }
}
END_TEST

START_TEST(limits_are_judged_by_the_request_alone_where_they_can_be)
{
    static const struct policy_guard guard = {.bounded = true, .is_signed = true, .min = -5, .max = 5};
    const struct {
        struct pdu_request request;
        bool allowed;
    } limits[] = {
        {{.function = 6, .write = SPAN(1), .data = BYTES(0xff, 0xfb)}, true},
        {{.function = 6, .write = SPAN(1), .data = BYTES(0xff, 0xfa)}, false},
        {{.function = 16, .write = SPAN(2), .data = BYTES(0, 5, 0, 6)}, false},
        {{.function = 5, .write = SPAN(1), .data = BYTES(0xff, 0)}, true},
        {{.function = 15, .write = SPAN(9), .data = BYTES(0xff, 1)}, true},
        {{.function = 22, .write = SPAN(1), .and_mask = 0, .or_mask = 0x7fff}, true},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(limits); i++) {
        ck_assert_msg(policy_guard_allows(&guard, &limits[i].request) == limits[i].allowed, "row %zu", i);
    }
}
END_TEST

START_TEST(what_is_read_back_must_be_what_was_written)
{
    const struct {
        const char *name;
        struct pdu_request request;
        struct bytes old, now;
        bool written;
    } checks[] = {
        {"a register",
         {.function = 6, .write = SPAN(1), .data = BYTES(1, 2)},
         BYTES(0, 0),
         BYTES(1, 2),
         true},
        {"another value",
         {.function = 6, .write = SPAN(1), .data = BYTES(1, 2)},
         BYTES(0, 0),
         BYTES(1, 3),
         false},
        {"a coil", {.function = 5, .write = SPAN(1), .data = BYTES(0xff, 0)}, {NULL, 0}, BYTES(1), true},
        {"a coil that stayed off",
         {.function = 5, .write = SPAN(1), .data = BYTES(0xff, 0)},
         {NULL, 0},
         BYTES(0),
         false},
        {"the padding of coils does not count",
         {.function = 15, .write = SPAN(3), .data = BYTES(0x05)},
         {NULL, 0},
         BYTES(0xfd),
         true},
        {"too few registers",
         {.function = 16, .write = SPAN(2), .data = BYTES(0, 1, 0, 2)},
         {NULL, 0},
         BYTES(0, 1),
         false},
        {"a mask write",
         {.function = 22, .write = SPAN(1), .and_mask = 0xf2, .or_mask = 0x25},
         BYTES(0, 0x12),
         BYTES(0, 0x17),
         true},
        {"a mask write whose old value nobody knows",
         {.function = 22, .write = SPAN(1), .and_mask = 0xf2, .or_mask = 0x25},
         {NULL, 0},
         BYTES(0, 0x17),
         false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(checks); i++) {
        ck_assert_msg(policy_guard_is_written(&checks[i].request, checks[i].old, checks[i].now) ==
                          checks[i].written,
                      "%s", checks[i].name);
    }
}
END_TEST

int main(void)
{
    return suite_run("policy_guard", (const TTest *[]){
                                         a_change_is_judged_value_by_value,
                                         limits_are_judged_by_the_request_alone_where_they_can_be,
                                         what_is_read_back_must_be_what_was_written,
                                         NULL,
                                     });
}
