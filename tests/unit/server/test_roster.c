#include "front/roster.h"
#include "support/suite.h"

#include <stdio.h>
#include <string.h>

enum { NAMES_MAX = 64 };

static struct roster *roster;
static struct roster_bridge *bridge;
static struct roster_session older, newer; /* of one epoch */

/* What each session was told, in the order of its telling. */
struct told {
    struct roster_session *session;
    enum roster_news news;
};
static struct told told[ROSTER_SESSIONS_MAX * 2];
static size_t told_count;

static void tell(struct roster_session *session, enum roster_news news)
{
    told[told_count++] = (struct told){session, news};
}

/* That one session was told one thing since the last look. */
static void check_told(struct roster_session *session, enum roster_news news)
{
    ck_assert_uint_eq(told_count, 1);
    ck_assert_ptr_eq(told[0].session, session);
    ck_assert_int_eq(told[0].news, news);
    told_count = 0;
}

static struct roster_session session_of(uint8_t epoch)
{
    struct roster_session session = {.tell = tell};
    memset(session.epoch, epoch, sizeof session.epoch);
    return session;
}

static void count_names(void *owner, const struct roster_bridge *seen)
{
    char *names = owner;
    size_t used = strlen(names);
    snprintf(names + used, NAMES_MAX - used, "%s ", seen->name);
}

START_TEST(a_name_means_one_bridge)
{
    roster = roster_new();
    struct roster_bridge *first = roster_bridge(roster, "cell-3");
    ck_assert_ptr_eq(roster_bridge(roster, "cell-3"), first);
    ck_assert_ptr_ne(roster_bridge(roster, "cell-4"), first);
    ck_assert_uint_eq(roster_count(roster), 2);
    char names[NAMES_MAX] = "";
    roster_walk(roster, count_names, names);
    ck_assert_str_eq(names, "cell-3 cell-4 ");
    roster_free(roster);
}
END_TEST

START_TEST(sessions_of_other_epochs_and_other_bridges_do_not_meet)
{
    roster = roster_new();
    bridge = roster_bridge(roster, "cell-3");
    struct roster_bridge *other = roster_bridge(roster, "cell-4");
    struct roster_session first = session_of(1);
    struct roster_session other_epoch = session_of(2);
    struct roster_session other_bridge = session_of(1);
    ck_assert(roster_enter(roster, bridge, &first));
    ck_assert(roster_enter(roster, bridge, &other_epoch));
    ck_assert(roster_enter(roster, other, &other_bridge));
    ck_assert_int_eq(metric_get(&bridge->sessions), 2);
    roster_leave(roster, &first);
    roster_leave(roster, &first);
    roster_leave(roster, &other_epoch);
    ck_assert_int_eq(metric_get(&bridge->sessions), 0);
    ck_assert_int_eq(metric_get(&other->sessions), 1);
    roster_leave(roster, &other_bridge);
    ck_assert_uint_eq(told_count, 0);
    roster_free(roster);
}
END_TEST

/* `older` is in, and `newer` wants its place. */
static void meet(void)
{
    told_count = 0;
    roster = roster_new();
    bridge = roster_bridge(roster, "cell-3");
    older = session_of(1);
    newer = session_of(1);
    ck_assert(roster_enter(roster, bridge, &older));
    ck_assert(!roster_enter(roster, bridge, &newer));
    check_told(&older, ROSTER_CHALLENGED);
    ck_assert_int_eq(metric_get(&bridge->sessions), 1);
}

static void part(void)
{
    roster_leave(roster, &older);
    roster_leave(roster, &newer);
    ck_assert_int_eq(metric_get(&bridge->sessions), 0);
    roster_free(roster);
}

START_TEST(a_session_whose_bridge_is_there_stays_and_the_newcomer_is_refused)
{
    meet();
    ck_assert(roster_defend(roster, &older));
    check_told(&newer, ROSTER_REFUSED);
    ck_assert(!roster_defend(roster, &older));
    ck_assert(!roster_take_over(roster, &newer));
    ck_assert_int_eq(metric_get(&bridge->sessions), 1);
    part();
}
END_TEST

START_TEST(a_session_whose_bridge_says_nothing_is_superseded)
{
    meet();
    ck_assert(roster_take_over(roster, &newer));
    check_told(&older, ROSTER_SUPERSEDED);
    ck_assert(!roster_defend(roster, &older));
    ck_assert(!roster_take_over(roster, &newer));
    ck_assert_int_eq(metric_get(&bridge->sessions), 1);
    part();
}
END_TEST

START_TEST(a_newcomer_is_let_in_when_the_older_one_leaves)
{
    meet();
    roster_leave(roster, &older);
    check_told(&newer, ROSTER_ADMITTED);
    ck_assert_int_eq(metric_get(&bridge->sessions), 1);
    part();
}
END_TEST

