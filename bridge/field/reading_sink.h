/* reading_sink: where readings go. */
#ifndef BOURDON_FIELD_READING_SINK_H
#define BOURDON_FIELD_READING_SINK_H

#include "tunnel/reading.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * put() copies the readings and is called from link threads; the readings of one call were taken by one
 * request, in no order of tags. It returns false while the spool is full and the policy is to stop polling:
 * the link then polls nothing, what it missed becomes a gap, and it asks with count 0 (readings NULL) from
 * time to time whether there is room again.
 */
struct reading_sink {
    void *owner;
    bool (*put)(void *owner, const struct reading *readings, size_t count);
};

#endif
