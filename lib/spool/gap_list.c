#include "spool/gap_list.h"

#include <stdbool.h>
#include <string.h>

static bool continues(const struct gap *last, const struct gap *gap)
{
    return last->reason == gap->reason && last->last_sequence != 0 &&
           last->last_sequence + 1 == gap->first_sequence && (last->to_us != 0) == (gap->to_us != 0) &&
           strcmp(last->link, gap->link) == 0;
}

/* An unknown count or time makes the sum unknown. */
static void join(struct gap *into, const struct gap *gap)
{
    bool times_known = into->to_us != 0 && gap->to_us != 0;
    into->readings = into->readings != 0 && gap->readings != 0 ? into->readings + gap->readings : 0;
    into->first_sequence =
        gap->first_sequence < into->first_sequence ? gap->first_sequence : into->first_sequence;
    into->last_sequence = gap->last_sequence > into->last_sequence ? gap->last_sequence : into->last_sequence;
    into->from_us = times_known ? (gap->from_us < into->from_us ? gap->from_us : into->from_us) : 0;
    into->to_us = times_known ? (gap->to_us > into->to_us ? gap->to_us : into->to_us) : 0;
    if (strcmp(into->link, gap->link) != 0) {
        into->link[0] = '\0';
    }
}

static bool times_are_sound(const struct gap *gap)
{
    return gap->from_us > 0 && gap->from_us <= gap->to_us && gap->to_us <= BATCH_TIME_MAX_US;
}

void gap_list_add(struct gap_list *list, const struct gap *added)
{
    struct gap clean = *added;
    const struct gap *gap = &clean;
    if (!times_are_sound(gap)) {
        clean.from_us = clean.to_us = 0;
    }
    struct gap *last = list->count > 0 ? &list->gaps[list->count - 1] : NULL;
    if (last && (continues(last, gap) || list->count == GAP_LIST_MAX)) {
        join(last, gap);
        return;
    }
    list->gaps[list->count++] = *gap;
}
