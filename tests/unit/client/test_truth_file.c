#include "truth/truth_file.h"

#include "base/array.h"
#include "support/suite.h"

#include <stdio.h>
#include <string.h>

static struct truth_file *truth;
static struct err_text why;

static void teardown(void)
{
    truth_file_free(truth);
    truth = NULL;
}

static enum err read_text(const char *text)
{
    FILE *file = tmpfile();
    fputs(text, file);
    rewind(file);
    truth_file_free(truth);
    enum err result = truth_file_read(file, "truth.tsv", &truth, &why);
    fclose(file);
    return result;
}

static const char sample[] = "# bourdon-plcsim truth 1\n"
                             "# served_us\tendpoint\tunit\twhat\ttable\taddress\tsent\titems\n"
                             "300\ta:1\t1\tread\tholding\t10\tgood\t000100020003\n"
                             "200\ta:1\t1\tread\tholding\t10\tgood\t00aa00bb00cc\n"
                             "250\ta:1\t1\tread\tholding\t10\tsilence\t111122223333\n"
                             "260\ta:1\t1\twrite\tholding\t10\tgood\t4444\n"
                             "200\ta:1\t2\tread\tdiscrete\t0\tgood\t0101\n"
                             "200\tb:2\t1\tread\tholding\t10\tgood\tffff\n";

START_TEST(answers_what_was_served_where_and_when)
{
    static const struct {
        const char *name;
        size_t endpoint;
        uint8_t unit;
        enum table table;
        uint16_t address;
        uint16_t words[3];
        size_t count;
        int64_t from_us, to_us;
        enum truth_answer answer;
    } rows[] = {
        {"whole", 0, 1, TABLE_HOLDING, 10, {1, 2, 3}, 3, 290, 310, TRUTH_SERVED},
        {"a part of it", 0, 1, TABLE_HOLDING, 11, {2, 3}, 2, 290, 310, TRUTH_SERVED},
        {"the earlier one", 0, 1, TABLE_HOLDING, 12, {0xcc}, 1, 190, 210, TRUTH_SERVED},
        {"at the first moment", 0, 1, TABLE_HOLDING, 10, {1}, 1, 300, 310, TRUTH_SERVED},
        {"at the last moment", 0, 1, TABLE_HOLDING, 10, {1}, 1, 290, 300, TRUTH_SERVED},
        {"too late", 0, 1, TABLE_HOLDING, 10, {1}, 1, 301, 310, TRUTH_NEVER},
        {"too early", 0, 1, TABLE_HOLDING, 10, {1}, 1, 100, 199, TRUTH_NEVER},
        {"another value", 0, 1, TABLE_HOLDING, 10, {7}, 1, 290, 310, TRUTH_DIFFERENT},
        {"the value of another time", 0, 1, TABLE_HOLDING, 10, {0xaa}, 1, 290, 310, TRUTH_DIFFERENT},
        {"beyond the span", 0, 1, TABLE_HOLDING, 12, {3, 0}, 2, 290, 310, TRUTH_NEVER},
        {"before the span", 0, 1, TABLE_HOLDING, 9, {0, 1}, 2, 290, 310, TRUTH_NEVER},
        {"spoiled answer", 0, 1, TABLE_HOLDING, 10, {0x1111}, 1, 240, 255, TRUTH_NEVER},
        {"a write", 0, 1, TABLE_HOLDING, 10, {0x4444}, 1, 255, 270, TRUTH_NEVER},
        {"another unit", 0, 3, TABLE_HOLDING, 10, {1}, 1, 0, 999, TRUTH_NEVER},
        {"another table", 0, 1, TABLE_INPUT, 10, {1}, 1, 0, 999, TRUTH_NEVER},
        {"bits", 0, 2, TABLE_DISCRETE, 1, {1, 0, 1}, 3, 0, 999, TRUTH_SERVED},
        {"another endpoint", 1, 1, TABLE_HOLDING, 10, {0xffff}, 1, 0, 999, TRUTH_SERVED},
        {"not of that endpoint", 1, 1, TABLE_HOLDING, 10, {1}, 1, 0, 999, TRUTH_DIFFERENT},
    };
    ck_assert_msg(read_text(sample) == ERR_OK, "%s", why.text);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct truth_question question = {.endpoint = rows[i].endpoint,
                                                .unit = rows[i].unit,
                                                .table = rows[i].table,
                                                .address = rows[i].address,
                                                .words = rows[i].words,
                                                .count = rows[i].count,
                                                .from_us = rows[i].from_us,
                                                .to_us = rows[i].to_us};
        ck_assert_msg(truth_file_ask(truth, &question) == rows[i].answer, "%s", rows[i].name);
    }
}
END_TEST

