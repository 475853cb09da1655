#include "json_tree.h"

#include "base/array.h"
#include "support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct json_tree tree;
static char text[64 * 1024];
static struct err_text why;

static void teardown(void)
{
    json_tree_fini(&tree);
}

static enum err read_text(const char *json)
{
    snprintf(text, sizeof text, "%s", json);
    return json_tree_read(&tree, text, strlen(text), &why);
}

START_TEST(gives_members_in_their_order)
{
    ck_assert_msg(read_text(" { \"a\" : 1 , \"b\":[true,null,\"x\"],\"c\":{} } ") == ERR_OK, "%s", why.text);
    const struct json_node *root = &tree.nodes[0];
    const struct json_node *a = json_member(&tree, root, "a");
    ck_assert_int_eq(a->kind, JSON_NUMBER);
    ck_assert_str_eq(a->text, "1");
    const struct json_node *b = json_next(&tree, a);
    ck_assert_str_eq(b->key, "b");
    static const char *const texts[] = {"true", "null", "x"};
    size_t count = 0;
    for (const struct json_node *item = json_first(&tree, b); item; item = json_next(&tree, item)) {
        ck_assert_ptr_null(item->key);
        ck_assert_uint_lt(count, ARRAY_LENGTH(texts));
        ck_assert_str_eq(item->text, texts[count++]);
    }
    ck_assert_uint_eq(count, ARRAY_LENGTH(texts));
    const struct json_node *c = json_member(&tree, root, "c");
    ck_assert_int_eq(c->kind, JSON_OBJECT);
    ck_assert_ptr_null(json_first(&tree, c));
    ck_assert_ptr_null(json_member(&tree, root, "d"));
    ck_assert_ptr_null(json_member(&tree, a, "d"));
    ck_assert_ptr_null(json_member(&tree, NULL, "d"));
}
END_TEST

START_TEST(decodes_strings)
{
    static const struct {
        const char *json, *text;
    } rows[] = {
        {"\"\"", ""},
        {"\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", "a\"\\/\b\f\n\r\tz"},
        {"\"\\u0041\\u00e9\\u20AC\"", "A\xc3\xa9\xe2\x82\xac"},
        {"\"\\ud83d\\ude00!\"", "\xf0\x9f\x98\x80!"},
        {"\"\xe2\x82\xac\"", "\xe2\x82\xac"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_msg(read_text(rows[i].json) == ERR_OK, "%s: %s", rows[i].json, why.text);
        ck_assert_str_eq(tree.nodes[0].text, rows[i].text);
    }
}
END_TEST

START_TEST(takes_numbers_as_written)
{
    static const char *const rows[] = {"0", "-0", "12", "-3.25", "1e6", "1E-6", "0.5e+10"};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_msg(read_text(rows[i]) == ERR_OK, "%s: %s", rows[i], why.text);
        ck_assert_str_eq(tree.nodes[0].text, rows[i]);
    }
}
END_TEST

START_TEST(refuses_what_is_not_json)
{
    static const char *const rows[] = {
        "",
        " ",
        "{",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "{1:1}",
        "1 2",
        "[1 2]",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "0x1",
        "NaN",
        "Infinity",
        "nul",
        "nulll",
        "True",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"\t\"",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "]",
        "}",
        "[1}",
        "\xef\xbb\xbf{}",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_msg(read_text(rows[i]) == ERR_MALFORMED, "%s", rows[i]);
        ck_assert_msg(strncmp(why.text, "byte ", 5) == 0, "%s: %s", rows[i], why.text);
        ck_assert_uint_eq(tree.count, 0);
    }
}
END_TEST

START_TEST(goes_so_deep_and_no_deeper)
{
    for (size_t depth = JSON_TREE_DEPTH; depth <= JSON_TREE_DEPTH + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        text[2 * depth] = '\0';
        ck_assert_int_eq(json_tree_read(&tree, text, 2 * depth, &why),
                         depth <= JSON_TREE_DEPTH ? ERR_OK : ERR_MALFORMED);
    }
}
END_TEST

int main(void)
{
    return suite_run_with("json_tree", NULL, teardown,
                          (const TTest *[]){
                              gives_members_in_their_order,
                              decodes_strings,
                              takes_numbers_as_written,
                              refuses_what_is_not_json,
                              goes_so_deep_and_no_deeper,
                              NULL,
                          });
}
