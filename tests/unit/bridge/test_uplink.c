/* The spool's thread and the uplink against a server in the same loop: the law, orders, faults. */
#include "base/array.h"
#include "base/clock.h"
#include "spool_fixture.h"
#include "store_peer.h"
#include "support/suite.h"
#include "uplink/uplink.h"
#include "uplink/uplink_state.h"

#include <string.h>

enum { PER_BATCH = 10 };

static struct spool_fixture fixture;
static struct uplink *uplink;
static struct peer *peer;
static const char *endpoints[2];
static struct uplink_options options;
static bool flushed, drained, failed;
static uint32_t next_index; /* of the sample readings */

/* ---- wiring, as the bridge does it ---- */

static void on_joined(void *owner, const struct spool_joined *joined)
{
    (void)owner;
    uplink_joined(uplink, joined);
}
static void on_committed(void *owner, struct spool_batches *batches, uint64_t first, uint64_t last)
{
    (void)owner;
    uplink_committed(uplink, batches, first, last);
}
static void on_backlog(void *owner, uint32_t session, struct spool_batches *batches, uint64_t next)
{
    (void)owner;
    uplink_backlog(uplink, session, batches, next);
}
static void on_flushed(void *owner)
{
    (void)owner;
    flushed = true;
}
static void on_failed(void *owner, enum err code, const char *reason)
{
    (void)owner;
    (void)code;
    (void)reason;
    failed = true;
}
static void on_drained(void *owner)
{
    (void)owner;
    drained = true;
}

static const struct spool_events events = {.joined = on_joined,
                                           .committed = on_committed,
                                           .backlog = on_backlog,
                                           .flushed = on_flushed,
                                           .failed = on_failed};

static void start_uplink(void)
{
    ck_assert_int_eq(uplink_new(fixture.loop, &options, &uplink, NULL), ERR_OK);
    uplink_attach(uplink, fixture.spool);
}

static void setup(void)
{
    options = (struct uplink_options){
        .bridge = "cell-3",
        .endpoints = endpoints,
        .endpoint_count = 1,
        .connect_ms = 5000,
        .retry_first_ms = 10,
        .retry_cap_ms = 20,
        .backfill = {.rate = 0, .window_share = 50},
    };
    fixture_begin(&fixture, PER_BATCH, 0);
    fixture_start(&fixture, &events);
}

static void serve(const struct peer_orders *orders)
{
    peer = peer_listen(fixture.loop, orders);
    endpoints[0] = peer_endpoint(peer);
}

static void teardown(void)
{
    uplink_free(uplink);
    peer_free(peer);
    fixture_end(&fixture);
}

static uint64_t readings_of(uint64_t batches)
{
    return batches * PER_BATCH;
}

/* One batch; the spool's thread commits it by itself. */
static void put_batch(void)
{
    struct reading_sink sink = spool_thread_sink(fixture.spool);
    struct reading readings[PER_BATCH];
    for (size_t i = 0; i < PER_BATCH; i++) {
        readings[i] = sample_reading(0, next_index++);
    }
    ck_assert(sink.put(sink.owner, readings, PER_BATCH));
}

static uint64_t batches_wanted;

static bool all_spooled(void)
{
    struct spool_status status = fixture_status(&fixture);
    return status.counts.batches >= batches_wanted;
}

static void put_batches(unsigned count)
{
    struct spool_status status = fixture_status(&fixture);
    batches_wanted = status.counts.batches;
    for (unsigned i = 0; i < count; i++) {
        batches_wanted++;
        put_batch();
        fixture_run_until(&fixture, all_spooled);
    }
}

static bool all_trimmed(void)
{
    struct spool_status status = fixture_status(&fixture);
    return status.counts.batches >= batches_wanted && status.state.batches == 0;
}

static bool has_sessions(void)
{
    return peer_sessions(peer) >= batches_wanted;
}

static void run_until_sessions(unsigned count)
{
    batches_wanted = count;
    fixture_run_until(&fixture, has_sessions);
}

static bool is_connected(void)
{
    return uplink_is_connected(uplink);
}

static size_t arrivals(const struct peer_arrival **list)
{
    size_t count;
    *list = peer_arrivals(peer, &count);
    return count;
}

/* ---- the law ---- */

START_TEST(what_was_spooled_arrives_and_is_trimmed)
{
    serve(&(struct peer_orders){0});
    start_uplink();
    put_batches(20);
    fixture_run_until(&fixture, all_trimmed);
    ck_assert_uint_eq(peer_readings(peer), readings_of(20));
    ck_assert_uint_eq(peer_catalogs(peer), 1);
}
END_TEST