START_TEST(knows_its_endpoints_and_what_was_not_asked_for)
{
    ck_assert_int_eq(read_text(sample), ERR_OK);
    ck_assert_uint_eq(truth_file_endpoint_count(truth), 2);
    ck_assert_uint_eq(truth_file_endpoint(truth, "b:2"), 1);
    ck_assert_uint_eq(truth_file_endpoint(truth, "c:3"), TRUTH_NO_ENDPOINT);
    ck_assert_uint_eq(truth_file_reads(truth), 4);
    ck_assert_uint_eq(truth_file_unused(truth), 4);
    const uint16_t words[] = {2};
    const struct truth_question question = {
        .unit = 1, .table = TABLE_HOLDING, .address = 11, .words = words, .count = 1, .to_us = 999};
    ck_assert_int_eq(truth_file_ask(truth, &question), TRUTH_SERVED);
    ck_assert_int_eq(truth_file_ask(truth, &question), TRUTH_SERVED);
    ck_assert_uint_eq(truth_file_unused(truth), 3);
}
END_TEST

START_TEST(refuses_lines_that_are_none)
{
    static const char *const rows[] = {
        "x",
        "300\ta:1\t1\tread\tholding\t10\tgood",
        "300\ta:1\t1\tread\tholding\t10\tgood\t0001\tmore",
        "soon\ta:1\t1\tread\tholding\t10\tgood\t0001",
        "-3\ta:1\t1\tread\tholding\t10\tgood\t0001",
        "300\ta:1\t256\tread\tholding\t10\tgood\t0001",
        "300\ta:1\t1\tread\tregister\t10\tgood\t0001",
        "300\ta:1\t1\tread\tholding\t65536\tgood\t0001",
        "300\ta:1\t1\tread\tholding\t65535\tgood\t00010002",
        "300\ta:1\t1\tread\tholding\t10\tgood\t",
        "300\ta:1\t1\tread\tholding\t10\tgood\t001",
        "300\ta:1\t1\tread\tholding\t10\tgood\t00g1",
        "300\ta:1\t1\tread\tcoil\t10\tgood\t012",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char text[256];
        snprintf(text, sizeof text, "# head\n%s\n", rows[i]);
        ck_assert_msg(read_text(text) == ERR_MALFORMED, "%s", rows[i]);
        ck_assert_msg(strncmp(why.text, "truth.tsv:2: ", 13) == 0, "%s", why.text);
        ck_assert_ptr_null(truth);
    }
    ck_assert_int_eq(read_text("300\ta:1\t1\tread\tholding\t10\tgood\t0001"), ERR_MALFORMED); /* cut */
}
END_TEST

START_TEST(an_empty_file_served_nothing)
{
    ck_assert_int_eq(read_text("# head\n"), ERR_OK);
    ck_assert_uint_eq(truth_file_reads(truth), 0);
    const uint16_t words[] = {2};
    const struct truth_question question = {.table = TABLE_HOLDING, .words = words, .count = 1, .to_us = 999};
    ck_assert_int_eq(truth_file_ask(truth, &question), TRUTH_NEVER);
}
END_TEST

int main(void)
{
    return suite_run_with("truth_file", NULL, teardown,
                          (const TTest *[]){
                              answers_what_was_served_where_and_when,
                              knows_its_endpoints_and_what_was_not_asked_for,
                              refuses_lines_that_are_none,
                              an_empty_file_served_nothing,
                              NULL,
                          });
}
