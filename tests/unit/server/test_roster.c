#include "front/roster.h"
#include "support/suite.h"

#include <stdio.h>
#include <string.h>

enum { NAMES_MAX = 64 };

static int superseded_count;
static struct roster_session *last_superseded;

static void superseded(struct roster_session *session)
{
    superseded_count++;
    last_superseded = session;
}

static struct roster_session session_of(uint8_t epoch)
{
    struct roster_session session = {.superseded = superseded};
    memset(session.epoch, epoch, sizeof session.epoch);
    return session;
}

static void count_names(void *owner, const struct roster_bridge *bridge)
{
    char *names = owner;
    size_t used = strlen(names);
    snprintf(names + used, NAMES_MAX - used, "%s ", bridge->name);
}

START_TEST(a_name_means_one_bridge)
{
    struct roster *roster = roster_new();
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

START_TEST(the_newest_session_of_a_bridge_and_epoch_supersedes)
{
    struct roster *roster = roster_new();
    struct roster_bridge *bridge = roster_bridge(roster, "cell-3");
    struct roster_bridge *other = roster_bridge(roster, "cell-4");
    struct roster_session first = session_of(1);
    struct roster_session other_epoch = session_of(2);
    struct roster_session other_bridge = session_of(1);
    struct roster_session second = session_of(1);
    ck_assert(!roster_enter(roster, bridge, &first));
    ck_assert(!roster_enter(roster, bridge, &other_epoch));
    ck_assert(!roster_enter(roster, other, &other_bridge));
    ck_assert_int_eq(metric_get(&bridge->sessions), 2);
    ck_assert(roster_enter(roster, bridge, &second));
    ck_assert_int_eq(superseded_count, 1);
    ck_assert_ptr_eq(last_superseded, &first);
    ck_assert_int_eq(metric_get(&bridge->sessions), 2);
    roster_leave(roster, &first);
    ck_assert_int_eq(metric_get(&bridge->sessions), 2);
    roster_leave(roster, &second);
    roster_leave(roster, &second);
    roster_leave(roster, &other_epoch);
    ck_assert_int_eq(metric_get(&bridge->sessions), 0);
    ck_assert_int_eq(metric_get(&other->sessions), 1);
    roster_leave(roster, &other_bridge);
    roster_free(roster);
}
END_TEST

START_TEST(the_number_of_names_is_bounded)
{
    struct roster *roster = roster_new();
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
                                   the_newest_session_of_a_bridge_and_epoch_supersedes,
                                   the_number_of_names_is_bounded,
                                   NULL,
                               });
}
