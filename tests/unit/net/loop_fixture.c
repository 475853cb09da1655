#include "loop_fixture.h"

#include <check.h>

enum { DEADLINE_MS = 10000 };

struct loop *loop;
static struct loop_timer *deadline;

static void too_late(void *owner)
{
    (void)owner;
    ck_abort_msg("the loop ran into the deadline");
}

void loop_fixture_setup(void)
{
    loop = loop_new();
    ck_assert_ptr_nonnull(loop);
    deadline = loop_timer_new(loop, too_late, NULL);
    loop_timer_start_ms(deadline, DEADLINE_MS);
}

void loop_fixture_teardown(void)
{
    loop_timer_free(deadline);
    loop_free(loop);
}

void stop(void *owner)
{
    (void)owner;
    loop_stop(loop);
}