START_TEST(a_newcomer_that_leaves_challenges_no_more)
{
    meet();
    roster_leave(roster, &newer);
    ck_assert(!roster_defend(roster, &older));
    ck_assert_uint_eq(told_count, 0);
    part();
}
END_TEST

START_TEST(one_newcomer_waits_at_a_time)
{
    meet();
    struct roster_session newest = session_of(1);
    ck_assert(!roster_enter(roster, bridge, &newest));
    ck_assert_uint_eq(told_count, 2);
    ck_assert_ptr_eq(told[0].session, &newer);
    ck_assert_int_eq(told[0].news, ROSTER_SUPERSEDED);
    ck_assert_ptr_eq(told[1].session, &older);
    ck_assert(!roster_take_over(roster, &newer));
    ck_assert(roster_take_over(roster, &newest));
    roster_leave(roster, &newest);
    part();
}
END_TEST

START_TEST(the_sessions_of_a_name_are_bounded_and_the_oldest_gives_way)
{
    struct roster_session sessions[ROSTER_SESSIONS_MAX + 1];
    struct roster_session rival = session_of(0);
    told_count = 0;
    roster = roster_new();
    bridge = roster_bridge(roster, "cell-3");
    for (uint8_t i = 0; i < ROSTER_SESSIONS_MAX; i++) {
        sessions[i] = session_of(i);
        ck_assert(roster_enter(roster, bridge, &sessions[i]));
    }
    ck_assert_uint_eq(told_count, 0);
    ck_assert_int_eq(metric_get(&bridge->sessions), ROSTER_SESSIONS_MAX);
    ck_assert(!roster_enter(roster, bridge, &rival));
    check_told(&sessions[0], ROSTER_CHALLENGED);
    sessions[ROSTER_SESSIONS_MAX] = session_of(ROSTER_SESSIONS_MAX);
    ck_assert(roster_enter(roster, bridge, &sessions[ROSTER_SESSIONS_MAX]));
    ck_assert_uint_eq(told_count, 2);
    ck_assert_ptr_eq(told[0].session, &sessions[0]);
    ck_assert_int_eq(told[0].news, ROSTER_CROWDED);
    ck_assert_ptr_eq(told[1].session, &rival);
    ck_assert_int_eq(told[1].news, ROSTER_CROWDED);
    ck_assert_int_eq(metric_get(&bridge->sessions), ROSTER_SESSIONS_MAX);
    for (size_t i = 0; i <= ROSTER_SESSIONS_MAX; i++) {
        roster_leave(roster, &sessions[i]);
    }
    ck_assert_int_eq(metric_get(&bridge->sessions), 0);
    roster_leave(roster, &rival);
    roster_free(roster);
}
END_TEST

START_TEST(lines_about_a_name_are_bounded)
{
    uint64_t suppressed;
    roster = roster_new();
    bridge = roster_bridge(roster, "cell-3");
    for (int i = 0; i < ROSTER_LINES; i++) {
        ck_assert(roster_may_log(roster, bridge, 1, &suppressed));
    }
    ck_assert(!roster_may_log(roster, bridge, 1, &suppressed));
    ck_assert(roster_may_log(roster, roster_bridge(roster, "cell-4"), 1, &suppressed));
    ck_assert(roster_may_log(roster, bridge, 60000002, &suppressed));
    ck_assert_uint_eq(suppressed, 1);
    roster_free(roster);
}
END_TEST

START_TEST(the_number_of_names_is_bounded)
{
    roster = roster_new();
    char name[TLS_NAME_MAX];
    for (int i = 0; i < ROSTER_BRIDGES_MAX; i++) {
        snprintf(name, sizeof name, "cell-%d", i);
        ck_assert_ptr_nonnull(roster_bridge(roster, name));
    }
    ck_assert_ptr_null(roster_bridge(roster, "one-too-many"));
    ck_assert_ptr_nonnull(roster_bridge(roster, "cell-7"));
    roster_free(roster);
}
END_TEST

int main(void)
{
    return suite_run("roster", (const TTest *[]){
                                   a_name_means_one_bridge,
                                   sessions_of_other_epochs_and_other_bridges_do_not_meet,
                                   a_session_whose_bridge_is_there_stays_and_the_newcomer_is_refused,
                                   a_session_whose_bridge_says_nothing_is_superseded,
                                   a_newcomer_is_let_in_when_the_older_one_leaves,
                                   a_newcomer_that_leaves_challenges_no_more,
                                   one_newcomer_waits_at_a_time,
                                   the_sessions_of_a_name_are_bounded_and_the_oldest_gives_way,
                                   lines_about_a_name_are_bounded,
                                   the_number_of_names_is_bounded,
                                   NULL,
                               });
}
