#include "spool/room.h"

enum { SPARE = 16 }; /* a part of the bounds */

bool room_is_full(const struct room_bounds *bounds, const struct room_view *view)
{
    int64_t most = view->stopped ? bounds->max_bytes - bounds->max_bytes / SPARE : bounds->max_bytes;
    int64_t least = view->stopped ? bounds->min_free + bounds->min_free / SPARE : bounds->min_free;
    return view->used >= most || (view->free >= 0 && view->free < least);
}

int64_t room_excess(const struct room_bounds *bounds, const struct room_view *view)
{
    int64_t over = view->used - (bounds->max_bytes - bounds->max_bytes / SPARE);
    int64_t wanted = bounds->min_free + bounds->min_free / SPARE;
    int64_t lacking = view->free >= 0 && view->free < bounds->min_free ? wanted - view->free : 0;
    int64_t excess = over > lacking ? over : lacking;
    return excess > 1 ? excess : 1;
}
