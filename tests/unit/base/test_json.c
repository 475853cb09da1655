#include "base/array.h"
#include "base/json.h"
#include "support/suite.h"

#include <math.h>
#include <string.h>

static struct buffer out;

static void setup(void)
{
    buffer_init(&out, 1000);
}

static void teardown(void)
{
    buffer_fini(&out);
}

static const char *written(void)
{
    ck_assert_int_eq(buffer_append(&out, "", 1), ERR_OK);
    return (const char *)buffer_bytes(&out).data;
}

START_TEST(nests_objects_and_arrays_with_commas_between)
{
    struct json json = json_start(&out);
    json_object(&json, NULL);
    json_array(&json, "empty");
    json_array_end(&json);
    json_array(&json, "links");
    json_object(&json, NULL);
    json_string(&json, "name", "boiler");
    json_object_end(&json);
    json_i64(&json, NULL, -5);
    json_bool(&json, NULL, true);
    json_array_end(&json);
    json_u64(&json, "max", UINT64_MAX);
    json_null(&json, "none");
    json_string(&json, "absent", NULL);
    json_hex(&json, "epoch", "\x01\xab", 2);
    json_object_end(&json);
    ck_assert_int_eq(json_finish(&json), ERR_OK);
    ck_assert_str_eq(written(), "{\"empty\":[],\"links\":[{\"name\":\"boiler\"},-5,true],"
                                "\"max\":18446744073709551615,\"none\":null,\"absent\":null,"
                                "\"epoch\":\"01ab\"}");
}
END_TEST

START_TEST(strings_are_escaped_and_repaired)
{
    static const struct {
        const char *name;
        const char *text;
        size_t size;
        const char *json;
    } rows[] = {
        {"empty", "", 0, "\"\""},
        {"quotes and backslashes", "a\"b\\c", 5, "\"a\\\"b\\\\c\""},
        {"control characters", "\n\t\x1b\x7f", 4, "\"\\n\\u0009\\u001b\\u007f\""},
        {"a NUL", "a\0b", 3, "\"a\\u0000b\""},
        {"an upper control character", "\xc2\x9b", 2, "\"\\u009b\""},
        {"UTF-8", "\xc2\xb5 \xe2\x82\xac \xf0\x9f\x98\x80", 11, "\"\xc2\xb5 \xe2\x82\xac \xf0\x9f\x98\x80\""},
        {"not UTF-8", "a\xff\xfe", 3, "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
        {"a cut code point", "\xe2\x82", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {"overlong", "\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {"a surrogate", "\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        buffer_clear(&out);
        struct json json = json_start(&out);
        json_string_of(&json, NULL,
                       (struct bytes){.data = (const uint8_t *)rows[i].text, .size = rows[i].size});
        ck_assert_int_eq(json_finish(&json), ERR_OK);
        ck_assert_msg(strcmp(written(), rows[i].json) == 0, "%s: %s", rows[i].name, written());
    }
}
END_TEST

START_TEST(doubles_read_back_to_the_same_and_only_finite_ones_are_numbers)
{
    static const struct {
        double value;
        const char *json;
    } rows[] = {
        {0, "0"},          {0.1, "0.1"},        {-2.5, "-2.5"},
        {1e300, "1e+300"}, {1e9, "1000000000"}, {1.0 / 3, "0.3333333333333333"},
        {NAN, "null"},     {INFINITY, "null"},  {6.5625, "6.5625"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        buffer_clear(&out);
        struct json json = json_start(&out);
        json_double(&json, NULL, rows[i].value);
        ck_assert_int_eq(json_finish(&json), ERR_OK);
        ck_assert_str_eq(written(), rows[i].json);
    }
}
END_TEST

START_TEST(what_does_not_fit_is_taken_back)
{
    buffer_fini(&out);
    buffer_init(&out, 12);
    ck_assert_int_eq(buffer_append(&out, "kept", 4), ERR_OK);
    struct json json = json_start(&out);
    json_array(&json, NULL);
    json_i64(&json, NULL, 1234);
    json_i64(&json, NULL, 567);
    json_array_end(&json);
    ck_assert_int_eq(json_finish(&json), ERR_LIMIT);
    ck_assert_str_eq(written(), "kept");
}
END_TEST

START_TEST(a_value_written_by_others_takes_its_place)
{
    struct json json = json_start(&out);
    json_object(&json, NULL);
    json_key(&json, "links");
    json_fail(&json, buffer_append(&out, "[1]", 3));
    json_i64(&json, "n", 2);
    json_object_end(&json);
    ck_assert_int_eq(json_finish(&json), ERR_OK);
    ck_assert_str_eq(written(), "{\"links\":[1],\"n\":2}");
}
END_TEST

int main(void)
{
    return suite_run_with("json", setup, teardown,
                          (const TTest *[]){
                              nests_objects_and_arrays_with_commas_between,
                              strings_are_escaped_and_repaired,
                              doubles_read_back_to_the_same_and_only_finite_ones_are_numbers,
                              what_does_not_fit_is_taken_back,
                              a_value_written_by_others_takes_its_place,
                              NULL,
                          });
}
