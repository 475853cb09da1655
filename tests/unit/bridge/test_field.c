#include "base/clock.h"
#include "field_rig.h"
#include "support/suite.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a good value is called on this machine, whose clock may follow nothing. */
static enum quality good(void)
{
    return clock_is_synchronised() ? QUALITY_GOOD : QUALITY_UNCERTAIN_CLOCK;
}

#define FAST "rate: 20ms"

START_TEST(readings_are_the_registers_of_the_plc)
{
    struct rig rig;
    rig_set_up(&rig);
    plc_server_set(rig.plc, TABLE_HOLDING, 0, 0x4148);
    plc_server_set(rig.plc, TABLE_HOLDING, 1, 0xf5c3);
    plc_server_set(rig.plc, TABLE_INPUT, 100, 4711);
    plc_server_set(rig.plc, TABLE_COIL, 7, 1);
    plc_server_set(rig.plc, TABLE_DISCRETE, 9, 1);
    int64_t before_us = clock_wall_us();
    rig_start(&rig, "",
              "[{id: 1, tags: ["
              "{name: a, table: holding, address: 0, type: float32, " FAST "},"
              "{name: b, reference: '30101', type: uint16, " FAST "},"
              "{name: c, table: coil, address: 7, type: bool, " FAST "},"
              "{name: d, table: discrete, address: 9, type: bool, " FAST "},"
              "{name: e, table: discrete, address: 10, type: bool, " FAST "}]}]");
    static const struct {
        uint8_t count;
        uint16_t words[2];
    } rows[] = {{2, {0x4148, 0xf5c3}}, {1, {4711}}, {1, {1}}, {1, {1}}, {1, {0}}};
    for (uint32_t tag = 0; tag < 5; tag++) {
        struct reading reading;
        reading_collector_await(&rig.collector, 0, tag, good(), &reading);
        ck_assert_uint_eq(reading.word_count, rows[tag].count);
        ck_assert_mem_eq(reading.words, rows[tag].words, rows[tag].count * sizeof(uint16_t));
        ck_assert_int_le(before_us, reading.request_us);
        ck_assert_int_le(reading.request_us, reading.response_us);
        ck_assert_int_le(reading.response_us, clock_wall_us());
    }
    rig_tear_down(&rig);
}
END_TEST

START_TEST(one_illegal_address_costs_one_tag)
{
    struct rig rig;
    rig_set_up(&rig);
    plc_server_set_hole(rig.plc, TABLE_HOLDING, 2, 2);
    rig_start(&rig, "",
              "[{id: 1, tags: ["
              "{name: a, table: holding, address: 0, type: uint16, " FAST "},"
              "{name: b, table: holding, address: 1, type: uint16, " FAST "},"
              "{name: c, table: holding, address: 2, type: uint16, " FAST "},"
              "{name: d, table: holding, address: 3, type: uint16, " FAST "}]}]");
    struct reading reading;
    size_t behind =
        reading_collector_await(&rig.collector, 0, 2, (enum quality)(QUALITY_BAD_EXCEPTION + 2), &reading);
    static const uint32_t spared[] = {0, 1, 3};
    for (size_t i = 0; i < 3; i++) {
        reading_collector_await(&rig.collector, behind, spared[i], good(), &reading);
    }
    rig_tear_down(&rig);
}
END_TEST

START_TEST(a_plc_that_goes_away_makes_bad_readings_and_is_found_again)
{
    struct rig rig;
    rig_set_up(&rig);
    rig_start(&rig, "reconnect_max: 100ms,",
              "[{id: 1, tags: [{name: a, table: holding, address: 0, type: uint16, " FAST "},"
              "{name: b, table: holding, address: 9, type: uint16, rate: 1h}]}]");
    struct reading reading;
    size_t behind = reading_collector_await(&rig.collector, 0, 0, good(), &reading);
    uint16_t port = plc_server_port(rig.plc);
    plc_server_stop(rig.plc);
    rig.plc = NULL;
    reading_collector_await(&rig.collector, behind, 0, QUALITY_BAD_DISCONNECTED, &reading);
    ck_assert_uint_eq(reading.word_count, 0);
    /* Also the tag that nobody would have asked for in this hour. */
    behind = reading_collector_await(&rig.collector, behind, 1, QUALITY_BAD_REFUSED, &reading);
    rig.plc = plc_server_start_at(port);
    reading_collector_await(&rig.collector, behind, 0, good(), &reading);
    rig_tear_down(&rig);
}
END_TEST

