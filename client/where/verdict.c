#include "where/where.h"

#include <stdio.h>
#include <string.h>

struct where_batch *where_list_find(struct where_list *list, const char *bridge, const uint8_t *epoch,
                                    uint64_t seq)
{
    for (size_t i = 0; i < list->count; i++) {
        struct where_batch *batch = &list->batches[i];
        if (batch->seq == seq && strcmp(batch->bridge, bridge) == 0 &&
            memcmp(batch->epoch, epoch, sizeof batch->epoch) == 0) {
            return batch;
        }
    }
    if (list->count == WHERE_BATCHES_MAX) {
        return NULL;
    }
    struct where_batch *batch = &list->batches[list->count++];
    *batch = (struct where_batch){.seq = seq};
    snprintf(batch->bridge, sizeof batch->bridge, "%s", bridge);
    memcpy(batch->epoch, epoch, sizeof batch->epoch);
    return batch;
}

static bool was_accepted(const struct where_batch *batch)
{
    return batch->answered && batch->result != ACK_REJECTED;
}

struct where_verdict where_judge(const struct where_batch *batch, bool spool_asked, bool store_asked)
{
    if (batch->waiting && batch->stored) {
        return (struct where_verdict){"committed", "it is stored; its ack has not reached the bridge yet",
                                      true};
    }
    if (batch->waiting) {
        return (struct where_verdict){"waiting",
                                      store_asked
                                          ? "it waits in the spool; the store does not have it yet"
                                          : "it waits in the spool for its ack; the store was not asked",
                                      true};
    }
    if (batch->damaged) {
        return (struct where_verdict){"quarantined", "it was damaged in the spool, and set aside there",
                                      true};
    }
    if (batch->answered && batch->result == ACK_REJECTED) {
        return (struct where_verdict){"rejected", "the server refused it; it is in the spool's quarantine",
                                      true};
    }
    if (was_accepted(batch) && store_asked && !batch->stored) {
        return (struct where_verdict){
            "missing",
            "it was acknowledged, and this store does not have it: is it the one the bridge delivers to?",
            false};
    }
    if (was_accepted(batch)) {
        return (struct where_verdict){
            "acknowledged", batch->stored ? "it is stored" : "the store itself was not asked", true};
    }
    if (batch->stored) {
        return (struct where_verdict){"committed",
                                      spool_asked
                                          ? "it is stored; the spool's ack log no longer reaches back to it"
                                          : "it is stored; the bridge's spool was not asked",
                                      true};
    }
    if (batch->gap != 0) {
        return (struct where_verdict){"dropped", "a gap record accounts for it", true};
    }
    if (batch->to_come) {
        return (struct where_verdict){"to come", "the bridge has not given this number yet", false};
    }
    return (struct where_verdict){
        "unknown",
        store_asked
            ? "neither waiting, answered, stored nor in a gap record: its ack may be older than the ack log, "
              "and the gap record on its way"
            : "it does not wait, and the spool's ack log does not reach back to it: ask the store, too",
        false};
}
