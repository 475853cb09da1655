#include "store_contract.h"

#include "base/array.h"
#include "support/suite.h"

#include <check.h>
#include <pthread.h>
#include <string.h>

static const struct contract_kind *kind;
static struct store *store;
static struct err_text why;

static struct store *open_one(void)
{
    struct store *opened = NULL;
    enum err result = kind->open(&opened, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
    return opened;
}

static void reopen(void)
{
    store_close(store);
    store = NULL;
    store = open_one();
}

static void setup(void)
{
    kind->make();
    store = open_one();
    fixture_put_catalog(store);
}

static void teardown(void)
{
    store_close(store);
    store = NULL;
    kind->remove();
}

static enum store_result put(const char *bridge, uint8_t epoch, uint64_t sequence, uint8_t content)
{
    struct fixture_batch batch;
    fixture_batch(&batch, epoch, sequence, content);
    return fixture_put(store, bridge, &batch);
}

static struct store_watermarks look_up(const char *bridge, uint8_t epoch)
{
    return fixture_look_up(store, bridge, epoch);
}

/* ---- identity ---- */

START_TEST(an_identity_is_stored_once)
{
    static const struct {
        const char *name;
        const char *bridge;
        uint8_t epoch;
        uint64_t sequence;
        uint8_t content;
        enum store_result expected;
    } rows[] = {
        {"first", "cell-3", 1, 1, 0xaa, STORE_COMMITTED},
        {"the same again", "cell-3", 1, 1, 0xaa, STORE_DUPLICATE},
        {"other content", "cell-3", 1, 1, 0xbb, STORE_CONFLICT},
        {"other sequence", "cell-3", 1, 2, 0xaa, STORE_COMMITTED},
        {"other epoch", "cell-3", 2, 1, 0xaa, STORE_COMMITTED},
        {"other bridge", "cell-4", 1, 1, 0xaa, STORE_COMMITTED},
        {"the first still is as it was", "cell-3", 1, 1, 0xaa, STORE_DUPLICATE},
        {"highest sequence", "cell-3", 1, STORE_SEQUENCE_MAX, 0xaa, STORE_COMMITTED},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        enum store_result result = put(rows[i].bridge, rows[i].epoch, rows[i].sequence, rows[i].content);
        ck_assert_msg(result == rows[i].expected, "%s: %d", rows[i].name, result);
    }
}
END_TEST

START_TEST(names_that_look_alike_are_different_bridges)
{
    static const char *const names[] = {"a.b",
                                        "a-b",
                                        "a_b",
                                        "A.b",
                                        "a.b.c",
                                        "a..b",
                                        "a.",
                                        "a",
                                        "ab",
                                        "x23456789.123456789.123456789.123456789.123456789.123456789.123",
                                        "x23456789.123456789.123456789.123456789.123456789.123456789.124"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        ck_assert_msg(put(names[i], 1, 1, (uint8_t)i) == STORE_COMMITTED, "%s", names[i]);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        ck_assert_msg(put(names[i], 1, 1, (uint8_t)i) == STORE_DUPLICATE, "%s", names[i]);
    }
}
END_TEST

START_TEST(a_duplicate_says_when_the_first_was_committed)
{
    struct fixture_batch batch;
    fixture_batch(&batch, 1, 1, 0xaa);
    ck_assert_int_eq(fixture_put(store, "cell-3", &batch), STORE_COMMITTED);
    reopen();
    struct store_batch again = {.bridge = "cell-3", .view = &batch.view, .received_us = 7};
    ck_assert_int_eq(store_begin(store, 77, &why), ERR_OK);
    ck_assert_int_eq(store_put_batch(store, &again, &why), ERR_OK);
    ck_assert_int_eq(store_commit(store, &why), ERR_OK);
    ck_assert_int_eq(again.result, STORE_DUPLICATE);
    ck_assert_int_eq(again.committed_us, batch.view.last_us);
}
END_TEST

START_TEST(one_group_may_hold_an_identity_twice)
{
    struct fixture_batch first, other;
    fixture_batch(&first, 1, 1, 1);
    fixture_batch(&other, 1, 1, 2);
    struct store_batch items[] = {
        {.bridge = "cell-3", .view = &first.view},
        {.bridge = "cell-3", .view = &first.view},
        {.bridge = "cell-3", .view = &other.view},
        {.bridge = "cell-4", .view = &other.view},
    };
    static const enum store_result expected[] = {STORE_COMMITTED, STORE_DUPLICATE, STORE_CONFLICT,
                                                 STORE_COMMITTED};
    enum err result = fixture_put_group(store, items, ARRAY_LENGTH(items), &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
    for (size_t i = 0; i < ARRAY_LENGTH(items); i++) {
        ck_assert_msg(items[i].result == expected[i], "item %zu: %d", i, items[i].result);
    }
    ck_assert_int_eq(fixture_put(store, "cell-3", &first), STORE_DUPLICATE);
    ck_assert_int_eq(fixture_put(store, "cell-3", &other), STORE_CONFLICT);
}
END_TEST

/* ---- catalogs ---- */

START_TEST(a_batch_without_its_catalog_is_not_stored_and_harms_no_other)
{
    struct fixture_batch known, unknown;
    fixture_batch(&known, 1, 1, 1);
    fixture_batch(&unknown, 1, 2, 1);
    unknown.view.catalog_hash[0] ^= 1;
    struct store_batch items[] = {
        {.bridge = "cell-3", .view = &unknown.view},
        {.bridge = "cell-3", .view = &known.view},
    };
    ck_assert_int_eq(fixture_put_group(store, items, ARRAY_LENGTH(items), &why), ERR_OK);
    ck_assert_int_eq(items[0].result, STORE_NO_CATALOG);
    ck_assert_int_eq(items[1].result, STORE_COMMITTED);
    ck_assert_uint_eq(look_up("cell-3", 1).highest, 1);
}
END_TEST

static struct catalog *another_catalog(void)
{
    const struct catalog_tag tag = {
        .name = "tank/level", .unit = "m", .link = "", .type = VALUE_FLOAT32, .words = 2, .scale = 1};
    struct catalog *catalog;
    enum err result = catalog_new(&tag, 1, &catalog, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
    return catalog;
}

START_TEST(a_catalog_is_found_byte_by_byte_once_its_group_is_committed)
{
    struct catalog *catalog = another_catalog();
    struct store_catalog item = {
        .hash = catalog_hash(catalog), .encoded = catalog_encoded(catalog), .received_us = 5};
    ck_assert(!fixture_has_catalog(store, catalog));
    ck_assert_int_eq(store_begin(store, 1, &why), ERR_OK);
    ck_assert_int_eq(store_put_catalog(store, &item, &why), ERR_OK);
    store_rollback(store);
    ck_assert(!fixture_has_catalog(store, catalog));
    for (int i = 0; i < 2; i++) { // the second time it is there already
        ck_assert_int_eq(store_begin(store, 1, &why), ERR_OK);
        ck_assert_int_eq(store_put_catalog(store, &item, &why), ERR_OK);
        ck_assert_int_eq(store_commit(store, &why), ERR_OK);
        ck_assert(fixture_has_catalog(store, catalog));
    }
    reopen();
    ck_assert(fixture_has_catalog(store, catalog));
    ck_assert(fixture_has_catalog(store, fixture_catalog()));
    catalog_free(catalog);
}
END_TEST

START_TEST(a_catalog_and_its_batches_may_share_a_group)
{
    struct fixture_batch batch;
    fixture_batch(&batch, 1, 1, 1);
    store_close(store);
    store = NULL;
    kind->remove();
    kind->make();
    store = open_one();
    struct store_catalog catalog = {.hash = fixture_hash(), .encoded = catalog_encoded(fixture_catalog())};
    struct store_batch early = {.bridge = "cell-3", .view = &batch.view};
    ck_assert_int_eq(fixture_put_group(store, &early, 1, &why), ERR_OK);
    ck_assert_int_eq(early.result, STORE_NO_CATALOG);
    struct store_batch item = {.bridge = "cell-3", .view = &batch.view};
    ck_assert_int_eq(store_begin(store, 1, &why), ERR_OK);
    ck_assert_int_eq(store_put_catalog(store, &catalog, &why), ERR_OK);
    ck_assert_int_eq(store_put_batch(store, &item, &why), ERR_OK);
    ck_assert_int_eq(store_commit(store, &why), ERR_OK);
    ck_assert_int_eq(item.result, STORE_COMMITTED);
}
END_TEST

/* ---- watermarks ---- */

START_TEST(watermarks_stop_at_a_hole_and_go_on_when_it_is_filled)
{
    static const struct {
        uint64_t sequence;
        uint64_t contiguous, highest;
    } rows[] = {{1, 1, 1}, {2, 2, 2}, {4, 2, 4}, {9, 2, 9}, {3, 4, 9},
                {5, 5, 9}, {8, 5, 9}, {7, 5, 9}, {6, 9, 9}};
    struct store_watermarks unknown = look_up("cell-3", 1);
    ck_assert_uint_eq(unknown.contiguous, 0);
    ck_assert_uint_eq(unknown.highest, 0);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_int_eq(put("cell-3", 1, rows[i].sequence, 1), STORE_COMMITTED);
        struct store_watermarks watermarks = look_up("cell-3", 1);
        ck_assert_msg(watermarks.contiguous == rows[i].contiguous, "row %zu: %llu", i,
                      (unsigned long long)watermarks.contiguous);
        ck_assert_msg(watermarks.highest == rows[i].highest, "row %zu", i);
    }
    ck_assert_uint_eq(look_up("cell-3", 2).highest, 0);
    ck_assert_uint_eq(look_up("cell-4", 1).highest, 0);
}
END_TEST

START_TEST(watermarks_survive_a_restart)
{
    static const uint64_t sequences[] = {1, 2, 3, 7, 9};
    for (size_t i = 0; i < ARRAY_LENGTH(sequences); i++) {
        put("cell-3", 1, sequences[i], 1);
    }
    reopen();
    ck_assert_uint_eq(look_up("cell-3", 1).contiguous, 3);
    ck_assert_uint_eq(look_up("cell-3", 1).highest, 9);
    put("cell-3", 1, 4, 1);
    ck_assert_uint_eq(look_up("cell-3", 1).contiguous, 4);
}
END_TEST

START_TEST(gaps_account_for_what_never_arrives)
{
    const struct gap gaps[] = {
        {.reason = GAP_SPOOL_FULL, .first_sequence = 2, .last_sequence = 4, .readings = 30},
        {.reason = GAP_NOT_POLLED, .from_us = 5, .to_us = 9, .link = "boiler-plc"},
    };
    put("cell-3", 1, 1, 1);
    put("cell-3", 1, 5, 1);
    ck_assert_uint_eq(look_up("cell-3", 1).contiguous, 1);
    fixture_put_gaps(store, "cell-3", 6, gaps, ARRAY_LENGTH(gaps));
    ck_assert_uint_eq(look_up("cell-3", 1).contiguous, 6);
    ck_assert_uint_eq(look_up("cell-3", 1).highest, 6);
    reopen();
    ck_assert_uint_eq(look_up("cell-3", 1).contiguous, 6);
}
END_TEST

START_TEST(what_is_missing_in_between_is_listed_but_for_what_gaps_account_for)
{
    static const uint64_t stored[] = {1, 2, 5, 6, 10, 20, 21, 30};
    const struct gap gaps[] = {{.reason = GAP_SPOOL_FULL, .first_sequence = 8, .last_sequence = 8},
                               {.reason = GAP_SPOOL_FULL, .first_sequence = 11, .last_sequence = 14}};
    static const struct frame_range missing[] = {{3, 4}, {7, 7}, {9, 9}, {15, 19}, {22, 29}};
    for (size_t i = 0; i < ARRAY_LENGTH(stored); i++) {
        ck_assert_int_eq(put("cell-3", 1, stored[i], 1), STORE_COMMITTED);
    }
    fixture_put_gaps(store, "cell-3", 31, gaps, ARRAY_LENGTH(gaps));
    struct store_watermarks watermarks = look_up("cell-3", 1);
    ck_assert_uint_eq(watermarks.contiguous, 2);
    ck_assert_uint_eq(watermarks.highest, 31);
    ck_assert_uint_eq(watermarks.missing_count, ARRAY_LENGTH(missing));
    ck_assert_mem_eq(watermarks.missing, missing, sizeof missing);
}
END_TEST

START_TEST(a_long_list_of_what_is_missing_is_cut)
{
    for (uint64_t i = 1; i <= FRAME_MISSING_MAX + 2; i++) {
        ck_assert_int_eq(put("cell-3", 1, 2 * i, 1), STORE_COMMITTED);
    }
    struct store_watermarks watermarks = look_up("cell-3", 1);
    ck_assert_uint_eq(watermarks.missing_count, FRAME_MISSING_MAX);
    ck_assert_uint_eq(watermarks.missing[FRAME_MISSING_MAX - 1].last, 2 * FRAME_MISSING_MAX - 1);
}
END_TEST

/* WELCOME may not say more than is stored: the bridge would take it for malformed, again and again. */
START_TEST(a_gap_that_reaches_ahead_of_everything_stored_is_believed_up_to_there)
{
    const struct gap ahead = {.reason = GAP_SPOOL_FULL, .first_sequence = 2, .last_sequence = UINT64_MAX};
    fixture_put_gaps(store, "cell-3", 1, &ahead, 1);
    struct store_watermarks watermarks = look_up("cell-3", 1);
    ck_assert_uint_eq(watermarks.highest, 1);
    ck_assert_uint_eq(watermarks.contiguous, 1);
    put("cell-3", 1, 7, 1);
    watermarks = look_up("cell-3", 1);
    ck_assert_uint_eq(watermarks.highest, 7);
    ck_assert_uint_eq(watermarks.contiguous, 7);
}
END_TEST

/* ---- retention ---- */

enum { OLD = 10 };

/* The store's clock in these tests: a batch is committed at the time of its last reading. */
static void expire(const struct store_retention *limits, int64_t now_us)
{
    struct store_expired expired;
    do {
        enum err result = store_expire(store, limits, now_us, &expired, &why);
        ck_assert_msg(result == ERR_OK, "%s", why.text);
    } while (expired.more);
}

static int64_t committed_us(uint64_t sequence)
{
    struct fixture_batch batch;
    fixture_batch(&batch, 1, sequence, 1);
    return batch.view.last_us;
}

/* Everything up to a sequence is too old now. */
static void forget_until(uint64_t sequence)
{
    const struct store_retention limits = {.age_us = 1};
    expire(&limits, committed_us(sequence) + 2);
}

START_TEST(what_is_forgotten_is_not_missing)
{
    static const struct frame_range hole = {5, 6};
    if (!store_can_expire(store)) {
        return;
    }
    for (uint64_t sequence = 1; sequence <= OLD; sequence++) {
        if (sequence < hole.first || sequence > hole.last) {
            ck_assert_int_eq(put("cell-3", 1, sequence, 1), STORE_COMMITTED);
        }
        ck_assert_int_eq(put("cell-4", 1, sequence, 1), STORE_COMMITTED);
    }
    for (uint64_t until = 1; until <= OLD; until++) { // also where only some of a range is
        forget_until(until);
        reopen();
        struct store_watermarks watermarks = look_up("cell-3", 1);
        ck_assert_uint_eq(watermarks.contiguous, hole.first - 1);
        ck_assert_uint_eq(watermarks.highest, OLD);
        ck_assert_uint_eq(watermarks.missing_count, 1);
        ck_assert_mem_eq(watermarks.missing, &hole, sizeof hole);
        ck_assert_uint_eq(look_up("cell-4", 1).contiguous, OLD);
    }
    ck_assert_int_eq(put("cell-3", 1, OLD + 1, 1), STORE_COMMITTED);
    for (uint64_t sequence = hole.first; sequence <= hole.last; sequence++) {
        ck_assert_int_eq(put("cell-3", 1, sequence, 1), STORE_COMMITTED);
    }
    ck_assert_uint_eq(look_up("cell-3", 1).contiguous, OLD + 1);
    forget_until(OLD + 1);
    ck_assert_uint_eq(look_up("cell-3", 1).contiguous, OLD + 1);
    ck_assert_uint_eq(look_up("cell-3", 1).highest, OLD + 1);
}
END_TEST

START_TEST(what_is_young_enough_is_told_from_another_batch)
{
    if (!store_can_expire(store)) {
        return;
    }
    for (uint64_t sequence = 1; sequence <= OLD; sequence++) {
        ck_assert_int_eq(put("cell-3", 1, sequence, 1), STORE_COMMITTED);
    }
    forget_until(OLD / 2);
    for (uint64_t sequence = OLD / 2 + 1; sequence <= OLD; sequence++) {
        ck_assert_int_eq(put("cell-3", 1, sequence, 1), STORE_DUPLICATE);
        ck_assert_int_eq(put("cell-3", 1, sequence, 2), STORE_CONFLICT);
    }
    forget_until(OLD); // but for the newest one
    ck_assert_int_eq(put("cell-3", 1, OLD, 1), STORE_DUPLICATE);
    ck_assert_int_eq(put("cell-3", 1, OLD, 2), STORE_CONFLICT);
}
END_TEST

/* ---- groups ---- */

START_TEST(a_group_of_many_bridges_is_stored_as_a_whole)
{
    enum { BRIDGES = 3, EACH = 100 };
    static const char *const names[BRIDGES] = {"cell-1", "cell-2", "cell-3"};
    static struct fixture_batch batches[BRIDGES * EACH];
    static struct store_batch items[BRIDGES * EACH];
    for (size_t i = 0; i < ARRAY_LENGTH(items); i++) {
        fixture_batch(&batches[i], 1, i / BRIDGES + 1, 1);
        items[i] = (struct store_batch){.bridge = names[i % BRIDGES], .view = &batches[i].view};
    }
    enum err result = fixture_put_group(store, items, ARRAY_LENGTH(items), &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
    for (size_t i = 0; i < ARRAY_LENGTH(items); i++) {
        ck_assert_int_eq(items[i].result, STORE_COMMITTED);
        ck_assert_int_eq(items[i].committed_us, items[0].view->last_us);
    }
    reopen();
    for (size_t i = 0; i < BRIDGES; i++) {
        ck_assert_uint_eq(look_up(names[i], 1).contiguous, EACH);
    }
}
END_TEST

START_TEST(a_group_that_is_rolled_back_leaves_nothing)
{
    struct fixture_batch batch;
    fixture_batch(&batch, 1, 1, 1);
    struct store_batch item = {.bridge = "cell-3", .view = &batch.view, .received_us = 1};
    ck_assert_int_eq(store_begin(store, 1, &why), ERR_OK);
    ck_assert_int_eq(store_put_batch(store, &item, &why), ERR_OK);
    store_rollback(store);
    ck_assert_uint_eq(look_up("cell-3", 1).highest, 0);
    ck_assert_int_eq(fixture_put(store, "cell-3", &batch), STORE_COMMITTED);
}
END_TEST

START_TEST(a_group_that_was_never_committed_leaves_nothing)
{
    struct fixture_batch batch;
    fixture_batch(&batch, 1, 1, 1);
    struct store_batch item = {.bridge = "cell-3", .view = &batch.view, .received_us = 1};
    ck_assert_int_eq(store_begin(store, 1, &why), ERR_OK);
    ck_assert_int_eq(store_put_batch(store, &item, &why), ERR_OK);
    reopen();
    ck_assert_uint_eq(look_up("cell-3", 1).highest, 0);
    ck_assert_int_eq(fixture_put(store, "cell-3", &batch), STORE_COMMITTED);
}
END_TEST

START_TEST(a_group_may_be_empty)
{
    ck_assert_int_eq(fixture_put_group(store, NULL, 0, &why), ERR_OK);
    ck_assert_int_eq(put("cell-3", 1, 1, 1), STORE_COMMITTED);
}
END_TEST

/* ---- the store ---- */

START_TEST(the_store_keeps_its_identity)
{
    uint8_t first[STORE_ID_SIZE];
    static const uint8_t none[STORE_ID_SIZE];
    memcpy(first, store->id, sizeof first);
    ck_assert_mem_ne(first, none, sizeof none);
    reopen();
    ck_assert_mem_eq(store->id, first, sizeof first);
    store_close(store);
    store = NULL;
    kind->remove();
    kind->make();
    store = open_one();
    ck_assert_mem_ne(store->id, first, sizeof first);
}
END_TEST

/* ---- several servers ---- */

enum { RACE_GROUPS = 40, RACE_GROUP = 8 };

struct racer {
    struct store *store;
    bool backwards;
    struct fixture_tally tally;
};

/* Puts the same batches as the other one, in groups, one of the two in the opposite order. */
static void *race(void *owner)
{
    struct racer *racer = owner;
    for (uint64_t group = 0; group < RACE_GROUPS; group++) {
        struct fixture_batch made[RACE_GROUP];
        struct store_batch items[RACE_GROUP];
        for (uint64_t i = 0; i < RACE_GROUP; i++) {
            uint64_t place = racer->backwards ? RACE_GROUP - 1 - i : i;
            fixture_batch(&made[i], 1, group * RACE_GROUP + place + 1, 1);
            items[i] = (struct store_batch){.bridge = "cell-3", .view = &made[i].view};
        }
        fixture_put_and_count(racer->store, items, RACE_GROUP, &racer->tally);
    }
    return NULL;
}

START_TEST(two_servers_that_store_the_same_store_it_once)
{
    if (!kind->shared) {
        return;
    }
    struct racer racers[2] = {{.store = store}, {.store = open_one(), .backwards = true}};
    ck_assert_mem_eq(racers[0].store->id, racers[1].store->id, STORE_ID_SIZE);
    pthread_t other;
    (void)fixture_catalog();
    ck_assert_int_eq(pthread_create(&other, NULL, race, &racers[1]), 0);
    race(&racers[0]);
    pthread_join(other, NULL);
    ck_assert_uint_eq(racers[0].tally.others + racers[1].tally.others, 0);
    ck_assert_uint_eq(racers[0].tally.committed + racers[1].tally.committed, RACE_GROUPS * RACE_GROUP);
    ck_assert_uint_eq(racers[0].tally.duplicates + racers[1].tally.duplicates, RACE_GROUPS * RACE_GROUP);
    for (size_t i = 0; i < ARRAY_LENGTH(racers); i++) {
        struct store_watermarks watermarks = fixture_look_up(racers[i].store, "cell-3", 1);
        ck_assert_uint_eq(watermarks.contiguous, RACE_GROUPS * RACE_GROUP);
    }
    store_close(racers[1].store);
}
END_TEST

START_TEST(what_one_server_stored_is_seen_by_another)
{
    if (!kind->shared) {
        return;
    }
    struct store *other = open_one();
    struct fixture_batch batch, conflict;
    fixture_batch(&batch, 1, 1, 1);
    fixture_batch(&conflict, 1, 1, 2);
    ck_assert_int_eq(fixture_put(store, "cell-3", &batch), STORE_COMMITTED);
    ck_assert_uint_eq(fixture_look_up(other, "cell-3", 1).contiguous, 1);
    ck_assert_int_eq(fixture_put(other, "cell-3", &batch), STORE_DUPLICATE);
    ck_assert_int_eq(fixture_put(other, "cell-3", &conflict), STORE_CONFLICT);
    fixture_batch(&batch, 1, 2, 1);
    ck_assert_int_eq(fixture_put(other, "cell-3", &batch), STORE_COMMITTED);
    ck_assert_uint_eq(look_up("cell-3", 1).contiguous, 2);
    store_close(other);
}
END_TEST

int store_contract_run(const struct contract_kind *of)
{
    kind = of;
    return suite_run_with(kind->name, setup, teardown,
                          (const TTest *[]){
                              an_identity_is_stored_once,
                              names_that_look_alike_are_different_bridges,
                              a_duplicate_says_when_the_first_was_committed,
                              one_group_may_hold_an_identity_twice,
                              a_batch_without_its_catalog_is_not_stored_and_harms_no_other,
                              a_catalog_is_found_byte_by_byte_once_its_group_is_committed,
                              a_catalog_and_its_batches_may_share_a_group,
                              watermarks_stop_at_a_hole_and_go_on_when_it_is_filled,
                              watermarks_survive_a_restart,
                              gaps_account_for_what_never_arrives,
                              what_is_missing_in_between_is_listed_but_for_what_gaps_account_for,
                              a_long_list_of_what_is_missing_is_cut,
                              a_gap_that_reaches_ahead_of_everything_stored_is_believed_up_to_there,
                              what_is_forgotten_is_not_missing,
                              what_is_young_enough_is_told_from_another_batch,
                              a_group_of_many_bridges_is_stored_as_a_whole,
                              a_group_that_is_rolled_back_leaves_nothing,
                              a_group_that_was_never_committed_leaves_nothing,
                              a_group_may_be_empty,
                              the_store_keeps_its_identity,
                              two_servers_that_store_the_same_store_it_once,
                              what_one_server_stored_is_seen_by_another,
                              NULL,
                          });
}