START_TEST(a_connection_the_plc_closed_while_idle_costs_no_reading)
{
    struct rig rig;
    rig_set_up(&rig);
    rig_start(&rig, "",
              "[{id: 1, tags: [{name: a, table: holding, address: 0, type: uint16, rate: 100ms}]}]");
    struct reading reading;
    size_t behind = 0;
    for (int i = 0; i < 5; i++) {
        behind = reading_collector_await(&rig.collector, behind, 0, good(), &reading);
        plc_server_drop_connections(rig.plc);
    }
    for (size_t i = 0; i < rig.collector.count; i++) {
        ck_assert_int_eq(rig.collector.readings[i].quality, good());
    }
    rig_tear_down(&rig);
}
END_TEST

START_TEST(a_silent_unit_does_not_stop_its_neighbour)
{
    struct rig rig;
    rig_set_up(&rig);
    plc_server_set_silent_unit(rig.plc, 2);
    rig_start(&rig, "response_timeout: 50ms,",
              "[{id: 1, tags: [{name: a, table: holding, address: 0, type: uint16, " FAST "}]},"
              "{id: 2, tags: [{name: b, table: holding, address: 0, type: uint16, " FAST "},"
              "{name: c, table: input, address: 0, type: uint16, rate: 1h}]}]");
    struct reading reading;
    size_t behind = reading_collector_await(&rig.collector, 0, 1, QUALITY_BAD_TIMEOUT, &reading);
    for (int i = 0; i < 20; i++) {
        behind = reading_collector_await(&rig.collector, behind, 0, good(), &reading);
    }
    plc_server_set_silent_unit(rig.plc, 0);
    reading_collector_await(&rig.collector, behind, 1, good(), &reading);
    rig_tear_down(&rig);
}
END_TEST

START_TEST(the_backup_takes_over_when_the_first_way_ends)
{
    struct rig rig;
    rig_set_up(&rig);
    struct plc_server *backup = plc_server_start();
    plc_server_set(rig.plc, TABLE_HOLDING, 0, 1);
    plc_server_set(backup, TABLE_HOLDING, 0, 2);
    char more[64];
    snprintf(more, sizeof more, "backup: 'tcp://127.0.0.1:%u',", plc_server_port(backup));
    rig_start(&rig, more, "[{id: 1, tags: [{name: a, table: holding, address: 0, type: uint16, " FAST "}]}]");
    struct reading reading;
    size_t behind = reading_collector_await(&rig.collector, 0, 0, good(), &reading);
    ck_assert_uint_eq(reading.words[0], 1);
    plc_server_stop(rig.plc);
    rig.plc = backup;
    for (int i = 0; i < 100 && reading.words[0] != 2; i++) {
        behind = reading_collector_await(&rig.collector, behind, 0, good(), &reading);
    }
    ck_assert_uint_eq(reading.words[0], 2);
    rig_tear_down(&rig);
}
END_TEST

START_TEST(status_and_metrics_tell_what_happens)
{
    struct rig rig;
    rig_set_up(&rig);
    plc_server_set_silent_unit(rig.plc, 9);
    rig_start(&rig, "response_timeout: 20ms,",
              "[{id: 1, tags: [{name: a, table: holding, address: 0, type: uint16, " FAST "}]},"
              "{id: 9, tags: [{name: b, table: holding, address: 0, type: uint16, " FAST "},"
              "{name: c, table: holding, address: 9, type: uint16, rate: 1h}]}]");
    struct reading reading;
    reading_collector_await(&rig.collector, 0, 0, good(), &reading);
    reading_collector_await(&rig.collector, 0, 1, QUALITY_BAD_TIMEOUT, &reading);
    reading_collector_await(&rig.collector, 0, 2, QUALITY_BAD_SUSPENDED, &reading);
    struct buffer text;
    buffer_init(&text, 65536);
    ck_assert_int_eq(field_status(rig.field, &text), ERR_OK);
    ck_assert_int_eq(buffer_append(&text, "", 1), ERR_OK);
    const char *status = (const char *)buffer_bytes(&text).data;
    static const char *const wanted[] = {"\"link\":\"plc\"", "\"up\":1", "\"unit\":9", "\"state\":\"open\"",
                                         "\"suspensions\":1"};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        ck_assert_msg(strstr(status, wanted[i]) != NULL, "%s: %s", wanted[i], status);
    }
    buffer_clear(&text);
    ck_assert_int_eq(field_metrics(rig.field, &text), ERR_OK);
    ck_assert_int_eq(buffer_append(&text, "", 1), ERR_OK);
    const char *metrics = (const char *)buffer_bytes(&text).data;
    ck_assert_ptr_nonnull(
        strstr(metrics, "# TYPE bourdon_bridge_link_up gauge\nbourdon_bridge_link_up{link=\"plc\"} 1\n"));
    ck_assert_ptr_nonnull(strstr(metrics, "bourdon_bridge_link_suspensions_total{link=\"plc\"} 1\n"));
    ck_assert_ptr_nonnull(strstr(metrics, "bourdon_bridge_link_tags{link=\"plc\"} 3\n"));
    buffer_fini(&text);
    rig_tear_down(&rig);
}
END_TEST

