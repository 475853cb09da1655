#include "base/array.h"
#include "gateway/audit_chain.h"
#include "support/suite.h"

#include <stdio.h>
#include <string.h>

enum { LINES = 5 };

/* A chain of LINES lines, NUL behind each instead of its line feed. */
struct file {
    struct buffer text;
    char *lines[LINES];
};

static void make(struct file *file)
{
    struct audit_chain chain = {.sequence = 0};
    buffer_init(&file->text, 65536);
    for (int i = 0; i < LINES; i++) {
        char body[64];
        int size = snprintf(body, sizeof body, "\"event\":\"write\",\"new\":[%d]", 100 + i);
        const struct bytes bytes = {(const uint8_t *)body, (size_t)size};
        ck_assert_int_eq(audit_chain_seal(&chain, bytes, &file->text), ERR_OK);
    }
    ck_assert_int_eq(buffer_append(&file->text, "", 1), ERR_OK);
    char *at = (char *)file->text.data;
    for (int i = 0; i < LINES; i++) {
        file->lines[i] = at;
        at = strchr(at, '\n');
        *at++ = '\0';
    }
}

static enum audit_fault check(struct audit_chain *chain, const char *line)
{
    return audit_chain_check(chain, (struct bytes){(const uint8_t *)line, strlen(line)});
}

START_TEST(what_was_sealed_is_good)
{
    struct file file;
    struct audit_chain chain = {.sequence = 0};
    make(&file);
    for (int i = 0; i < LINES; i++) {
        ck_assert_int_eq(check(&chain, file.lines[i]), AUDIT_GOOD);
    }
    ck_assert_uint_eq(chain.sequence, LINES);
    buffer_fini(&file.text);
}
END_TEST

START_TEST(every_changed_byte_is_noticed)
{
    struct file file;
    make(&file);
    for (char *at = file.lines[2]; *at; at++) {
        struct audit_chain chain = {.sequence = 0};
        char kept = *at;
        *at ^= 1;
        bool noticed = false;
        for (int i = 0; i < LINES; i++) {
            noticed |= check(&chain, file.lines[i]) != AUDIT_GOOD;
        }
        ck_assert_msg(noticed, "byte %td", at - file.lines[2]);
        *at = kept;
    }
    buffer_fini(&file.text);
}
END_TEST

START_TEST(a_line_that_is_missing_moved_or_there_twice_is_noticed)
{
    static const int orders[][LINES] = {{0, 1, 3, 4, -1}, {0, 2, 1, 3, 4}, {0, 1, 1, 2, 3}, {1, 0, 2, 3, 4}};
    struct file file;
    make(&file);
    for (size_t row = 0; row < ARRAY_LENGTH(orders); row++) {
        struct audit_chain chain = {.sequence = 0};
        bool noticed = false;
        for (int i = 0; i < LINES && orders[row][i] >= 0; i++) {
            noticed |= check(&chain, file.lines[orders[row][i]]) == AUDIT_BROKEN;
        }
        ck_assert_msg(noticed, "order %zu", row);
    }
    buffer_fini(&file.text);
}
END_TEST

START_TEST(a_file_may_begin_in_the_middle_of_the_chain)
{
    struct file file;
    struct audit_chain chain = {.sequence = 0};
    make(&file);
    ck_assert_int_eq(check(&chain, file.lines[3]), AUDIT_GOOD);
    ck_assert_int_eq(check(&chain, file.lines[4]), AUDIT_GOOD);
    buffer_fini(&file.text);
}
END_TEST

START_TEST(a_torn_line_is_noticed)
{
    struct file file;
    make(&file);
    size_t size = strlen(file.lines[1]);
    for (size_t cut = 0; cut < size; cut++) {
        struct audit_chain chain = {.sequence = 0};
        (void)check(&chain, file.lines[0]);
        const struct bytes torn = {(const uint8_t *)file.lines[1], cut};
        ck_assert_int_eq(audit_chain_check(&chain, torn), AUDIT_MALFORMED);
    }
    buffer_fini(&file.text);
}
END_TEST

START_TEST(a_line_has_an_end)
{
    static char body[AUDIT_LINE_MAX];
    struct audit_chain chain = {.sequence = 0};
    struct buffer out;
    buffer_init(&out, 65536);
    memset(body, 'x', sizeof body);
    ck_assert_int_eq(audit_chain_seal(&chain, (struct bytes){(uint8_t *)body, sizeof body}, &out), ERR_LIMIT);
    ck_assert_uint_eq(chain.sequence, 0);
    ck_assert_int_eq(audit_chain_seal(&chain, (struct bytes){(uint8_t *)body, 7000}, &out), ERR_OK);
    struct bytes line = buffer_bytes(&out);
    struct audit_chain checked = {.sequence = 0};
    line.size--;
    ck_assert_int_eq(audit_chain_check(&checked, line), AUDIT_GOOD);
    buffer_fini(&out);
}
END_TEST

int main(void)
{
    return suite_run("audit_chain", (const TTest *[]){
                                        what_was_sealed_is_good,
                                        every_changed_byte_is_noticed,
                                        a_line_that_is_missing_moved_or_there_twice_is_noticed,
                                        a_file_may_begin_in_the_middle_of_the_chain,
                                        a_torn_line_is_noticed,
                                        a_line_has_an_end,
                                        NULL,
                                    });
}
