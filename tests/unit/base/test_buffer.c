#include "base/buffer.h"
#include "support/suite.h"

#include <string.h>

enum { LIMIT = 1000 };

static struct buffer buffer;

static void setup(void)
{
    buffer_init(&buffer, LIMIT);
}

static void teardown(void)
{
    buffer_fini(&buffer);
}

static void append(const char *text)
{
    ck_assert_int_eq(buffer_append(&buffer, text, strlen(text)), ERR_OK);
}

static void expect_content(const char *text)
{
    struct bytes bytes = buffer_bytes(&buffer);
    ck_assert_uint_eq(bytes.size, strlen(text));
    ck_assert(bytes.size == 0 || memcmp(bytes.data, text, bytes.size) == 0);
}

START_TEST(gives_back_what_was_appended_in_order)
{
    append("one ");
    append("");
    append("two");
    expect_content("one two");
    buffer_consume(&buffer, 4);
    expect_content("two");
    append(" three");
    expect_content("two three");
    ck_assert_int_eq(buffer_format(&buffer, " %d%%", 4), ERR_OK);
    expect_content("two three 4%");
}
END_TEST

START_TEST(an_empty_buffer_has_no_bytes_and_no_memory)
{
    expect_content("");
    ck_assert_ptr_null(buffer.data);
    ck_assert_int_eq(buffer_append(&buffer, NULL, 0), ERR_OK);
    ck_assert_ptr_null(buffer_bytes(&buffer).data);
    buffer_consume(&buffer, 5);
    expect_content("");
}
END_TEST

START_TEST(fills_up_to_its_limit_and_stays_as_it_was_beyond)
{
    static const char full[LIMIT + 1];
    ck_assert_int_eq(buffer_append(&buffer, full, LIMIT + 1), ERR_LIMIT);
    expect_content("");
    ck_assert_int_eq(buffer_append(&buffer, full, LIMIT - 1), ERR_OK);
    ck_assert_int_eq(buffer_append(&buffer, "ab", 2), ERR_LIMIT);
    ck_assert_int_eq(buffer_format(&buffer, "%s", "ab"), ERR_LIMIT);
    ck_assert_ptr_null(buffer_reserve(&buffer, 2));
    ck_assert_int_eq(buffer_append(&buffer, "a", 1), ERR_OK);
    ck_assert_uint_eq(buffer_bytes(&buffer).size, LIMIT);
    ck_assert_int_eq(buffer_append(&buffer, full, SIZE_MAX), ERR_LIMIT);
}
END_TEST

START_TEST(the_limit_counts_what_is_left_not_what_passed_through)
{
    for (int i = 0; i < 100; i++) {
        static const char part[LIMIT * 2 / 3];
        ck_assert_int_eq(buffer_append(&buffer, part, sizeof part), ERR_OK);
        buffer_consume(&buffer, sizeof part / 2);
        buffer_consume(&buffer, sizeof part);
        expect_content("");
    }
    ck_assert_uint_le(buffer.capacity, (size_t)2 * LIMIT);
}
END_TEST

START_TEST(reserved_room_counts_only_as_far_as_committed)
{
    append("12");
    uint8_t *room = buffer_reserve(&buffer, 500);
    ck_assert_ptr_nonnull(room);
    memset(room, 'x', 500);
    buffer_commit(&buffer, 3);
    expect_content("12xxx");
    buffer_consume(&buffer, 2);
    room = buffer_reserve(&buffer, LIMIT - 3);
    ck_assert_ptr_nonnull(room);
    memset(room, 'y', LIMIT - 3);
    buffer_commit(&buffer, 1);
    expect_content("xxxy");
}
END_TEST

START_TEST(a_cleared_buffer_keeps_its_memory)
{
    append("abc");
    const uint8_t *data = buffer.data;
    buffer_clear(&buffer);
    expect_content("");
    append("d");
    ck_assert_ptr_eq(buffer.data, data);
    buffer_fini(&buffer);
    buffer_fini(&buffer);
    append("again");
    expect_content("again");
}
END_TEST

int main(void)
{
    return suite_run_with("buffer", setup, teardown,
                          (const TTest *[]){
                              gives_back_what_was_appended_in_order,
                              an_empty_buffer_has_no_bytes_and_no_memory,
                              fills_up_to_its_limit_and_stays_as_it_was_beyond,
                              the_limit_counts_what_is_left_not_what_passed_through,
                              reserved_room_counts_only_as_far_as_committed,
                              a_cleared_buffer_keeps_its_memory,
                              NULL,
                          });
}