START_TEST(what_the_plc_was_asked_before_a_stop_becomes_a_reading)
{
    struct rig rig;
    rig_set_up(&rig);
    plc_server_set_delay_ms(rig.plc, 200);
    rig_start(&rig, "response_timeout: 30s,",
              "[{id: 1, tags: [{name: a, table: holding, address: 0, type: uint16, rate: 10ms}]}]");
    while (plc_server_requests(rig.plc) < 2) { /* the second one is in flight */
        usleep(1000);
    }
    field_stop(rig.field, 30 * CLOCK_US_PER_S);
    rig.field = NULL;
    ck_assert_uint_eq(reading_collector_count(&rig.collector), plc_server_requests(rig.plc));
    struct reading reading;
    reading_collector_await(&rig.collector, plc_server_requests(rig.plc) - 1, 0, good(), &reading);
    rig_tear_down(&rig);
}
END_TEST

START_TEST(a_plc_that_does_not_answer_holds_up_no_stop)
{
    struct rig rig;
    rig_set_up(&rig);
    plc_server_set_silent_unit(rig.plc, 1);
    rig_start(&rig, "response_timeout: 30s,",
              "[{id: 1, tags: [{name: a, table: holding, address: 0, type: uint16, rate: 10ms}]}]");
    while (plc_server_requests(rig.plc) < 1) {
        usleep(1000);
    }
    int64_t began_us = clock_mono_us();
    field_stop(rig.field, 50 * CLOCK_US_PER_MS);
    rig.field = NULL;
    ck_assert_int_lt(clock_mono_us() - began_us, 20 * CLOCK_US_PER_S);
    rig_tear_down(&rig);
}
END_TEST

START_TEST(a_full_sink_stops_polling_until_it_has_room)
{
    struct rig rig;
    rig_set_up(&rig);
    rig_start(&rig, "", "[{id: 1, tags: [{name: a, table: holding, address: 0, type: uint16, " FAST "}]}]");
    struct reading reading;
    size_t behind = reading_collector_await(&rig.collector, 0, 0, good(), &reading);
    reading_collector_set_full(&rig.collector, true);
    reading_collector_await_refusals(&rig.collector, 2); /* the poll under way, and the question for room */
    uint64_t requests = plc_server_requests(rig.plc);
    reading_collector_await_refusals(&rig.collector, 4);
    ck_assert_uint_eq(plc_server_requests(rig.plc), requests);
    reading_collector_set_full(&rig.collector, false);
    reading_collector_await(&rig.collector, behind, 0, good(), &reading);
    rig_tear_down(&rig);
}
END_TEST

START_TEST(nothing_is_read_before_there_is_room_for_it)
{
    struct rig rig;
    rig_set_up(&rig);
    reading_collector_set_full(&rig.collector, true);
    rig_start(&rig, "", "[{id: 1, tags: [{name: a, table: holding, address: 0, type: uint16, " FAST "}]}]");
    reading_collector_await_refusals(&rig.collector, 3);
    ck_assert_uint_eq(plc_server_requests(rig.plc), 0);
    reading_collector_set_full(&rig.collector, false);
    struct reading reading;
    reading_collector_await(&rig.collector, 0, 0, good(), &reading);
    rig_tear_down(&rig);
}
END_TEST

int main(void)
{
    return suite_run("field", (const TTest *[]){
                                  readings_are_the_registers_of_the_plc,
                                  one_illegal_address_costs_one_tag,
                                  a_plc_that_goes_away_makes_bad_readings_and_is_found_again,
                                  a_connection_the_plc_closed_while_idle_costs_no_reading,
                                  a_silent_unit_does_not_stop_its_neighbour,
                                  the_backup_takes_over_when_the_first_way_ends,
                                  status_and_metrics_tell_what_happens,
                                  what_the_plc_was_asked_before_a_stop_becomes_a_reading,
                                  a_plc_that_does_not_answer_holds_up_no_stop,
                                  a_full_sink_stops_polling_until_it_has_room,
                                  nothing_is_read_before_there_is_room_for_it,
                                  NULL,
                              });
}