START_TEST(what_was_spooled_without_a_server_arrives_in_order_later)
{
    put_batches(30);
    serve(&(struct peer_orders){.window_batches = 4});
    start_uplink();
    fixture_run_until(&fixture, all_trimmed);
    const struct peer_arrival *list;
    ck_assert_uint_eq(arrivals(&list), 30);
    for (size_t i = 0; i < 30; i++) {
        ck_assert_uint_eq(list[i].seq, i + 1);
    }
}
END_TEST

static bool swallowed_all(void)
{
    return peer_orders(peer)->swallow == 0;
}

START_TEST(resends_unacked_batches_after_a_lost_connection)
{
    serve(&(struct peer_orders){.swallow = 3});
    start_uplink();
    put_batches(3);
    fixture_run_until(&fixture, swallowed_all);
    batches_wanted = 3;
    fixture_run_until(&fixture, all_trimmed);
    ck_assert_uint_ge(peer_sessions(peer), 2);
    ck_assert_uint_eq(peer_readings(peer), readings_of(3));
}
END_TEST

static bool most_are_out(void)
{
    return peer_most_outstanding(peer) >= 4;
}

START_TEST(nothing_is_trimmed_before_its_answer_and_the_window_is_kept)
{
    serve(&(struct peer_orders){.window_batches = 4, .hold = true});
    start_uplink();
    fixture_run_until(&fixture, is_connected);
    put_batches(10);
    fixture_run_until(&fixture, most_are_out);
    struct spool_status status = fixture_status(&fixture);
    ck_assert_int_eq(status.state.batches, 10);
    ck_assert_uint_eq(peer_most_outstanding(peer), 4);
    peer_release(peer);
    fixture_run_until(&fixture, all_trimmed);
    ck_assert_uint_eq(peer_most_outstanding(peer), 4);
}
END_TEST

/* ---- live and backlog ---- */

static bool backlog_has_its_share(void)
{
    return peer_most_outstanding(peer) == 2;
}

static bool live_has_arrived(void)
{
    const struct peer_arrival *list;
    return arrivals(&list) == 3;
}

START_TEST(live_batches_overtake_the_backlog)
{
    put_batches(40);
    serve(&(struct peer_orders){.window_batches = 4, .hold = true});
    start_uplink();
    fixture_run_until(&fixture, backlog_has_its_share);
    put_batches(1);
    fixture_run_until(&fixture, live_has_arrived);
    const struct peer_arrival *list;
    (void)arrivals(&list);
    ck_assert_uint_eq(list[2].seq, 41);
    ck_assert(!list[2].historical);
    peer_release(peer);
    fixture_run_until(&fixture, all_trimmed);
}
END_TEST

START_TEST(the_backlog_leaves_the_rest_of_the_window_to_live_batches)
{
    put_batches(20);
    serve(&(struct peer_orders){.window_batches = 8, .hold = true});
    start_uplink();
    fixture_run_until(&fixture, most_are_out);
    ck_assert_uint_eq(peer_most_outstanding(peer), 4);
    put_batches(1);
    peer_release(peer);
    fixture_run_until(&fixture, all_trimmed);
}
END_TEST

START_TEST(the_backlog_keeps_to_its_rate)
{
    enum { BATCHES = 8, RATE = 200 };
    options.backfill.rate = RATE;
    put_batches(BATCHES);
    serve(&(struct peer_orders){0});
    int64_t began_us = clock_mono_us();
    start_uplink();
    fixture_run_until(&fixture, all_trimmed);
    int64_t least_us = (int64_t)(BATCHES - 1) * PER_BATCH * CLOCK_US_PER_S / RATE - BACKFILL_BURST_US;
    ck_assert_int_ge(clock_mono_us() - began_us, least_us);
}
END_TEST

/* ---- answers ---- */

START_TEST(a_batch_the_store_was_too_busy_for_is_sent_again_after_the_delay)
{
    serve(&(struct peer_orders){.retries = 3, .retry_ms = 50});
    start_uplink();
    int64_t began_us = clock_mono_us();
    put_batches(3);
    fixture_run_until(&fixture, all_trimmed);
    ck_assert_int_ge(clock_mono_us() - began_us, 50 * CLOCK_US_PER_MS);
    ck_assert_uint_eq(peer_readings(peer), readings_of(3));
    ck_assert_uint_eq(peer_sessions(peer), 1);
}
END_TEST

