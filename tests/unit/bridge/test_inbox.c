#include "base/clock.h"
#include "sample.h"
#include "spool/inbox.h"
#include "support/suite.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct inbox *inbox;
static struct inbox_content content;

static void setup(void)
{
    inbox = inbox_new();
    memset(&content, 0, sizeof content);
    ck_assert_ptr_nonnull(inbox);
}

static void teardown(void)
{
    inbox_content_fini(&content);
    inbox_free(inbox);
}

static int64_t soon(void)
{
    return clock_mono_us() + 10 * CLOCK_US_PER_S;
}

START_TEST(readings_come_out_as_they_went_in)
{
    struct reading in[3] = {sample_reading(0, 1), sample_reading(1, 2), sample_reading(0, 3)};
    in[1].quality = QUALITY_BAD_TIMEOUT;
    in[1].word_count = 0;
    in[2].word_count = READING_WORDS_MAX;
    in[2].words[READING_WORDS_MAX - 1] = 0xbeef;
    ck_assert(inbox_put_readings(inbox, in, 3));
    inbox_take(inbox, soon(), true, &content);
    for (size_t i = 0; i < 3; i++) {
        struct reading out = {0};
        ck_assert(inbox_next_reading(&content, &out));
        ck_assert_uint_eq(out.tag, in[i].tag);
        ck_assert_int_eq(out.quality, in[i].quality);
        ck_assert_int_eq(out.request_us, in[i].request_us);
        ck_assert_int_eq(out.response_us, in[i].response_us);
        ck_assert_uint_eq(out.word_count, in[i].word_count);
        ck_assert_mem_eq(out.words, in[i].words, in[i].word_count * sizeof in[i].words[0]);
    }
    struct reading out;
    ck_assert(!inbox_next_reading(&content, &out));
}
END_TEST

START_TEST(waits_no_longer_than_the_deadline)
{
    int64_t before = clock_mono_us();
    inbox_take(inbox, before + 2000, true, &content);
    ck_assert_int_ge(clock_mono_us(), before + 2000);
    ck_assert_uint_eq(content.readings.size, 0);
}
END_TEST

START_TEST(what_is_refused_is_counted_with_its_times)
{
    struct reading readings[2] = {sample_reading(0, 5), sample_reading(0, 6)};
    inbox_accept(inbox, false);
    ck_assert(!inbox_put_readings(inbox, readings, 2));
    inbox_accept(inbox, true);
    ck_assert(inbox_put_readings(inbox, readings, 1));
    inbox_take(inbox, soon(), true, &content);
    ck_assert_uint_eq(content.refused, 2);
    ck_assert_int_eq(content.refused_first_us, readings[0].request_us);
    ck_assert_int_eq(content.refused_last_us, readings[1].response_us);
    struct reading out;
    ck_assert(inbox_next_reading(&content, &out));
    ck_assert(!inbox_next_reading(&content, &out));
}
END_TEST

START_TEST(what_was_refused_is_not_forgotten_before_it_was_looked_at)
{
    struct reading readings[2] = {sample_reading(0, 5), sample_reading(0, 9)};
    inbox_accept(inbox, false);
    ck_assert(!inbox_put_readings(inbox, &readings[0], 1));
    inbox_take(inbox, 0, true, &content);
    ck_assert(!inbox_put_readings(inbox, &readings[1], 1));
    inbox_take(inbox, 0, true, &content);
    inbox_take(inbox, 0, true, &content);
    ck_assert_uint_eq(content.refused, 2);
    ck_assert_int_eq(content.refused_first_us, readings[0].request_us);
    ck_assert_int_eq(content.refused_last_us, readings[1].response_us);
}
END_TEST

START_TEST(a_full_inbox_refuses_after_a_while_and_takes_again_when_emptied)
{
    enum { MANY = 1000 };
    static struct reading readings[MANY];
    size_t put = 0;
    for (uint32_t i = 0; i < MANY; i++) {
        readings[i] = sample_reading(0, i);
    }
    while (inbox_put_readings(inbox, readings, MANY)) {
        put += MANY;
    }
    ck_assert_uint_gt(put, INBOX_READINGS_BYTES / 64);
    ck_assert(!inbox_put_readings(inbox, NULL, 0));
    inbox_take(inbox, soon(), true, &content);
    ck_assert_uint_eq(content.refused, MANY);
    ck_assert(inbox_put_readings(inbox, NULL, 0));
    ck_assert(inbox_put_readings(inbox, readings, MANY));
}
END_TEST

static struct spool_request ack_request(uint64_t seq)
{
    return (struct spool_request){.kind = SPOOL_REQUEST_ACK, .as.ack = {.seq = seq}};
}

