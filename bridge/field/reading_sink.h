/* reading_sink: where readings go. */
#ifndef BOURDON_FIELD_READING_SINK_H
#define BOURDON_FIELD_READING_SINK_H

#include "tunnel/reading.h"

#include <stdbool.h>
#include <stddef.h>

/* Readings that are being taken; whoever takes them owns it, the sink writes it. All zero to begin with. */
struct reading_promise {
    int64_t since_us; /* wall: not later than the times of the readings */
    struct reading_promise *previous, *next;
};

/*
 * put() copies the readings and is called from link threads; the readings of one call were taken by one
 * request, in no order of tags. It returns false while the spool is full and the policy is to stop polling:
 * the link then polls nothing, what it missed becomes a gap, and it asks with count 0 (readings NULL) from
 * time to time whether there is room again.
 *
 * begin() comes before the request, and end() after its readings were put, or there will be none: however
 * long that takes, the sink knows of readings that it does not have yet. Both NULL: it does not care.
 */
struct reading_sink {
    void *owner;
    bool (*put)(void *owner, const struct reading *readings, size_t count);
    void (*begin)(void *owner, struct reading_promise *promise);
    void (*end)(void *owner, struct reading_promise *promise);
};

static inline void reading_sink_begin(const struct reading_sink *sink, struct reading_promise *promise)
{
    if (sink->begin) {
        sink->begin(sink->owner, promise);
    }
}

static inline void reading_sink_end(const struct reading_sink *sink, struct reading_promise *promise)
{
    if (sink->end) {
        sink->end(sink->owner, promise);
    }
}

#endif
