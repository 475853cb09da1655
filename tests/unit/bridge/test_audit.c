#include "base/clock.h"
#include "gateway/audit.h"
#include "support/suite.h"
#include "support/temporary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HEADS_EVERY_US (3600 * CLOCK_US_PER_S)

static char folder[TEMPORARY_PATH_MAX];
static char path[TEMPORARY_PATH_MAX];

static void set_up(void)
{
    temporary_folder(folder);
    temporary_path(folder, "audit.jsonl", path);
}

static void tear_down(void)
{
    temporary_remove(folder);
}

static struct audit *open_audit(void)
{
    struct audit *audit;
    struct err_text why = {.text = ""};
    enum err result = audit_open(path, HEADS_EVERY_US, &audit, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
    return audit;
}

static void put(struct audit *audit, const char *event)
{
    const struct audit_record record = {.event = event, .time_us = 1};
    audit_put(audit, &record);
}

/* Checks the chain through a file; how many lines it has. */
static uint64_t verify(const char *file, struct audit_chain *chain)
{
    char line[AUDIT_LINE_MAX];
    uint64_t count = 0;
    FILE *in = fopen(file, "r");
    ck_assert_ptr_nonnull(in);
    while (fgets(line, sizeof line, in)) {
        const struct bytes bytes = {(const uint8_t *)line, strlen(line) - 1};
        ck_assert_int_eq(audit_chain_check(chain, bytes), AUDIT_GOOD);
        count++;
    }
    fclose(in);
    return count;
}

static void await(bool (*holds)(struct audit *audit), struct audit *audit)
{
    int64_t deadline_us = clock_mono_us() + 20 * CLOCK_US_PER_S;
    const struct timespec moment = {.tv_nsec = 1000000};
    while (!holds(audit) && clock_mono_us() < deadline_us) {
        nanosleep(&moment, NULL);
    }
    ck_assert(holds(audit));
}

static bool is_failing(struct audit *audit)
{
    return audit_is_failing(audit);
}

static bool is_well(struct audit *audit)
{
    return !audit_is_failing(audit);
}

static bool has_written(struct audit *audit)
{
    struct audit_head head;
    audit_head(audit, &head);
    return head.last.sequence > 0;
}

START_TEST(the_chain_goes_on_after_a_restart)
{
    struct audit_chain chain = {.sequence = 0};
    for (int i = 0; i < 3; i++) {
        struct audit *audit = open_audit();
        put(audit, "one");
        put(audit, "two");
        audit_close(audit);
    }
    ck_assert_uint_eq(verify(path, &chain), 6);
    ck_assert_uint_eq(chain.sequence, 6);
}
END_TEST

START_TEST(a_torn_line_is_cut_off_and_recorded)
{
    struct audit_chain chain = {.sequence = 0};
    struct audit *audit = open_audit();
    put(audit, "one");
    audit_close(audit);
    FILE *file = fopen(path, "a");
    fputs("{\"seq\":2,\"prev\":\"12", file);
    fclose(file);
    audit = open_audit();
    audit_close(audit);
    ck_assert_uint_eq(verify(path, &chain), 2);
}
END_TEST

START_TEST(a_file_of_something_else_is_left_alone)
{
    struct audit *audit;
    struct err_text why = {.text = ""};
    FILE *file = fopen(path, "w");
    fputs("my shopping list\n", file);
    fclose(file);
    ck_assert_int_eq(audit_open(path, HEADS_EVERY_US, &audit, &why), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(why.text, "bourdon audit verify"));
}
END_TEST

START_TEST(a_rotated_file_is_continued_in_a_new_one)
{
    char old[TEMPORARY_PATH_MAX];
    struct audit_chain chain = {.sequence = 0};
    struct audit *audit = open_audit();
    put(audit, "one");
    await(has_written, audit);
    ck_assert_int_eq(rename(path, temporary_path(folder, "audit.jsonl.1", old)), 0);
    audit_reopen(audit);
    put(audit, "two");
    audit_close(audit);
    uint64_t lines = verify(old, &chain); /* the second may have gone to either */
    lines += access(path, F_OK) == 0 ? verify(path, &chain) : 0;
    ck_assert_uint_eq(lines, 2);
}
END_TEST

START_TEST(a_failing_disk_is_told_and_nothing_is_lost_when_it_recovers)
{
    char folder_in_the_way[TEMPORARY_PATH_MAX];
    struct audit_chain chain = {.sequence = 0};
    struct audit *audit = open_audit();
    put(audit, "one");
    await(has_written, audit);
    /* Where the file is to be opened anew there is a folder: that fails for root, too. */
    ck_assert_int_eq(rename(path, temporary_path(folder, "old", folder_in_the_way)), 0);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    audit_reopen(audit);
    put(audit, "two");
    put(audit, "three");
    await(is_failing, audit);
    ck_assert_int_eq(rmdir(path), 0);
    await(is_well, audit);
    audit_close(audit);
    ck_assert_uint_eq(verify(folder_in_the_way, &chain), 1);
    ck_assert_uint_eq(verify(path, &chain), 2);
}
END_TEST

static void put_patient(struct audit *audit)
{
    const struct audit_record record = {.event = "session_opened", .time_us = 1, .can_wait = true};
    audit_put(audit, &record);
}

static uint64_t wanted_sequence;

static bool has_written_all(struct audit *audit)
{
    struct audit_head head;
    audit_head(audit, &head);
    return head.last.sequence == wanted_sequence;
}

START_TEST(what_can_wait_gives_others_a_moment_to_come_along)
{
    struct audit *audit = open_audit();
    int64_t began_us = clock_mono_us();
    put_patient(audit); /* it follows nothing */
    wanted_sequence = 1;
    await(has_written_all, audit);
    put_patient(audit);
    wanted_sequence = 2;
    await(has_written_all, audit);
    ck_assert_int_ge(clock_mono_us() - began_us, AUDIT_GATHER_MS * CLOCK_US_PER_MS);
    audit_close(audit);
}
END_TEST

START_TEST(what_cannot_wait_takes_the_others_along_at_once)
{
    struct audit *audit = open_audit();
    int64_t shortest_us = INT64_MAX;
    for (int i = 0; i < 50; i++) { /* a machine may be busy, but not each time */
        put(audit, "write");
        wanted_sequence++;
        await(has_written_all, audit);
        int64_t began_us = clock_mono_us();
        put_patient(audit);
        put(audit, "write");
        wanted_sequence += 2;
        await(has_written_all, audit);
        int64_t took_us = clock_mono_us() - began_us;
        shortest_us = took_us < shortest_us ? took_us : shortest_us;
    }
    ck_assert_int_lt(shortest_us, AUDIT_GATHER_MS * CLOCK_US_PER_MS / 2);
    audit_close(audit);
}
END_TEST

START_TEST(what_finds_no_room_is_counted)
{
    struct audit_chain chain = {.sequence = 0};
    struct audit_head head;
    struct audit *audit = open_audit();
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    audit_reopen(audit);
    put(audit, "one");
    await(is_failing, audit);
    for (int i = 0; i < 100000; i++) {
        put(audit, "a record with a longer name than usual, so that the room is used up sooner");
    }
    audit_head(audit, &head);
    ck_assert_uint_gt(head.lost, 0);
    ck_assert_int_eq(rmdir(path), 0);
    await(is_well, audit);
    audit_close(audit);
    uint64_t lines = verify(path, &chain);
    ck_assert_uint_eq(lines, 100001 - head.lost + 1); /* and one that tells how many are missing */
}
END_TEST

START_TEST(a_record_tells_old_and_new_values)
{
    static const uint8_t old[] = {0, 7};
    static const uint8_t new[] = {0, 9};
    static const struct tls_peer peer = {.subject = "CN=anna", .serial = "0A"};
    const struct pdu_request request = {.function = 6, .write = {16, 1}, .data = {new, 2}};
    const struct audit_record record = {.event = "write",
                                        .time_us = 0,
                                        .session = 3,
                                        .peer = "192.0.2.1:5",
                                        .certificate = &peer,
                                        .request = &request,
                                        .unit = 1,
                                        .has_values = true,
                                        .old = {old, 2},
                                        .rule = "set",
                                        .result = "done"};
    static const char expected[] =
        "\"time\":\"1970-01-01T00:00:00.000000Z\",\"event\":\"write\",\"session\":3,\"peer\":\"192.0.2.1:5\","
        "\"subject\":\"CN=anna\",\"serial\":\"0A\",\"role\":null,\"unit\":1,\"function\":6,\"write\":[16,1],"
        "\"old\":[7],\"new\":[9],\"rule\":\"set\",\"result\":\"done\"";
    struct buffer out;
    buffer_init(&out, 65536);
    ck_assert_int_eq(audit_record_write(&record, &out), ERR_OK);
    ck_assert_int_eq(buffer_append(&out, "", 1), ERR_OK);
    ck_assert_str_eq((const char *)out.data, expected);
    buffer_fini(&out);
}
END_TEST

START_TEST(values_that_no_line_holds_are_left_out)
{
    static const uint8_t coils[246];
    const struct pdu_request request = {.function = 15, .write = {0, 1968}, .data = {coils, sizeof coils}};
    const struct audit_record record = {
        .event = "write", .request = &request, .has_values = true, .old = {coils, sizeof coils}};
    struct buffer out;
    struct buffer line;
    struct audit_chain chain = {.sequence = 0};
    buffer_init(&out, 65536);
    buffer_init(&line, 65536);
    ck_assert_int_eq(audit_record_write(&record, &out), ERR_OK);
    ck_assert_int_eq(audit_chain_seal(&chain, buffer_bytes(&out), &line), ERR_OK);
    ck_assert_int_eq(buffer_append(&out, "", 1), ERR_OK);
    ck_assert_ptr_nonnull(strstr((const char *)out.data, "\"values_left_out\":true"));
    buffer_fini(&out);
    buffer_fini(&line);
}
END_TEST

int main(void)
{
    return suite_run_with("audit", set_up, tear_down,
                          (const TTest *[]){
                              the_chain_goes_on_after_a_restart,
                              a_torn_line_is_cut_off_and_recorded,
                              a_file_of_something_else_is_left_alone,
                              a_rotated_file_is_continued_in_a_new_one,
                              a_failing_disk_is_told_and_nothing_is_lost_when_it_recovers,
                              what_can_wait_gives_others_a_moment_to_come_along,
                              what_cannot_wait_takes_the_others_along_at_once,
                              what_finds_no_room_is_counted,
                              a_record_tells_old_and_new_values,
                              values_that_no_line_holds_are_left_out,
                              NULL,
                          });
}