START_TEST(readings_that_are_being_taken_hold_the_time_back_until_they_are_put)
{
    struct reading_promise early = {0};
    struct reading_promise late = {0};
    int64_t before_us = clock_wall_us();
    inbox_promise(inbox, &early);
    inbox_promise(inbox, &late);
    early.since_us = before_us - CLOCK_US_PER_S; /* its thread has not run for a second */
    for (int i = 0; i < 2; i++) {
        inbox_take_readings(inbox, &content);
        ck_assert_int_eq(content.put_until_us, before_us - CLOCK_US_PER_S);
    }
    struct reading reading = sample_reading(0, 1);
    ck_assert(inbox_put_readings(inbox, &reading, 1));
    inbox_keep(inbox, &early);
    inbox_take_readings(inbox, &content);
    ck_assert_int_eq(content.put_after_us, before_us - CLOCK_US_PER_S);
    ck_assert_int_eq(content.put_until_us, late.since_us);
    inbox_keep(inbox, &late);
    ck_assert(inbox_next_reading(&content, &reading));
    inbox_take_readings(inbox, &content);
    ck_assert_int_gt(content.put_until_us, before_us - CLOCK_US_PER_S);
    ck_assert_int_ge(content.put_until_us, late.since_us);
}
END_TEST

START_TEST(promises_are_kept_in_any_order)
{
    static const size_t orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}};
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        struct reading_promise promises[3] = {{0}};
        for (size_t j = 0; j < 3; j++) {
            inbox_promise(inbox, &promises[j]);
            promises[j].since_us = (int64_t)j + 1;
        }
        for (size_t kept = 0; kept < 3; kept++) {
            int64_t earliest_us = INT64_MAX;
            for (size_t j = kept; j < 3; j++) {
                int64_t since_us = promises[orders[i][j]].since_us;
                earliest_us = since_us < earliest_us ? since_us : earliest_us;
            }
            inbox_take_readings(inbox, &content);
            ck_assert_int_eq(content.put_until_us, earliest_us);
            inbox_keep(inbox, &promises[orders[i][kept]]);
        }
    }
}
END_TEST

START_TEST(requests_keep_their_order_and_have_a_maximum)
{
    for (uint64_t seq = 1; seq <= INBOX_REQUESTS_MAX; seq++) {
        struct spool_request request = ack_request(seq);
        ck_assert_int_eq(inbox_put_requests(inbox, &request, 1), ERR_OK);
    }
    struct spool_request more = ack_request(0);
    ck_assert_int_eq(inbox_put_requests(inbox, &more, 1), ERR_LIMIT);
    inbox_take(inbox, soon(), true, &content);
    ck_assert_uint_eq(content.request_count, INBOX_REQUESTS_MAX);
    for (size_t i = 0; i < content.request_count; i++) {
        ck_assert_uint_eq(content.requests[i].as.ack.seq, i + 1);
    }
    ck_assert_int_eq(inbox_put_requests(inbox, &more, 1), ERR_OK);
}
END_TEST

START_TEST(texts_nobody_took_are_freed)
{
    struct spool_request request = ack_request(1);
    request.text = strdup("why");
    ck_assert_int_eq(inbox_put_requests(inbox, &request, 1), ERR_OK);
    request.text = strdup("why not");
    inbox_take(inbox, soon(), true, &content);
    ck_assert_int_eq(inbox_put_requests(inbox, &request, 1), ERR_OK);
}
END_TEST

enum { PRODUCERS = 4, PUTS = 2000, EACH = 7, OF_EACH = PUTS * EACH };

static void *produce(void *argument)
{
    uint32_t tag = *(uint32_t *)argument;
    for (uint32_t i = 0; i < PUTS; i++) {
        struct reading readings[EACH];
        for (uint32_t j = 0; j < EACH; j++) {
            readings[j] = sample_reading(tag, i * EACH + j);
        }
        if (!inbox_put_readings(inbox, readings, EACH)) {
            return argument;
        }
    }
    return NULL;
}

START_TEST(every_producer_keeps_its_order_among_many)
{
    pthread_t threads[PRODUCERS];
    uint32_t tags[PRODUCERS];
    uint32_t next[PRODUCERS] = {0};
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        tags[i] = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, produce, &tags[i]), 0);
    }
    for (size_t seen = 0; seen < (size_t)PRODUCERS * PUTS * EACH;) {
        struct reading reading;
        inbox_take(inbox, soon(), true, &content);
        ck_assert_uint_gt(content.readings.size, 0);
        while (inbox_next_reading(&content, &reading)) {
            ck_assert_uint_eq(reading.words[0], sample_reading(0, next[reading.tag]++).words[0]);
            seen++;
        }
    }
    for (size_t i = 0; i < PRODUCERS; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        ck_assert_ptr_null(failed);
        ck_assert_uint_eq(next[i], OF_EACH);
    }
}
END_TEST

int main(void)
{
    return suite_run_with("inbox", setup, teardown,
                          (const TTest *[]){
                              readings_come_out_as_they_went_in,
                              waits_no_longer_than_the_deadline,
                              what_is_refused_is_counted_with_its_times,
                              what_was_refused_is_not_forgotten_before_it_was_looked_at,
                              a_full_inbox_refuses_after_a_while_and_takes_again_when_emptied,
                              readings_that_are_being_taken_hold_the_time_back_until_they_are_put,
                              promises_are_kept_in_any_order,
                              requests_keep_their_order_and_have_a_maximum,
                              texts_nobody_took_are_freed,
                              every_producer_keeps_its_order_among_many,
                              NULL,
                          });
}
