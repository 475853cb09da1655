#include "base/array.h"
#include "base/clock.h"
#include "front/rounds.h"
#include "support/suite.h"

#define TICK_US (LISTENER_TICK_MS * CLOCK_US_PER_MS)
#define START   (INT64_C(1000) * TICK_US)

static struct listener listener;
static struct peer peers[3];

static void setup(void)
{
    rounds_init(&listener.rounds, START);
    for (size_t i = 0; i < ARRAY_LENGTH(peers); i++) {
        peers[i] = (struct peer){.listener = &listener};
    }
}

/* Ticks from the start until the peer is looked at. */
static int64_t ticks_until(const struct peer *peer)
{
    int64_t ticks = 0;
    while (rounds_next(&listener.rounds, START + ticks * TICK_US) != peer) {
        ticks++;
    }
    return ticks;
}

START_TEST(a_session_is_looked_at_when_something_is_due)
{
    static const struct {
        const char *name;
        int64_t due_us;
        int64_t ticks;
    } rows[] = {
        {"long ago", 0, 1},
        {"now", START, 1},
        {"within this tick", START + TICK_US - 1, 1},
        {"a tick", START + TICK_US, 1},
        {"within the tick after", START + 2 * TICK_US - 1, 1},
        {"two ticks", START + 2 * TICK_US, 2},
        {"the last slot", START + (ROUNDS_SLOTS - 1) * TICK_US, ROUNDS_SLOTS - 1},
        {"beyond the last slot", START + ROUNDS_SLOTS * TICK_US, ROUNDS_SLOTS - 1},
        {"never", INT64_MAX, ROUNDS_SLOTS - 1},
    };
    _Static_assert(ROUNDS_LONGEST_MS == (ROUNDS_SLOTS - 1) * LISTENER_TICK_MS, "what the header promises");
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        setup();
        rounds_plan(&peers[0], rows[i].due_us);
        ck_assert_msg(ticks_until(&peers[0]) == rows[i].ticks, "%s", rows[i].name);
    }
}
END_TEST

START_TEST(a_session_is_looked_at_once_for_a_plan)
{
    rounds_plan(&peers[0], START);
    ck_assert_ptr_eq(rounds_next(&listener.rounds, START + TICK_US), &peers[0]);
    ck_assert_ptr_null(rounds_next(&listener.rounds, START + 2 * ROUNDS_SLOTS * TICK_US));
}
END_TEST

START_TEST(who_plans_again_while_being_looked_at_waits_for_the_next_tick)
{
    rounds_plan(&peers[0], START);
    ck_assert_ptr_eq(rounds_next(&listener.rounds, START + TICK_US), &peers[0]);
    rounds_plan(&peers[0], START);
    ck_assert_ptr_null(rounds_next(&listener.rounds, START + TICK_US));
    ck_assert_ptr_eq(rounds_next(&listener.rounds, START + 2 * TICK_US), &peers[0]);
}
END_TEST

START_TEST(the_last_plan_counts)
{
    rounds_plan(&peers[0], START + 50 * TICK_US);
    rounds_plan(&peers[0], START + 3 * TICK_US);
    ck_assert_int_eq(ticks_until(&peers[0]), 3);
    rounds_plan(&peers[0], START + 5 * TICK_US);
    rounds_plan(&peers[0], START + 9 * TICK_US);
    ck_assert_int_eq(ticks_until(&peers[0]), 9);
}
END_TEST

START_TEST(late_ticks_leave_nobody_out)
{
    rounds_plan(&peers[0], START + 2 * TICK_US);
    rounds_plan(&peers[1], START + 90 * TICK_US);
    rounds_plan(&peers[2], START + 91 * TICK_US);
    const int64_t late_us = START + 90 * TICK_US;
    ck_assert_ptr_eq(rounds_next(&listener.rounds, late_us), &peers[0]);
    ck_assert_ptr_eq(rounds_next(&listener.rounds, late_us), &peers[1]);
    ck_assert_ptr_null(rounds_next(&listener.rounds, late_us));
    ck_assert_ptr_eq(rounds_next(&listener.rounds, late_us + TICK_US), &peers[2]);
}
END_TEST

START_TEST(whoever_leaves_is_not_looked_at_and_the_others_of_its_slot_are)
{
    for (size_t gone = 0; gone < ARRAY_LENGTH(peers); gone++) {
        size_t seen = 0;
        setup();
        for (size_t i = 0; i < ARRAY_LENGTH(peers); i++) {
            rounds_plan(&peers[i], START);
        }
        rounds_leave(&peers[gone]);
        rounds_leave(&peers[gone]);
        for (struct peer *peer; (peer = rounds_next(&listener.rounds, START + TICK_US)); seen++) {
            ck_assert_ptr_ne(peer, &peers[gone]);
        }
        ck_assert_uint_eq(seen, ARRAY_LENGTH(peers) - 1);
    }
}
END_TEST

int main(void)
{
    return suite_run_with("rounds", setup, NULL,
                          (const TTest *[]){
                              a_session_is_looked_at_when_something_is_due,
                              a_session_is_looked_at_once_for_a_plan,
                              who_plans_again_while_being_looked_at_waits_for_the_next_tick,
                              the_last_plan_counts,
                              late_ticks_leave_nobody_out,
                              whoever_leaves_is_not_looked_at_and_the_others_of_its_slot_are,
                              NULL,
                          });
}
