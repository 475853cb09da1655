#include "deadlines.h"
#include "support/suite.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

static struct deadlines *deadlines;
static int ends[2];

static void setup(void)
{
    deadlines = deadlines_new();
    ck_assert_ptr_nonnull(deadlines);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
}

static void teardown(void)
{
    close(ends[0]);
    close(ends[1]);
    deadlines_free(deadlines);
}

static bool is_cut(void)
{
    char byte;
    return recv(ends[1], &byte, 1, 0) == 0;
}

START_TEST(a_socket_is_cut_off_at_its_time_and_not_before)
{
    struct deadline *deadline = deadlines_add(deadlines, ends[0], 100);
    deadlines_enforce(deadlines, 99);
    ck_assert(!is_cut());
    deadlines_enforce(deadlines, 100);
    ck_assert(is_cut());
    deadline_remove(deadline);
}
END_TEST

START_TEST(a_deadline_moves_ends_and_goes)
{
    struct deadline *deadline = deadlines_add(deadlines, ends[0], 100);
    struct deadline *other = deadlines_add(deadlines, -1, 100);
    deadline_set(deadline, 200);
    deadlines_enforce(deadlines, 199);
    ck_assert(!is_cut());
    deadline_set(deadline, 0);
    deadlines_enforce(deadlines, INT64_MAX);
    ck_assert(!is_cut());
    deadline_set(deadline, 300);
    deadline_remove(deadline);
    deadlines_enforce(deadlines, INT64_MAX);
    ck_assert(!is_cut());
    deadline_remove(other);
    deadline_set(NULL, 1);
    deadline_remove(NULL);
}
END_TEST

int main(void)
{
    return suite_run_with("deadlines", setup, teardown,
                          (const TTest *[]){
                              a_socket_is_cut_off_at_its_time_and_not_before,
                              a_deadline_moves_ends_and_goes,
                              NULL,
                          });
}
