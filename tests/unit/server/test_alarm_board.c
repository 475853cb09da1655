#include "alarm/alarm_board.h"
#include "support/suite.h"

#include <stdio.h>
#include <string.h>

static size_t changes, removals;

static void changed(void *owner, const struct alarm_view *view)
{
    (void)owner;
    (void)view;
    changes++;
}

static void removed(void *owner, const struct alarm_view *view)
{
    (void)owner;
    (void)view;
    removals++;
}

static struct alarm_board *make_board(void)
{
    const struct alarm_board_events events = {.changed = changed, .removed = removed};
    struct alarm_board *board = alarm_board_new(&events);
    ck_assert_ptr_nonnull(board);
    return board;
}

static char any[] = "*";
static struct alarm_rule_options all_tags[] = {{.tag = any, .bridge = any, .level = ALARM_HIGH, .limit = 10}};

static void use(struct alarm_board *board, size_t rules)
{
    const struct option_list list = {.items = all_tags, .count = rules};
    alarm_board_use(board, alarm_rules_new(&list), 1);
}

START_TEST(a_full_board_keeps_what_it_has_and_has_room_again_when_rules_go)
{
    char name[32];
    struct alarm_board *board = make_board();
    use(board, 1);
    for (int i = 0; i < ALARM_TAGS_MAX; i++) {
        ck_assert(!alarm_board_is_full(board));
        snprintf(name, sizeof name, "tag-%d", i);
        ck_assert_ptr_nonnull(alarm_board_tag(board, "cell-3", name, "bar"));
    }
    ck_assert(alarm_board_is_full(board));
    ck_assert_ptr_null(alarm_board_tag(board, "cell-3", "one more", "bar"));
    ck_assert_ptr_nonnull(alarm_board_tag(board, "cell-3", "tag-0", "bar"));
    use(board, 0);
    ck_assert_uint_eq(removals, ALARM_TAGS_MAX);
    ck_assert(!alarm_board_is_full(board));
    ck_assert_ptr_null(alarm_board_tag(board, "cell-3", "tag-0", "bar"));
    use(board, 1);
    ck_assert_ptr_nonnull(alarm_board_tag(board, "cell-3", "one more", "bar"));
    alarm_board_free(board);
}
END_TEST

START_TEST(other_rules_with_the_same_limits_change_nothing)
{
    const struct alarm_reading reading = {
        .time_us = 5, .received_us = 5, .live = true, .has_value = true, .value = 11};
    struct alarm_board *board = make_board();
    use(board, 1);
    alarm_board_step(board, alarm_board_tag(board, "cell-3", "a", "bar"), &reading);
    ck_assert_uint_eq(changes, 1);
    use(board, 1);
    ck_assert_uint_eq(changes + removals, 1);
    ck_assert_int_eq(alarm_board_acknowledge(board, "cell-3", "a", ALARM_HIGH, 6), ERR_OK);
    ck_assert_uint_eq(changes, 2);
    ck_assert_int_eq(alarm_board_acknowledge(board, "cell-3", "b", ALARM_HIGH, 6), ERR_NOT_FOUND);
    alarm_board_free(board);
}
END_TEST

int main(void)
{
    return suite_run("alarm_board", (const TTest *[]){
                                        a_full_board_keeps_what_it_has_and_has_room_again_when_rules_go,
                                        other_rules_with_the_same_limits_change_nothing,
                                        NULL,
                                    });
}
