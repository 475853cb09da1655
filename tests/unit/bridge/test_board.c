#include "field/board.h"

#include "base/array.h"
#include "base/json.h"
#include "support/suite.h"

#include <string.h>

static struct board *board;
static struct catalog *catalog;
static size_t passed_on;
static bool room = true;

static bool take(void *owner, const struct reading *readings, size_t count)
{
    (void)owner;
    (void)readings;
    passed_on += count;
    return room;
}

static void setup(void)
{
    static const struct catalog_tag tags[] = {
        {.name = "a/level",
         .unit = "mm",
         .link = "l",
         .table = TABLE_HOLDING,
         .type = VALUE_INT16,
         .words = 1,
         .scale = 1},
        {.name = "a/name",
         .unit = "",
         .link = "l",
         .table = TABLE_HOLDING,
         .address = 1,
         .type = VALUE_STRING,
         .words = 3,
         .scale = 1},
        {.name = "b/level",
         .unit = "mm",
         .link = "l",
         .table = TABLE_HOLDING,
         .address = 9,
         .type = VALUE_UINT32,
         .words = 2,
         .scale = 1},
    };
    const struct reading_sink next = {.put = take};
    ck_assert_int_eq(catalog_new(tags, ARRAY_LENGTH(tags), &catalog, NULL), ERR_OK);
    ck_assert_int_eq(board_new(catalog, &next, &board), ERR_OK);
}

static void teardown(void)
{
    board_free(board);
    catalog_free(catalog);
}

static const char *ask(const char *text)
{
    static char answer[4096];
    struct board_query query;
    struct buffer out;
    buffer_init(&out, sizeof answer - 1);
    struct json json = json_start(&out);
    ck_assert(board_query_parse(text, &query));
    json_object(&json, NULL);
    board_answer(board, &query, &json);
    json_object_end(&json);
    ck_assert_int_eq(json_finish(&json), ERR_OK);
    struct bytes bytes = buffer_bytes(&out);
    memcpy(answer, bytes.data, bytes.size);
    answer[bytes.size] = '\0';
    buffer_fini(&out);
    return answer;
}

static bool put(const struct reading *readings, size_t count)
{
    struct reading_sink sink = board_sink(board);
    return sink.put(sink.owner, readings, count);
}

START_TEST(shows_the_reading_of_each_tag_that_came_last)
{
    const struct reading readings[] = {
        {.tag = 0, .response_us = 5, .word_count = 1, .words = {7}},
        {.tag = 2, .response_us = 5, .word_count = 2, .words = {1, 0}},
        {.tag = 1, .response_us = 6, .word_count = 3, .words = {0x6f6b, 0, 0}},
        {.tag = 0, .response_us = 8, .word_count = 1, .words = {0xffff}},
    };
    ck_assert(put(readings, ARRAY_LENGTH(readings)));
    ck_assert_uint_eq(passed_on, 4);
    ck_assert_str_eq(
        ask("0 9"),
        "{\"tags\":["
        "{\"tag\":\"a/level\",\"value\":\"-1\",\"unit\":\"mm\",\"quality\":\"good\",\"time_us\":8},"
        "{\"tag\":\"a/name\",\"value\":\"ok\",\"unit\":\"\",\"quality\":\"good\",\"time_us\":6},"
        "{\"tag\":\"b/level\",\"value\":\"65536\",\"unit\":\"mm\",\"quality\":\"good\",\"time_us\":5}"
        "],\"matching\":3}");
}
END_TEST

START_TEST(a_bad_reading_hides_the_value_before_it)
{
    const struct reading readings[] = {
        {.tag = 0, .response_us = 5, .word_count = 1, .words = {7}},
        {.tag = 0, .response_us = 6, .quality = QUALITY_BAD_TIMEOUT},
    };
    ck_assert(put(readings, ARRAY_LENGTH(readings)));
    ck_assert_ptr_nonnull(
        strstr(ask("0 1"), "\"value\":null,\"unit\":\"mm\",\"quality\":\"bad_timeout\",\"time_us\":6"));
    ck_assert_ptr_nonnull(
        strstr(ask("0 9 b/*"), "\"value\":null,\"unit\":\"mm\",\"quality\":\"none\",\"time_us\":0"));
}
END_TEST

START_TEST(what_the_sink_refuses_is_refused)
{
    const struct reading reading = {.tag = 0, .response_us = 5, .word_count = 1, .words = {7}};
    room = false;
    ck_assert(!put(&reading, 1));
    ck_assert(!put(NULL, 0));
    ck_assert_ptr_nonnull(strstr(ask("0 1"), "\"value\":\"7\""));
}
END_TEST

START_TEST(a_query_chooses_tags_and_rows)
{
    ck_assert_ptr_nonnull(strstr(ask("0 9 *level"), "\"matching\":2"));
    ck_assert_ptr_null(strstr(ask("1 9 *level"), "a/level"));
    ck_assert_ptr_null(strstr(ask("0 1 *level"), "b/level"));
    ck_assert_str_eq(ask("0 9 nothing"), "{\"tags\":[],\"matching\":0}");
    static const char *const wrong[] = {"", "1", "x 1", "1 x", "-1 1", "1 -1", "99999999999999999999 1"};
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct board_query query;
        ck_assert_msg(!board_query_parse(wrong[i], &query), "%s", wrong[i]);
    }
    struct board_query query;
    ck_assert(board_query_parse("0 99999 ", &query));
    ck_assert_uint_eq(query.rows, BOARD_ROWS_MAX);
}
END_TEST

int main(void)
{
    return suite_run_with("board", setup, teardown,
                          (const TTest *[]){
                              shows_the_reading_of_each_tag_that_came_last,
                              a_bad_reading_hides_the_value_before_it,
                              what_the_sink_refuses_is_refused,
                              a_query_chooses_tags_and_rows,
                              NULL,
                          });
}
