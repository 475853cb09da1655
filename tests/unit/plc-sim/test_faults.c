#include "base/array.h"
#include "faults.h"
#include "support/suite.h"

#define ENDPOINT "127.0.0.1:1502"

static const int64_t SECOND = 1000000;
static struct faults faults;

static void setup(void)
{
    faults_init(&faults, 1);
}

static void teardown(void)
{
    faults_fini(&faults);
}

static struct fault_options any(enum fault_kind kind)
{
    return (struct fault_options){.kind = (int)kind,
                                  .unit = -1,
                                  .table = IMAGE_TABLES,
                                  .chance = 1,
                                  .bytes = -1,
                                  .value = -1,
                                  .limit = 1};
}

static uint32_t add(struct fault_options options)
{
    uint32_t id;
    ck_assert_int_eq(faults_add(&faults, &options, 0, &id), ERR_OK);
    return id;
}

/* A read of holding registers 10..19 of unit 1. */
static struct fault_query read_at(int64_t now_us)
{
    return (struct fault_query){
        .now_us = now_us, .endpoint = ENDPOINT, .unit = 1, .read = {IMAGE_HOLDING, 10, 10}};
}

static bool is_silent(struct fault_query query)
{
    return faults_judge(&faults, &query).fate == FAULT_SILENCE;
}

START_TEST(is_active_from_its_beginning_up_to_its_end)
{
    struct fault_options options = any(FAULT_SILENCE);
    options.at_us = 10 * SECOND;
    options.for_us = 5 * SECOND;
    add(options);
    static const struct {
        int64_t at_us;
        bool active;
    } rows[] = {{0, false}, {9999999, false}, {10000000, true}, {14999999, true}, {15000000, false}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_msg(is_silent(read_at(rows[i].at_us)) == rows[i].active, "at %ld", (long)rows[i].at_us);
    }
}
END_TEST

START_TEST(counts_its_time_from_when_it_was_added)
{
    struct fault_options options = any(FAULT_SILENCE);
    options.at_us = SECOND;
    ck_assert_int_eq(faults_add(&faults, &options, 100 * SECOND, NULL), ERR_OK);
    ck_assert(!is_silent(read_at(100 * SECOND)));
    ck_assert(is_silent(read_at(101 * SECOND)));
    ck_assert(is_silent(read_at(INT64_C(1000000) * SECOND)));
}
END_TEST

