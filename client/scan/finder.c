#include "scan/finder.h"

#include <stdlib.h>

static uint32_t size_of(struct finder_range range)
{
    return range.end - range.first;
}

enum err finder_add(struct finder_known *known, struct finder_range range)
{
    if (known->count > 0 && known->ranges[known->count - 1].end == range.first) {
        known->ranges[known->count - 1].end = range.end;
        return ERR_OK;
    }
    if (known->count == FINDER_RANGES_MAX) {
        return ERR_LIMIT;
    }
    if (known->count == known->capacity) {
        size_t capacity = known->capacity ? known->capacity * 2 : 16;
        struct finder_range *ranges = realloc(known->ranges, capacity * sizeof *ranges);
        if (!ranges) {
            return ERR_NO_MEMORY;
        }
        known->ranges = ranges;
        known->capacity = capacity;
    }
    known->ranges[known->count++] = range;
    return ERR_OK;
}

void finder_known_fini(struct finder_known *known)
{
    free(known->ranges);
    *known = (struct finder_known){.ranges = NULL};
}

struct finder finder_start(struct finder_known *known, uint32_t end, uint32_t step)
{
    return (struct finder){.known = known, .end = end, .step = step};
}

static void push(struct finder *finder, struct finder_range span, struct finder_range whole)
{
    if (size_of(span) > 0) {
        finder->parts[finder->part_count++] = (struct finder_part){.span = span, .whole = whole};
    }
}

bool finder_next(struct finder *finder, struct finder_range *ask)
{
    struct finder_known *known = finder->known;
    if (size_of(finder->edge) > 0) {
        uint32_t middle = finder->edge.first + size_of(finder->edge) / 2;
        finder->asked = (struct finder_range){.first = middle, .end = middle + 1};
        *ask = finder->asked;
        return true;
    }
    if (finder->part_count == 0) {
        if (known->next >= finder->end) {
            return false;
        }
        uint32_t left = finder->end - known->next;
        const struct finder_range span = {known->next,
                                          known->next + (left < known->most ? left : known->most)};
        push(finder, span, span);
    }
    finder->asked = finder->parts[finder->part_count - 1].span;
    if (finder->sampling) {
        finder->asked.end = finder->asked.first + 1;
    }
    *ask = finder->asked;
    return true;
}

/* One step of looking for a beginning by halves. */
static void take_edge(struct finder *finder, bool readable)
{
    if (!readable) {
        finder->edge.first = finder->asked.first + 1;
        return;
    }
    finder->known->ranges[finder->known->count - 1].first = finder->asked.first;
    finder->edge.end = finder->asked.first;
}

/* The last part is decided as far as `end`. */
static void go_on(struct finder *finder, uint32_t end)
{
    finder->known->next = end;
    finder->sampling = false;
}

/* Both halves can be read, the whole could not: it was too much at once. */
static void learn_most(struct finder *finder, const struct finder_part *part)
{
    const struct finder_range *last = &finder->known->ranges[finder->known->count - 1];
    bool was_cut = size_of(part->whole) > size_of(part->span);
    if (was_cut && part->span.end == part->whole.end && last->first <= part->whole.first &&
        size_of(part->span) < finder->known->most) {
        finder->known->most = size_of(part->span);
    }
}

static enum err take_readable(struct finder *finder)
{
    struct finder_part part = finder->parts[--finder->part_count];
    enum err result = finder_add(finder->known, finder->asked);
    if (result != ERR_OK) {
        return result;
    }
    bool begins = finder->known->ranges[finder->known->count - 1].first == finder->asked.first;
    if (begins && finder->skipped.end == finder->asked.first) {
        finder->edge = finder->skipped;
    }
    if (finder->sampling) {
        const struct finder_range rest = {finder->asked.end, part.span.end};
        push(finder, rest, rest);
    } else {
        learn_most(finder, &part);
    }
    go_on(finder, finder->asked.end);
    return ERR_OK;
}

static void take_refused(struct finder *finder)
{
    struct finder_part part = finder->parts[finder->part_count - 1];
    uint32_t size = size_of(part.span);
    if (finder->sampling || size == 1) {
        finder->part_count--;
        finder->skipped = (struct finder_range){part.span.first + 1, part.span.end};
        go_on(finder, part.span.end);
        return;
    }
    bool follows_readable =
        finder->known->count > 0 && finder->known->ranges[finder->known->count - 1].end == part.span.first;
    if (size <= finder->step && !follows_readable) {
        finder->sampling = true;
        return;
    }
    uint32_t middle = part.span.first + size / 2;
    finder->part_count--;
    push(finder, (struct finder_range){middle, part.span.end}, part.span);
    push(finder, (struct finder_range){part.span.first, middle}, part.span);
}

enum err finder_take(struct finder *finder, bool readable)
{
    if (size_of(finder->edge) > 0) {
        take_edge(finder, readable);
        return ERR_OK;
    }
    if (readable) {
        return take_readable(finder);
    }
    take_refused(finder);
    return ERR_OK;
}
