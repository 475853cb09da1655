/* Spools and stores that came back from copies, as the spooler meets them. */
#include "spool/fence.h"

#include "sample.h"
#include "spooler_fixture.h"
#include "support/suite.h"

static struct fence_verdict meet(uint8_t store, uint64_t highest, uint64_t next_seq)
{
    struct fence_meeting meeting = {.store = {store}, .highest = highest, .next_seq = next_seq};
    struct fence_verdict verdict;
    enum err result = spooler_meet(spooler, &meeting, &now, &sent, &verdict, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
    return verdict;
}

START_TEST(a_store_that_has_what_it_acknowledged_is_fine)
{
    fill(0, 3);
    meet(1, 0, 4);
    ack(1, ACK_COMMITTED);
    ack(2, ACK_COMMITTED);
    must_commit();
    struct fence_verdict verdict = meet(1, 3, 4);
    ck_assert(!verdict.store_restored && !verdict.store_unknown && !verdict.spool_restored);
    ck_assert_int_eq(number("SELECT count(*) FROM batch WHERE kind = 2"), 0);
}
END_TEST

START_TEST(a_store_restored_from_an_old_copy_is_told_what_it_lost)
{
    fill(0, 5);
    meet(1, 0, 6);
    for (uint64_t seq = 1; seq <= 4; seq++) {
        ack(seq, ACK_COMMITTED);
    }
    must_commit();
    reopen();
    struct fence_verdict verdict = meet(1, 2, 6);
    ck_assert(verdict.store_restored);
    ck_assert_uint_eq(verdict.first, 3);
    ck_assert_uint_eq(verdict.last, 4);
    ck_assert_uint_eq(verdict.readings, TWO_BATCHES);
    struct gap gap = last_gap();
    ck_assert_int_eq(gap.reason, GAP_RESTORED);
    ck_assert_uint_eq(gap.first_sequence, 3);
    ck_assert_uint_eq(gap.last_sequence, 4);
    ck_assert_uint_eq(gap.readings, TWO_BATCHES);
    ck_assert(!meet(1, 2, 7).store_restored);
}
END_TEST

/* A meeting with a store that has up to `highest`, but for one range. */
static struct fence_verdict meet_with_hole(uint64_t highest, uint64_t next_seq, struct frame_range missing)
{
    struct fence_meeting meeting = {
        .store = {1}, .highest = highest, .next_seq = next_seq, .missing_count = 1, .missing = &missing};
    struct fence_verdict verdict;
    enum err result = spooler_meet(spooler, &meeting, &now, &sent, &verdict, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
    return verdict;
}

START_TEST(a_store_restored_from_a_copy_between_live_batches_and_their_backlog_is_told_what_it_lost)
{
    fill(0, 6);
    meet(1, 0, 7);
    for (uint64_t seq = 6; seq >= 2; seq--) { /* 1 is still to be sent */
        ack(seq, seq == 3 ? ACK_REJECTED : ACK_COMMITTED);
    }
    must_commit();
    struct fence_verdict verdict = meet_with_hole(6, 7, (struct frame_range){1, 4});
    ck_assert(verdict.store_restored);
    ck_assert_uint_eq(verdict.first, 2);
    ck_assert_uint_eq(verdict.last, 4);
    ck_assert_uint_eq(verdict.readings, TWO_BATCHES);
    ck_assert_int_eq(number("SELECT readings FROM batch WHERE kind = 2"), 2); /* gaps */
    verdict = meet_with_hole(6, 8, (struct frame_range){1, 4});
    ck_assert(!verdict.store_restored);
    ck_assert_int_eq(number("SELECT count(*) FROM batch WHERE kind = 2"), 1);
}
END_TEST

START_TEST(what_the_ack_log_no_longer_knows_is_a_gap_without_a_count)
{
    fill(0, 3);
    meet(1, 0, 4);
    ack(2, ACK_COMMITTED);
    must_commit();
    ck_assert_int_eq(number("DELETE FROM ack_log RETURNING 1"), 1);
    ck_assert(meet_with_hole(3, 4, (struct frame_range){1, 2}).store_restored);
    struct gap gap = last_gap();
    ck_assert_uint_eq(gap.first_sequence, 2);
    ck_assert_uint_eq(gap.last_sequence, 2);
    ck_assert_uint_eq(gap.readings, 0);
}
END_TEST

START_TEST(what_another_store_acknowledged_may_be_there)
{
    fill(0, 3);
    meet(2, 0, 4);
    meet(1, 3, 4);
    ack(2, ACK_COMMITTED);
    must_commit();
    struct fence_verdict verdict = meet_with_hole(3, 4, (struct frame_range){2, 2});
    ck_assert(verdict.store_incomplete && !verdict.store_restored);
    ck_assert_uint_eq(last_gap().first_sequence, 2);
}
END_TEST

START_TEST(a_store_made_anew_is_told_what_another_one_has)
{
    fill(0, 2);
    meet(1, 0, 3);
    ack(1, ACK_COMMITTED);
    must_commit();
    struct fence_verdict verdict = meet(2, 0, 3);
    ck_assert(verdict.store_unknown && !verdict.store_restored);
    ck_assert_uint_eq(last_gap().last_sequence, 1);
    ck_assert(!meet(1, 1, 4).store_unknown);
    ck_assert(!meet(2, 0, 4).store_unknown);
}
END_TEST

START_TEST(what_is_still_to_be_sent_is_not_lost_with_a_store)
{
    fill(0, 5);
    meet(1, 0, 6);
    ack(4, ACK_COMMITTED); /* live ones, before their backlog */
    ack(5, ACK_COMMITTED);
    must_commit();
    struct fence_verdict verdict = meet(2, 0, 6);
    ck_assert(verdict.store_unknown);
    struct gap gap = last_gap();
    ck_assert_uint_eq(gap.first_sequence, 4);
    ck_assert_uint_eq(gap.last_sequence, 5);
    ck_assert_uint_eq(gap.readings, TWO_BATCHES);
}
END_TEST

START_TEST(a_spool_restored_from_an_old_copy_goes_on_above_what_the_store_has)
{
    fill(0, 2);
    struct fence_verdict verdict = meet(1, 10, 3);
    ck_assert(verdict.spool_restored);
    ck_assert_uint_eq(verdict.first, 3);
    ck_assert_uint_eq(verdict.last, 10);
    ck_assert_uint_eq(sent.last->seq, 11);
    ck_assert_int_eq(last_gap().reason, GAP_RESTORED);
    reopen();
    put(0, 100, PER_BATCH);
    must_commit();
    ck_assert_uint_eq(sent.last->seq, 12);
}
END_TEST

START_TEST(a_batch_whose_number_is_taken_is_made_anew_with_the_same_readings)
{
    fill(0, 2);
    meet(1, 10, 3);
    ck_assert_int_eq(spooler_renumber(spooler, 2, &now, &sent, &why), ERR_OK);
    ck_assert_uint_eq(sent.last->seq, 12);
    ck_assert(sample_is_batch_of(sent.last, catalog, 0, PER_BATCH, PER_BATCH));
    ck_assert_int_eq(number("SELECT count(*) FROM batch WHERE seq = 2"), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM batch WHERE seq = 12"), 1);
    ck_assert_int_eq(spooler_renumber(spooler, 11, &now, &sent, &why), ERR_OK);
    ck_assert_uint_eq(sent.last->seq, 13);
    ck_assert_int_eq(last_gap().reason, GAP_RESTORED);
    ck_assert_int_eq(spooler_renumber(spooler, 999, &now, &sent, &why), ERR_OK);
}
END_TEST

int main(void)
{
    return suite_run_with(
        "fence", setup, teardown,
        (const TTest *[]){
            a_store_that_has_what_it_acknowledged_is_fine,
            a_store_restored_from_an_old_copy_is_told_what_it_lost,
            a_store_restored_from_a_copy_between_live_batches_and_their_backlog_is_told_what_it_lost,
            what_the_ack_log_no_longer_knows_is_a_gap_without_a_count,
            what_another_store_acknowledged_may_be_there,
            a_store_made_anew_is_told_what_another_one_has,
            what_is_still_to_be_sent_is_not_lost_with_a_store,
            a_spool_restored_from_an_old_copy_goes_on_above_what_the_store_has,
            a_batch_whose_number_is_taken_is_made_anew_with_the_same_readings,
            NULL,
        });
}
