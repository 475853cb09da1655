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
     {.max_change = 10, .type = VALUE_INT16},
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

/* Registers 16 with two registers a value, from the start of the rule's addresses. */
static const struct wide_row {
    const char *name;
    struct policy_guard guard;
    struct pdu_request request;
    unsigned offset;
    struct bytes old; /* none: the request alone is judged */
    bool allowed;
} wide_rows[] = {
#define WIDE(n, ...)                                                                                         \
    {                                                                                                        \
        .function = 16, .write = SPAN(n), .data = BYTES(__VA_ARGS__)                                         \
    }
#define F32(...)                                                                                             \
    {                                                                                                        \
        .type = VALUE_FLOAT32, __VA_ARGS__                                                                   \
    }
#define NO_OLD                                                                                               \
    {                                                                                                        \
        NULL, 0                                                                                              \
    }
    {"uint32: the highest",
     {.type = VALUE_UINT32, .bounded = true, .max = 65536},
     WIDE(2, 0, 1, 0, 0),
     0,
     NO_OLD,
     true},
    {"one more",
     {.type = VALUE_UINT32, .bounded = true, .max = 65536},
     WIDE(2, 0, 1, 0, 1),
     0,
     NO_OLD,
     false},
    {"low word first",
     {.type = VALUE_UINT32, .words_swapped = true, .bounded = true, .max = 65536},
     WIDE(2, 0, 0, 0, 1),
     0,
     NO_OLD,
     true},
    {"low word first, one more",
     {.type = VALUE_UINT32, .words_swapped = true, .bounded = true, .max = 65536},
     WIDE(2, 0, 1, 0, 1),
     0,
     NO_OLD,
     false},
    {"uint32 has no sign",
     {.type = VALUE_UINT32, .bounded = true, .max = 4294967294.0},
     WIDE(2, 0xff, 0xff, 0xff, 0xff),
     0,
     NO_OLD,
     false},
    {"int32: the lowest",
     {.type = VALUE_INT32, .bounded = true, .min = -2},
     WIDE(2, 0xff, 0xff, 0xff, 0xfe),
     0,
     NO_OLD,
     true},
    {"one less",
     {.type = VALUE_INT32, .bounded = true, .min = -2},
     WIDE(2, 0xff, 0xff, 0xff, 0xfd),
     0,
     NO_OLD,
     false},
    {"the second of two",
     {.type = VALUE_INT32, .bounded = true, .max = 5},
     WIDE(4, 0, 0, 0, 5, 0, 0, 0, 6),
     0,
     NO_OLD,
     false},
    {"float32: 80", F32(.bounded = true, .max = 80), WIDE(2, 0x42, 0xa0, 0, 0), 0, NO_OLD, true},
    {"the next above 80", F32(.bounded = true, .max = 80), WIDE(2, 0x42, 0xa0, 0, 1), 0, NO_OLD, false},
    {"-0 is 0", F32(.bounded = true, .max = 80), WIDE(2, 0x80, 0, 0, 0), 0, NO_OLD, true},
    {"the next below 0", F32(.bounded = true, .max = 80), WIDE(2, 0x80, 0, 0, 1), 0, NO_OLD, false},
    {"NaN", F32(.bounded = true, .min = -3e38, .max = 3e38), WIDE(2, 0x7f, 0xc0, 0, 0), 0, NO_OLD, false},
    {"infinity", F32(.bounded = true, .min = -3e38, .max = 3e38), WIDE(2, 0x7f, 0x80, 0, 0), 0, NO_OLD,
     false},
    {"NaN without values, but with a change", F32(.max_change = 1), WIDE(2, 0x7f, 0xc0, 0, 0), 0, NO_OLD,
     false},
    {"NaN of a rule that only reads back", F32(.verify = true), WIDE(2, 0x7f, 0xc0, 0, 0), 0, NO_OLD, true},
    {"a value and a half", F32(.bounded = true, .max = 80), WIDE(3, 0, 0, 0, 0, 0, 0), 0, NO_OLD, false},
    {"two halves", F32(.bounded = true, .max = 80), WIDE(2, 0, 0, 0, 0), 1, NO_OLD, false},
    {"the second value", F32(.bounded = true, .max = 80), WIDE(2, 0, 0, 0, 0), 2, NO_OLD, true},
    {"two halves without limits", F32(.verify = true), WIDE(2, 0, 0, 0, 0), 1, NO_OLD, true},
    {"06",
     F32(.bounded = true, .max = 80),
     {.function = 6, .write = SPAN(1), .data = BYTES(0, 0)},
     0,
     NO_OLD,
     false},
    {"06 with a change",
     F32(.max_change = 1),
     {.function = 6, .write = SPAN(1), .data = BYTES(0, 0)},
     0,
     NO_OLD,
     false},
    {"22", F32(.bounded = true, .max = 80), {.function = 22, .write = SPAN(1)}, 0, NO_OLD, false},
    {"22 with a change", F32(.max_change = 1), {.function = 22, .write = SPAN(1)}, 0, NO_OLD, false},
    {"23",
     F32(.bounded = true, .max = 80),
     {.function = 23, .read = SPAN(1), .write = SPAN(2), .data = BYTES(0x42, 0xa0, 0, 0)},
     0,
     NO_OLD,
     true},
    {"23 beyond",
     F32(.bounded = true, .max = 80),
     {.function = 23, .read = SPAN(1), .write = SPAN(2), .data = BYTES(0x42, 0xa0, 0, 1)},
     0,
     NO_OLD,
     false},
    {"23 on a half",
     F32(.bounded = true, .max = 80),
     {.function = 23, .read = SPAN(2), .write = SPAN(1), .data = BYTES(0, 0)},
     0,
     NO_OLD,
     false},
    {"a coil",
     F32(.bounded = true, .max = 80),
     {.function = 5, .write = SPAN(1), .data = BYTES(0xff, 0)},
     0,
     NO_OLD,
     false},
    {"two coils",
     F32(.bounded = true, .max = 80),
     {.function = 15, .write = SPAN(2), .data = BYTES(3)},
     0,
     NO_OLD,
     false},
    {"float32: a change as large as allowed", F32(.max_change = 1.5), WIDE(2, 0x3f, 0xc0, 0, 0), 0,
     BYTES(0, 0, 0, 0), true},
    {"a little more", F32(.max_change = 1.5), WIDE(2, 0x3f, 0xc0, 0, 1), 0, BYTES(0, 0, 0, 0), false},
    {"downwards", F32(.max_change = 1.5), WIDE(2, 0, 0, 0, 0), 0, BYTES(0x3f, 0xc0, 0, 0), true},
    {"from NaN", F32(.max_change = 1.5), WIDE(2, 0, 0, 0, 0), 0, BYTES(0x7f, 0xc0, 0, 0), false},
    {"from infinity", F32(.max_change = 3e38), WIDE(2, 0, 0, 0, 0), 0, BYTES(0x7f, 0x80, 0, 0), false},
    {"from end to end of float32", F32(.max_change = 3.4e38), WIDE(2, 0x7f, 0x7f, 0xff, 0xff), 0,
     BYTES(0xff, 0x7f, 0xff, 0xff), false},
    {"from end to end of int32",
     {.type = VALUE_INT32, .max_change = 4294967295.0},
     WIDE(2, 0x7f, 0xff, 0xff, 0xff),
     0,
     BYTES(0x80, 0, 0, 0),
     true},
    {"one less is allowed",
     {.type = VALUE_INT32, .max_change = 4294967294.0},
     WIDE(2, 0x7f, 0xff, 0xff, 0xff),
     0,
     BYTES(0x80, 0, 0, 0),
     false},
    {"through zero, uint32",
     {.type = VALUE_UINT32, .max_change = 10},
     WIDE(2, 0xff, 0xff, 0xff, 0xff),
     0,
     BYTES(0, 0, 0, 1),
     false},
    {"through zero, int32",
     {.type = VALUE_INT32, .max_change = 10},
     WIDE(2, 0xff, 0xff, 0xff, 0xff),
     0,
     BYTES(0, 0, 0, 1),
     true},
    {"a carry into the high word",
     {.type = VALUE_UINT32, .max_change = 1},
     WIDE(2, 0, 1, 0, 0),
     0,
     BYTES(0, 0, 0xff, 0xff),
     true},
    {"the same, low word first",
     {.type = VALUE_UINT32, .words_swapped = true, .max_change = 1},
     WIDE(2, 0, 0, 0, 1),
     0,
     BYTES(0xff, 0xff, 0, 0),
     true},
    {"the change of the second",
     {.type = VALUE_UINT32, .max_change = 1},
     WIDE(4, 0, 0, 0, 1, 0, 0, 0, 3),
     0,
     BYTES(0, 0, 0, 1, 0, 0, 0, 1),
     false},
    {"old values of one register",
     {.type = VALUE_UINT32, .max_change = 1},
     WIDE(2, 0, 0, 0, 1),
     0,
     BYTES(0, 1),
     false},
};

START_TEST(two_registers_are_judged_as_one_number)
{
    for (size_t i = 0; i < ARRAY_LENGTH(wide_rows); i++) {
        const struct wide_row *row = &wide_rows[i];
        bool allowed = policy_guard_allows(&row->guard, &row->request, row->offset);
        if (row->old.data) {
            ck_assert_msg(allowed, "%s: the request alone", row->name);
            ck_assert_msg(policy_guard_needs_old(&row->guard, row->request.function), "%s", row->name);
            allowed = policy_guard_allows_change(&row->guard, &row->request, row->old);
        }
        ck_assert_msg(allowed == row->allowed, "%s", row->name);
    }
}
END_TEST

START_TEST(limits_are_judged_by_the_request_alone_where_they_can_be)
{
    static const struct policy_guard guard = {.bounded = true, .type = VALUE_INT16, .min = -5, .max = 5};
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
        ck_assert_msg(policy_guard_allows(&guard, &limits[i].request, 0) == limits[i].allowed, "row %zu", i);
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
                                         two_registers_are_judged_as_one_number,
                                         limits_are_judged_by_the_request_alone_where_they_can_be,
                                         what_is_read_back_must_be_what_was_written,
                                         NULL,
                                     });
}