START_TEST(a_server_cannot_silence_a_bridge_for_longer_than_a_minute)
{
    static const struct {
        uint32_t asked_ms;
        int64_t waits_ms;
    } rows[] = {
        {0, UPLINK_RETRY_MIN_MS},
        {UPLINK_RETRY_MIN_MS + 1, UPLINK_RETRY_MIN_MS + 1},
        {UPLINK_RETRY_MAX_MS, UPLINK_RETRY_MAX_MS},
        {UPLINK_RETRY_MAX_MS + 1, UPLINK_RETRY_MAX_MS},
        {UINT32_MAX, UPLINK_RETRY_MAX_MS},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_int_eq(uplink_retry_us(rows[i].asked_ms), rows[i].waits_ms * CLOCK_US_PER_MS);
    }
}
END_TEST

START_TEST(a_rejected_batch_is_quarantined_and_blocks_nothing)
{
    serve(&(struct peer_orders){.reject_seq = 2});
    start_uplink();
    put_batches(4);
    fixture_run_until(&fixture, all_trimmed);
    struct spool_status status = fixture_status(&fixture);
    ck_assert_int_gt(status.state.quarantined, 0);
    ck_assert(!peer_batch(peer, 2)->stored);
    ck_assert_uint_eq(peer_readings(peer), readings_of(3));
}
END_TEST

START_TEST(a_batch_larger_than_the_server_takes_is_quarantined_and_blocks_nothing)
{
    enum { MANY = 6000 };
    static struct reading readings[MANY];
    uint32_t random = 1;
    fixture.configuration.batch.max_readings = MANY;
    ck_assert_int_eq(spool_thread_configure(fixture.spool, &fixture.configuration, NULL), ERR_OK);
    for (uint32_t i = 0; i < MANY; i++) {
        random = random * 1664525U + 1013904223U;
        readings[i] = sample_reading(0, i);
        readings[i].words[0] = (uint16_t)(random >> 16);
    }
    struct reading_sink sink = spool_thread_sink(fixture.spool);
    ck_assert(sink.put(sink.owner, readings, MANY));
    batches_wanted = 1;
    fixture_run_until(&fixture, all_spooled);
    serve(&(struct peer_orders){.max_batch = FRAME_BATCH_LEAST});
    start_uplink();
    put_batches(1);
    fixture_run_until(&fixture, all_trimmed);
    struct spool_status status = fixture_status(&fixture);
    ck_assert_int_gt(status.state.quarantined, FRAME_BATCH_LEAST);
    ck_assert_uint_eq(peer_readings(peer), PER_BATCH);
}
END_TEST

/* ---- servers ---- */

START_TEST(another_server_is_tried_when_the_first_does_not_answer)
{
    static struct peer_orders none;
    struct peer *gone = peer_listen(fixture.loop, &none);
    static char closed_port[64];
    strncpy(closed_port, peer_endpoint(gone), sizeof closed_port - 1);
    peer_free(gone);
    serve(&none);
    endpoints[1] = endpoints[0];
    endpoints[0] = closed_port;
    options.endpoint_count = 2;
    start_uplink();
    put_batches(2);
    fixture_run_until(&fixture, all_trimmed);
    ck_assert_uint_eq(peer_readings(peer), readings_of(2));
}
END_TEST

START_TEST(a_server_that_comes_back_is_found_again)
{
    serve(&(struct peer_orders){0});
    start_uplink();
    put_batches(2);
    fixture_run_until(&fixture, all_trimmed);
    peer_cut(peer);
    put_batches(2);
    fixture_run_until(&fixture, all_trimmed);
    ck_assert_uint_eq(peer_readings(peer), readings_of(4));
    ck_assert_uint_eq(peer_sessions(peer), 2);
}
END_TEST

START_TEST(more_catalogs_than_a_session_may_have_take_more_sessions)
{
    enum { CATALOGS = TUNNEL_CATALOGS_MAX + 4 };
    struct catalog *catalogs[CATALOGS];
    for (int i = 0; i < CATALOGS; i++) {
        catalogs[i] = sample_catalog(100 + i);
        fixture.configuration.catalog = catalogs[i];
        ck_assert_int_eq(spool_thread_configure(fixture.spool, &fixture.configuration, NULL), ERR_OK);
        put_batches(1);
    }
    serve(&(struct peer_orders){0});
    start_uplink();
    fixture_run_until(&fixture, all_trimmed);
    ck_assert_uint_eq(peer_readings(peer), readings_of(CATALOGS));
    ck_assert_uint_eq(peer_sessions(peer), 2);
    spool_thread_stop(fixture.spool);
    for (int i = 0; i < CATALOGS; i++) {
        catalog_free(catalogs[i]);
    }
}
END_TEST

