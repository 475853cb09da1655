#include "field/poller_live.h"

#include "base/clock.h"
#include "field/live_run.h"

static enum link_outcome exchange(void *owner, struct link_exchange *wanted, bool repeatable)
{
    return poller_exchange(owner, wanted, repeatable);
}

static enum link_outcome exchange_all(void *owner, const struct link_batch *batch)
{
    return poller_exchange_all(owner, batch);
}

static void give_back(struct poller *poller, struct live_list *answered)
{
    if (answered->first) {
        poller->live.events->answered(poller->live.owner, answered);
        live_list_init(answered);
    }
}

static void take_waiting(struct poller *poller)
{
    if (!live_queue_is_empty(&poller->live)) {
        live_queue_take(&poller->live, &poller->live_taken);
    }
}

bool poller_live_waits(const struct poller *poller)
{
    return poller->live_taken.first || !live_queue_is_empty(&poller->live);
}

static struct link *way_of(struct poller *poller)
{
    return poller->ways[poller->way];
}

/* Whether the next thing on this line is a live request. */
static bool is_our_turn(struct poller *poller, int64_t now_us, int64_t poll_us)
{
    return poller_live_waits(poller) && way_of(poller)->connected && !atomic_load(&poller->stopping) &&
           line_share_next(&poller->share, now_us >= poll_us, true) == LINE_LIVE;
}

/* A poll that came due meanwhile would have had its turn earlier had fewer requests gone together. */
static void choose_batch(struct poller *poller, bool held_up)
{
    size_t next = held_up ? poller->at_once / 2 : 2 * poller->at_once;
    poller->at_once = next < 1 ? 1 : next > poller->outstanding ? poller->outstanding : next;
}

void poller_live_serve(struct poller *poller, int64_t poll_us)
{
    struct live_line line = {
        .exchange = exchange,
        .exchange_all = exchange_all,
        .owner = poller,
        .cache = &poller->cache,
    };
    struct live_list answered;
    live_list_init(&answered);
    int64_t now_us = clock_mono_us();
    int64_t first_us = now_us;
    while (is_our_turn(poller, now_us, poll_us)) {
        int64_t began_us = now_us;
        size_t before = answered.count;
        take_waiting(poller);
        line.outstanding = link_takes_several(way_of(poller)) ? poller->at_once : 1;
        bool one_by_one = live_run(&line, &poller->live_taken, began_us, &answered);
        now_us = clock_mono_us();
        choose_batch(poller, one_by_one && now_us > poll_us);
        line_share_use(&poller->share, LINE_LIVE, now_us - began_us);
        metric_add(&poller->counters[POLLER_LIVE], (int64_t)(answered.count - before));
        first_us = before > 0 ? first_us : now_us;
        if (answered.count >= POLLER_LIVE_BATCH || now_us - first_us >= POLLER_LIVE_BATCH_AGE_US) {
            give_back(poller, &answered);
        }
    }
    give_back(poller, &answered);
}

void poller_live_refuse(struct poller *poller)
{
    struct live_list answered;
    live_list_init(&answered);
    while (poller_live_waits(poller)) {
        take_waiting(poller);
        for (struct live_request *request; (request = live_list_take(&poller->live_taken)) != NULL;) {
            live_refuse(request);
            live_list_append(&answered, request);
        }
    }
    give_back(poller, &answered);
}
