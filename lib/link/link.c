#include "link/link.h"

enum err link_connect(struct link *link, struct err_text *why)
{
    enum err result = link->operations->connect(link, why);
    link->connected = result == ERR_OK;
    return result;
}

enum link_outcome link_exchange(struct link *link, struct link_exchange *exchange)
{
    enum link_outcome outcome = link->operations->exchange(link, exchange);
    if (outcome != LINK_ANSWERED) {
        link_disconnect(link);
    }
    return outcome;
}

static enum link_outcome exchange_in_turn(struct link *link, const struct link_batch *batch)
{
    enum link_outcome outcome = LINK_ANSWERED;
    for (size_t i = 0; i < batch->count && outcome == LINK_ANSWERED; i++) {
        struct link_exchange *exchange = &batch->exchanges[i];
        if (exchange->answered) {
            continue;
        }
        outcome = link->operations->exchange(link, exchange);
        exchange->answered = outcome == LINK_ANSWERED;
        if (exchange->answered) {
            batch->answered(batch->owner, exchange);
        }
    }
    return outcome;
}

enum link_outcome link_exchange_all(struct link *link, const struct link_batch *batch)
{
    enum link_outcome outcome = link->operations->exchange_all ? link->operations->exchange_all(link, batch)
                                                               : exchange_in_turn(link, batch);
    if (outcome != LINK_ANSWERED) {
        link_disconnect(link);
    }
    return outcome;
}

bool link_takes_several(const struct link *link)
{
    return link->operations->exchange_all != NULL;
}

void link_disconnect(struct link *link)
{
    if (link->connected) {
        link->operations->disconnect(link);
        link->connected = false;
    }
}

void link_interrupt(struct link *link)
{
    link->operations->interrupt(link);
}

void link_free(struct link *link)
{
    if (link) {
        link_disconnect(link);
        link->operations->free(link);
    }
}

void link_count_outcome(metric_value *counters, enum link_outcome outcome)
{
    static const int counted[] = {
        [LINK_ANSWERED] = -1,      [LINK_TIMED_OUT] = LINK_TIMEOUTS,
        [LINK_LOST] = LINK_LOSSES, [LINK_BROKE_PROTOCOL] = LINK_BROKEN_FRAMES,
        [LINK_INTERRUPTED] = -1,
    };
    if (counted[outcome] >= 0) {
        metric_add(&counters[counted[outcome]], 1);
    }
}