START_TEST(touches_only_what_it_names)
{
    static const struct {
        const char *name;
        const char *endpoint;
        int64_t unit;
        int table;
        int64_t address;
        int64_t count;
        bool hit;
    } rows[] = {
        {"everything", "", -1, IMAGE_TABLES, 0, 0, true},
        {"this endpoint", ENDPOINT, -1, IMAGE_TABLES, 0, 0, true},
        {"another endpoint", "127.0.0.1:1503", -1, IMAGE_TABLES, 0, 0, false},
        {"this unit", "", 1, IMAGE_TABLES, 0, 0, true},
        {"another unit", "", 2, IMAGE_TABLES, 0, 0, false},
        {"this table", "", -1, IMAGE_HOLDING, 0, 0, true},
        {"another table", "", -1, IMAGE_INPUT, 0, 0, false},
        {"just before", "", -1, IMAGE_HOLDING, 0, 10, false},
        {"up to the first item", "", -1, IMAGE_HOLDING, 0, 11, true},
        {"inside", "", -1, IMAGE_HOLDING, 15, 1, true},
        {"from the last item on", "", -1, IMAGE_HOLDING, 19, 0, true},
        {"just behind", "", -1, IMAGE_HOLDING, 20, 5, false},
        {"just behind and on", "", -1, IMAGE_TABLES, 20, 0, false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct fault_options options = any(FAULT_SILENCE);
        char endpoint[32];
        snprintf(endpoint, sizeof endpoint, "%s", rows[i].endpoint);
        options.endpoint = endpoint;
        options.unit = rows[i].unit;
        options.table = rows[i].table;
        options.address = rows[i].address;
        options.count = rows[i].count;
        uint32_t id = add(options);
        ck_assert_msg(is_silent(read_at(0)) == rows[i].hit, "%s", rows[i].name);
        ck_assert_int_eq(faults_clear(&faults, id), ERR_OK);
    }
}
END_TEST

START_TEST(ends_after_the_number_of_requests_given)
{
    struct fault_options options = any(FAULT_SILENCE);
    options.times = 2;
    add(options);
    ck_assert(is_silent(read_at(0)));
    struct fault_query other_unit = read_at(0);
    other_unit.unit = 9;
    ck_assert(is_silent(other_unit));
    ck_assert(!is_silent(read_at(0)));
}
END_TEST

START_TEST(happens_with_the_chance_given)
{
    struct fault_options options = any(FAULT_SILENCE);
    options.chance = 0.25;
    add(options);
    int hits = 0;
    for (int i = 0; i < 10000; i++) {
        hits += is_silent(read_at(0));
    }
    ck_assert_int_gt(hits, 2200);
    ck_assert_int_lt(hits, 2800);
}
END_TEST

START_TEST(delays_add_up_and_jitter_stays_in_its_range)
{
    struct fault_options fixed = any(FAULT_DELAY);
    fixed.delay_us = 1000;
    struct fault_options jittery = any(FAULT_DELAY);
    jittery.delay_us = 100;
    jittery.jitter_us = 500;
    add(fixed);
    add(jittery);
    int64_t lowest = INT64_MAX;
    int64_t highest = 0;
    for (int i = 0; i < 1000; i++) {
        struct fault_query query = read_at(0);
        int64_t delay_us = faults_judge(&faults, &query).delay_us;
        lowest = delay_us < lowest ? delay_us : lowest;
        highest = delay_us > highest ? delay_us : highest;
    }
    ck_assert_int_ge(lowest, 1100);
    ck_assert_int_lt(lowest, 1150);
    ck_assert_int_gt(highest, 1550);
    ck_assert_int_lt(highest, 1600);
}
END_TEST

START_TEST(the_first_of_two_contradicting_faults_wins)
{
    add(any(FAULT_RESET));
    add(any(FAULT_SILENCE));
    add(any(FAULT_HOLE));
    add(any(FAULT_EXCEPTION));
    struct fault_query query = read_at(0);
    struct fault_effect effect = faults_judge(&faults, &query);
    ck_assert_int_eq(effect.fate, FAULT_RESET);
    ck_assert_uint_eq(effect.exception, MODBUS_ILLEGAL_DATA_ADDRESS);
}
END_TEST

START_TEST(limits_the_size_of_reads)
{
    struct fault_options options = any(FAULT_MAX_READ);
    options.limit = 10;
    add(options);
    struct fault_query query = read_at(0);
    ck_assert_uint_eq(faults_judge(&faults, &query).exception, 0);
    query.read.quantity = 11;
    ck_assert_uint_eq(faults_judge(&faults, &query).exception, MODBUS_ILLEGAL_DATA_VALUE);
}
END_TEST

START_TEST(freezes_the_spans_it_names)
{
    struct fault_options options = any(FAULT_FREEZE);
    options.table = IMAGE_HOLDING;
    options.address = 4;
    options.count = 2;
    options.unit = 1;
    add(options);
    struct image_span spans[8];
    struct fault_query query = read_at(0);
    ck_assert_uint_eq(faults_frozen(&faults, &query, spans, ARRAY_LENGTH(spans)), 1);
    ck_assert_int_eq(spans[0].table, IMAGE_HOLDING);
    ck_assert_uint_eq(spans[0].address, 4);
    ck_assert_uint_eq(spans[0].quantity, 2);
    query.unit = 2;
    ck_assert_uint_eq(faults_frozen(&faults, &query, spans, ARRAY_LENGTH(spans)), 0);
}
END_TEST

START_TEST(speaks_for_endpoints)
{
    ck_assert(!faults_refuse(&faults, 0, ENDPOINT));
    ck_assert_uint_eq(faults_connection_limit(&faults, 0, ENDPOINT), SIZE_MAX);
    struct fault_options refuse = any(FAULT_REFUSE);
    refuse.for_us = SECOND;
    add(refuse);
    struct fault_options limit = any(FAULT_CONNECTION_LIMIT);
    limit.limit = 3;
    add(limit);
    ck_assert(faults_refuse(&faults, 0, ENDPOINT));
    ck_assert(!faults_refuse(&faults, SECOND, ENDPOINT));
    ck_assert_uint_eq(faults_connection_limit(&faults, 0, ENDPOINT), 3);
}
END_TEST

START_TEST(holds_so_many_and_no_more)
{
    uint32_t last = 0;
    for (int i = 0; i < FAULTS_MAX; i++) {
        last = add(any(FAULT_DELAY));
    }
    struct fault_options one_more = any(FAULT_DELAY);
    ck_assert_int_eq(faults_add(&faults, &one_more, 0, NULL), ERR_LIMIT);
    ck_assert_int_eq(faults_clear(&faults, last), ERR_OK);
    ck_assert_int_eq(faults_clear(&faults, last), ERR_NOT_FOUND);
    ck_assert_int_eq(faults_add(&faults, &one_more, 0, NULL), ERR_OK);
}
END_TEST

int main(void)
{
    return suite_run_with("faults", setup, teardown,
                          (const TTest *[]){
                              is_active_from_its_beginning_up_to_its_end,
                              counts_its_time_from_when_it_was_added,
                              touches_only_what_it_names,
                              ends_after_the_number_of_requests_given,
                              happens_with_the_chance_given,
                              delays_add_up_and_jitter_stays_in_its_range,
                              the_first_of_two_contradicting_faults_wins,
                              limits_the_size_of_reads,
                              freezes_the_spans_it_names,
                              speaks_for_endpoints,
                              holds_so_many_and_no_more,
                              NULL,
                          });
}
