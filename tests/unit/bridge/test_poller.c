#include "base/clock.h"
#include "field/poller.h"
#include "support/suite.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

/* A poller of one tag over a link that answers at once, and a sink that can do something in between. */
struct rig {
    struct catalog *catalog;
    struct reading_space space;
    struct reading_sink sink;
    struct poller_context context;
    struct poller poller;
    bool stop_when_asked; /* the sink is asked for room: then the poller is stopped */
    atomic_int room_asked, exchanges, readings;
    atomic_int promised;   /* 1 from begin() to end() */
    atomic_int unpromised; /* requests and puts at another time */
};

struct ready_link {
    struct link link;
    struct rig *rig;
};

static enum err connect_link(struct link *link, struct err_text *why)
{
    (void)link;
    (void)why;
    return ERR_OK;
}

static enum link_outcome exchange(struct link *link, struct link_exchange *exchange)
{
    static const uint8_t value[] = {0, 7};
    struct rig *rig = ((struct ready_link *)link)->rig;
    atomic_fetch_add(&rig->exchanges, 1);
    atomic_fetch_add(&rig->unpromised, atomic_load(&rig->promised) == 1 ? 0 : 1);
    exchange->request_us = clock_wall_us();
    exchange->response_us = exchange->request_us;
    exchange->response = (struct pdu_response){
        .function = exchange->request->function,
        .data = {.data = value, .size = sizeof value},
    };
    return LINK_ANSWERED;
}

static void nothing(struct link *link)
{
    (void)link;
}

static void free_link(struct link *link)
{
    free(link);
}

static const struct link_operations operations = {
    .connect = connect_link,
    .exchange = exchange,
    .disconnect = nothing,
    .interrupt = nothing,
    .free = free_link,
};

/* Has no room at first, so that it is asked again just before each poll until it has. */
static bool put(void *owner, const struct reading *readings, size_t count)
{
    struct rig *rig = owner;
    (void)readings;
    atomic_fetch_add(&rig->readings, (int)count);
    if (count > 0) {
        atomic_fetch_add(&rig->unpromised, atomic_load(&rig->promised) == 1 ? 0 : 1);
        return true;
    }
    bool room = atomic_fetch_add(&rig->room_asked, 1) > 0;
    if (room && rig->stop_when_asked) {
        poller_stop(&rig->poller);
    }
    return room;
}

static void begin(void *owner, struct reading_promise *promise)
{
    struct rig *rig = owner;
    (void)promise;
    atomic_fetch_add(&rig->promised, 1);
}

static void end(void *owner, struct reading_promise *promise)
{
    struct rig *rig = owner;
    (void)promise;
    atomic_fetch_sub(&rig->promised, 1);
}

static struct unit_setup setup_of_one_tag(void)
{
    struct plan_point *points = calloc(1, sizeof *points);
    *points = (struct plan_point){.size = 1, .table = TABLE_HOLDING, .rate_us = CLOCK_US_PER_MS};
    return (struct unit_setup){
        .id = 1,
        .limits = {.max_registers = 125, .max_bits = 2000},
        .breaker_cap_ms = 30000,
        .points = points,
        .point_count = 1,
        .rules = calloc(1, sizeof(struct report_rule)),
    };
}

static void rig_start(struct rig *rig)
{
    static const struct catalog_tag tag = {.name = "a",
                                           .unit = "",
                                           .link = "plc",
                                           .unit_id = 1,
                                           .table = TABLE_HOLDING,
                                           .type = VALUE_UINT16,
                                           .words = 1,
                                           .scale = 1};
    ck_assert_int_eq(catalog_new(&tag, 1, &rig->catalog, NULL), ERR_OK);
    reading_space_init(&rig->space);
    rig->sink = (struct reading_sink){.owner = rig, .put = put, .begin = begin, .end = end};
    rig->context = (struct poller_context){.catalog = rig->catalog, .sink = &rig->sink, .space = &rig->space};
    poller_init(&rig->poller, &rig->context, "plc");
    struct ready_link *link = calloc(1, sizeof *link);
    *link = (struct ready_link){.link = {.operations = &operations, .connected = true}, .rig = rig};
    rig->poller.ways[rig->poller.way_count++] = &link->link;
    rig->poller.units = calloc(1, sizeof *rig->poller.units);
    const struct unit_setup setup = setup_of_one_tag();
    ck_assert_int_eq(unit_init(&rig->poller.units[0], rig->catalog, &setup), ERR_OK);
    rig->poller.unit_count = 1;
    uint32_t number = 0;
    ck_assert_int_eq(poller_start(&rig->poller, &number, NULL), ERR_OK);
}

static void rig_join(struct rig *rig)
{
    poller_await_answer(&rig->poller, clock_mono_us() + 10 * CLOCK_US_PER_S);
    poller_fini(&rig->poller);
    reading_space_fini(&rig->space);
    catalog_free(rig->catalog);
}

START_TEST(each_answer_becomes_a_reading_that_was_promised)
{
    struct rig rig = {.stop_when_asked = false};
    rig_start(&rig);
    int64_t until_us = clock_mono_us() + 20 * CLOCK_US_PER_S;
    while (atomic_load(&rig.readings) < 2 && clock_mono_us() < until_us) {
        sched_yield();
    }
    poller_stop(&rig.poller);
    rig_join(&rig);
    ck_assert_int_ge(atomic_load(&rig.readings), 2);
    ck_assert_int_eq(atomic_load(&rig.readings), atomic_load(&rig.exchanges));
    ck_assert_int_eq(atomic_load(&rig.promised), 0);
    ck_assert_int_eq(atomic_load(&rig.unpromised), 0);
}
END_TEST

START_TEST(asks_nothing_any_more_once_it_was_told_to_stop)
{
    struct rig rig = {.stop_when_asked = true};
    rig_start(&rig);
    int64_t until_us = clock_mono_us() + 20 * CLOCK_US_PER_S;
    while (atomic_load(&rig.room_asked) < 2 && clock_mono_us() < until_us) {
        sched_yield();
    }
    rig_join(&rig);
    ck_assert_int_eq(atomic_load(&rig.room_asked), 2);
    ck_assert_int_eq(atomic_load(&rig.exchanges), 0);
}
END_TEST

int main(void)
{
    return suite_run("poller", (const TTest *[]){
                                   each_answer_becomes_a_reading_that_was_promised,
                                   asks_nothing_any_more_once_it_was_told_to_stop,
                                   NULL,
                               });
}