/* ---- fencing ---- */

static bool renumbered(void)
{
    return peer_batch(peer, 12)->stored;
}

START_TEST(a_restored_spool_goes_on_above_and_sends_what_collides_under_another_number)
{
    put_batches(2);
    serve(&(struct peer_orders){.welcome_highest = 10, .reject_seq = 2});
    start_uplink();
    batches_wanted = 3;
    fixture_run_until(&fixture, renumbered);
    fixture_run_until(&fixture, all_trimmed);
    ck_assert_int_eq(peer_batch(peer, 11)->kind, BATCH_GAPS);
    ck_assert_uint_eq(peer_batch(peer, 12)->readings, PER_BATCH);
    struct spool_status status = fixture_status(&fixture);
    ck_assert_int_eq(status.state.quarantined, 0);
    ck_assert_uint_eq(status.state.next_seq, 13);
}
END_TEST

/* ---- stopping ---- */

static bool has_flushed(void)
{
    return flushed;
}

static bool has_drained(void)
{
    return drained;
}

START_TEST(draining_waits_for_the_answers_and_says_goodbye)
{
    serve(&(struct peer_orders){.hold = true});
    start_uplink();
    fixture_run_until(&fixture, is_connected);
    put_batches(5);
    const struct spool_request flush = {.kind = SPOOL_REQUEST_FLUSH};
    ck_assert_int_eq(spool_thread_request(fixture.spool, &flush, 1), ERR_OK);
    fixture_run_until(&fixture, has_flushed);
    uplink_drain(uplink, on_drained, NULL);
    ck_assert(!drained);
    peer_release(peer);
    fixture_run_until(&fixture, has_drained);
    ck_assert_int_eq(peer_last_bye(peer), BYE_SHUTTING_DOWN);
    ck_assert_uint_eq(peer_readings(peer), readings_of(5));
    spool_thread_stop(fixture.spool);
    struct spool_thread *old = fixture.spool;
    fixture_start(&fixture, &events);
    struct spool_status status = fixture_status(&fixture);
    ck_assert_int_eq(status.state.batches, 0);
    spool_thread_free(old);
}
END_TEST

START_TEST(draining_without_a_server_ends_at_once)
{
    serve(&(struct peer_orders){0});
    ck_assert_int_eq(uplink_new(fixture.loop, &options, &uplink, NULL), ERR_OK);
    uplink_drain(uplink, on_drained, NULL);
    ck_assert(drained);
}
END_TEST

START_TEST(new_options_end_the_session_in_order_and_begin_another)
{
    serve(&(struct peer_orders){0});
    start_uplink();
    put_batches(2);
    fixture_run_until(&fixture, all_trimmed);
    uplink_configure(uplink, &options);
    run_until_sessions(2);
    batches_wanted = 2;
    put_batches(2);
    fixture_run_until(&fixture, all_trimmed);
    ck_assert_uint_eq(peer_readings(peer), readings_of(4));
}
END_TEST

int main(void)
{
    return suite_run_with("uplink", setup, teardown,
                          (const TTest *[]){
                              what_was_spooled_arrives_and_is_trimmed,
                              what_was_spooled_without_a_server_arrives_in_order_later,
                              resends_unacked_batches_after_a_lost_connection,
                              nothing_is_trimmed_before_its_answer_and_the_window_is_kept,
                              live_batches_overtake_the_backlog,
                              the_backlog_leaves_the_rest_of_the_window_to_live_batches,
                              the_backlog_keeps_to_its_rate,
                              a_batch_the_store_was_too_busy_for_is_sent_again_after_the_delay,
                              a_server_cannot_silence_a_bridge_for_longer_than_a_minute,
                              a_rejected_batch_is_quarantined_and_blocks_nothing,
                              a_batch_larger_than_the_server_takes_is_quarantined_and_blocks_nothing,
                              another_server_is_tried_when_the_first_does_not_answer,
                              a_server_that_comes_back_is_found_again,
                              more_catalogs_than_a_session_may_have_take_more_sessions,
                              a_restored_spool_goes_on_above_and_sends_what_collides_under_another_number,
                              draining_waits_for_the_answers_and_says_goodbye,
                              draining_without_a_server_ends_at_once,
                              new_options_end_the_session_in_order_and_begin_another,
                              NULL,
                          });
}
