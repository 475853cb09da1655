#include "ack_source.h"

#include "ack_summary.h"
#include "made_store.h"
#include "support/suite.h"
#include "support/temporary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[TEMPORARY_PATH_MAX];
static char path[TEMPORARY_PATH_MAX];
static struct err_text why;
static struct ack_source *source;
static struct ack_row rows[ACK_SOURCE_CHUNK];
static size_t count;

static void setup(void)
{
    temporary_folder(folder);
    temporary_path(folder, "file.db", path);
}

static void teardown(void)
{
    ack_source_close(source);
    source = NULL;
    temporary_remove(folder);
}

static void open_source(void)
{
    ck_assert_msg(ack_source_open(path, &source, &why) == ERR_OK, "%s", why.text);
}

static void read_rows(void)
{
    ck_assert_msg(ack_source_read(source, rows, &count, &why) == ERR_OK, "%s", why.text);
}

START_TEST(reads_the_ack_log_of_a_spool)
{
    made_spool(path);
    open_source();
    ck_assert(!ack_source_is_store(source));
    read_rows();
    ck_assert_uint_eq(count, 8);
    ck_assert_str_eq(rows[0].bridge, "cell-3");
    ck_assert_str_eq(rows[0].epoch, "01010101010101010101010101010101");
    ck_assert_uint_eq(rows[0].seq, 1);
    ck_assert_uint_eq(rows[0].readings, 20);
    ck_assert_uint_eq(rows[0].bytes, 100);
    ck_assert_int_eq(rows[0].first_us, MADE_START_US);
    ck_assert_int_eq(rows[0].spooled_us, MADE_START_US + 1001000);
    ck_assert_int_eq(rows[0].sent_us, MADE_START_US + 1002000);
    ck_assert_int_eq(rows[0].received_us, 0);
    ck_assert_int_eq(rows[0].committed_us, MADE_START_US + 1003000);
    ck_assert_int_eq(rows[0].acked_us, MADE_START_US + 1004000);
    ck_assert_int_eq(rows[5].result, ACK_DUPLICATE);
    ck_assert_int_eq(rows[6].result, ACK_REJECTED);
    ck_assert_str_eq(rows[6].text, "no good");
    read_rows();
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(reads_the_batches_of_a_store_in_the_order_of_their_commit)
{
    made_store(path);
    open_source();
    ck_assert(ack_source_is_store(source));
    read_rows();
    ck_assert_uint_eq(count, 2 * MADE_BATCHES);
    ck_assert_str_eq(rows[0].bridge, "cell-3");
    ck_assert_str_eq(rows[1].bridge, "cell-4");
    ck_assert_uint_eq(rows[19].seq, 10);
    ck_assert(rows[19].historical);
    ck_assert(!rows[0].historical);
    ck_assert_int_eq(rows[0].spooled_us, 0);
    ck_assert_int_eq(rows[0].committed_us - rows[0].received_us, 2000);
    ck_assert_uint_gt(rows[0].bytes, 0);
}
END_TEST

START_TEST(goes_on_with_what_is_new)
{
    made_store(path);
    open_source();
    ck_assert_int_eq(ack_source_skip_to_last(source, 3, &why), ERR_OK);
    read_rows();
    ck_assert_uint_eq(count, 3);
    read_rows();
    ck_assert_uint_eq(count, 0);
    made_store_run(path,
                   "INSERT INTO batch (stream, seq, kind, catalog, readings, first_us, last_us, received_us,"
                   " committed_us, historical, encoded) VALUES (1, 11, 2, NULL, 1, 1, 2, 3, 4, 0, x'00')");
    read_rows();
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(rows[0].seq, 11);
    ck_assert_int_eq(rows[0].kind, BATCH_GAPS);
    ck_assert_int_eq(ack_source_skip_to_last(source, 1000, &why),
                     ERR_OK); /* more than there are: no change */
}
END_TEST

START_TEST(refuses_other_files_and_says_why)
{
    ck_assert_int_ne(ack_source_open(path, &source, &why), ERR_OK);
    ck_assert_ptr_nonnull(strstr(why.text, "no such file"));
    FILE *file = fopen(path, "w");
    fputs("hello, this is a text and no database", file);
    fclose(file);
    ck_assert_int_eq(ack_source_open(path, &source, &why), ERR_CONFLICT);
    ck_assert_ptr_nonnull(strstr(why.text, "neither the spool of a bridge nor the store of a server"));
    ck_assert_ptr_null(source);
}
END_TEST

START_TEST(sums_up_what_was_answered)
{
    struct ack_summary summary = {0};
    ck_assert_int_eq(ack_summary_quantile_us(&summary, 0.5), INT64_MIN);
    made_spool(path);
    open_source();
    read_rows();
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(ack_summary_add(&summary, &rows[i]), ERR_OK);
    }
    ck_assert_uint_eq(summary.batches, 8);
    ck_assert_uint_eq(summary.readings, 160);
    ck_assert_uint_eq(summary.bytes, 800);
    ck_assert_uint_eq(summary.results[ACK_COMMITTED], 6);
    ck_assert_uint_eq(summary.results[ACK_DUPLICATE], 1);
    ck_assert_uint_eq(summary.results[ACK_REJECTED], 1);
    /* The oldest reading was taken a second before the batch was made; the n-th ack took 4n ms from there. */
    ck_assert_int_eq(ack_summary_quantile_us(&summary, 0.5), 1000000 + 4 * 4000);
    ck_assert_int_eq(ack_summary_quantile_us(&summary, 0.99), 1000000 + 8 * 4000);
    ck_assert_int_eq(ack_summary_quantile_us(&summary, 0), 1000000 + 1 * 4000);
    ack_summary_fini(&summary);
}
END_TEST

START_TEST(gaps_are_no_readings_and_have_no_latency)
{
    struct ack_summary summary = {0};
    struct ack_row row = {.kind = BATCH_GAPS, .readings = 3, .bytes = 7, .acked_us = 100};
    ck_assert_int_eq(ack_summary_add(&summary, &row), ERR_OK);
    ck_assert_uint_eq(summary.batches, 1);
    ck_assert_uint_eq(summary.readings, 0);
    ck_assert_int_eq(ack_summary_quantile_us(&summary, 0.5), INT64_MIN);
    ack_summary_fini(&summary);
}
END_TEST

int main(void)
{
    return suite_run_with("ack_source", setup, teardown,
                          (const TTest *[]){
                              reads_the_ack_log_of_a_spool,
                              reads_the_batches_of_a_store_in_the_order_of_their_commit,
                              goes_on_with_what_is_new,
                              refuses_other_files_and_says_why,
                              sums_up_what_was_answered,
                              gaps_are_no_readings_and_have_no_latency,
                              NULL,
                          });
}
