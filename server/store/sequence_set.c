#include "store/sequence_set.h"

#include "base/wire.h"

#include <stdlib.h>
#include <string.h>

enum { FORMAT = 1 };

void sequence_set_free(struct sequence_set *set)
{
    free(set->ranges);
    *set = (struct sequence_set){0};
}

/* The first range that ends at or behind the sequence. */
static size_t find(const struct sequence_set *set, uint64_t sequence)
{
    size_t low = 0;
    size_t high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->ranges[middle].last < sequence) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static enum err grow(struct sequence_set *set)
{
    if (set->count < set->capacity) {
        return ERR_OK;
    }
    size_t capacity = set->capacity > 0 ? 2 * set->capacity : 4;
    struct sequence_range *ranges = realloc(set->ranges, capacity * sizeof *ranges);
    if (!ranges) {
        return ERR_NO_MEMORY;
    }
    set->ranges = ranges;
    set->capacity = capacity;
    return ERR_OK;
}

static void replace(struct sequence_set *set, size_t from, size_t until, struct sequence_range by)
{
    memmove(&set->ranges[from + 1], &set->ranges[until], (set->count - until) * sizeof by);
    set->ranges[from] = by;
    set->count -= until - from - 1;
}

enum err sequence_set_add(struct sequence_set *set, uint64_t first, uint64_t last)
{
    size_t from = find(set, first > 0 ? first - 1 : 0); // touches the new one, or lies behind it
    size_t until = from;
    while (until < set->count && (last == UINT64_MAX || set->ranges[until].first <= last + 1)) {
        until++;
    }
    if (until > from) {
        struct sequence_range joined = {first, last};
        joined.first = set->ranges[from].first < first ? set->ranges[from].first : first;
        joined.last = set->ranges[until - 1].last > last ? set->ranges[until - 1].last : last;
        replace(set, from, until, joined);
        return ERR_OK;
    }
    if (set->count == SEQUENCE_RANGES_MAX) {
        set->incomplete = true;
        return ERR_OK;
    }
    enum err result = grow(set);
    if (result == ERR_OK) {
        memmove(&set->ranges[from + 1], &set->ranges[from], (set->count - from) * sizeof *set->ranges);
        set->ranges[from] = (struct sequence_range){first, last};
        set->count++;
    }
    return result;
}

enum err sequence_set_unite(struct sequence_set *set, const struct sequence_set *other)
{
    enum err result = ERR_OK;
    for (size_t i = 0; i < other->count && result == ERR_OK; i++) {
        result = sequence_set_add(set, other->ranges[i].first, other->ranges[i].last);
    }
    set->highest = other->highest > set->highest ? other->highest : set->highest;
    set->incomplete |= other->incomplete;
    return result;
}

bool sequence_set_has(const struct sequence_set *set, uint64_t sequence)
{
    size_t at = find(set, sequence);
    return at < set->count && set->ranges[at].first <= sequence;
}

uint64_t sequence_set_contiguous(const struct sequence_set *set)
{
    return set->count > 0 && set->ranges[0].first <= 1 ? set->ranges[0].last : 0;
}

/* Ranges as distances: from the end of the one before to the first, from there to the last. */
enum err sequence_set_encode(const struct sequence_set *set, struct buffer *out)
{
    uint8_t *space = buffer_reserve(out, SEQUENCE_SET_BYTES_MAX);
    if (!space) {
        return ERR_NO_MEMORY;
    }
    struct wire_writer writer = wire_writer(space, SEQUENCE_SET_BYTES_MAX);
    wire_write_u8(&writer, FORMAT);
    wire_write_u8(&writer, set->incomplete);
    wire_write_varint(&writer, set->highest);
    uint64_t before = 0;
    for (size_t i = 0; i < set->count; i++) {
        wire_write_varint(&writer, set->ranges[i].first - before);
        wire_write_varint(&writer, set->ranges[i].last - set->ranges[i].first);
        before = set->ranges[i].last;
    }
    if (writer.failed) {
        return ERR_LIMIT;
    }
    buffer_commit(out, wire_written(&writer));
    return ERR_OK;
}

enum err sequence_set_decode(struct sequence_set *set, struct bytes bytes)
{
    struct wire_reader reader = wire_reader(bytes.data, bytes.size);
    enum err result = wire_read_u8(&reader) == FORMAT ? ERR_OK : ERR_MALFORMED;
    *set = (struct sequence_set){0};
    set->incomplete = wire_read_u8(&reader) != 0;
    set->highest = wire_read_varint(&reader);
    uint64_t before = 0;
    while (result == ERR_OK && wire_left(&reader) > 0 && !reader.failed) {
        uint64_t gap = wire_read_varint(&reader);
        uint64_t length = wire_read_varint(&reader);
        bool apart = gap > (before > 0 ? 1 : 0) && gap <= UINT64_MAX - before &&
                     length <= UINT64_MAX - before - gap && set->count < SEQUENCE_RANGES_MAX;
        result = apart && !reader.failed ? sequence_set_add(set, before + gap, before + gap + length)
                                         : ERR_MALFORMED;
        before += gap + length;
    }
    if (result == ERR_OK && !wire_reader_done(&reader)) {
        result = ERR_MALFORMED;
    }
    if (result != ERR_OK) {
        sequence_set_free(set);
    }
    return result;
}
