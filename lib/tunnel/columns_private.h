/*
 * columns_private: what columns.c, which cuts a body into its columns, and columns_walk.c share. Pure.
 */
#ifndef BOURDON_TUNNEL_COLUMNS_PRIVATE_H
#define BOURDON_TUNNEL_COLUMNS_PRIVATE_H

#include "tunnel/columns.h"

/* Bytes of one value, or one word of a string, in a column of values. */
static inline size_t columns_value_size(enum column column)
{
    return column == COLUMN_BITS64 ? 8 : column == COLUMN_BITS32 ? 4 : 2;
}

static inline uint64_t columns_value_mask(enum column column)
{
    return UINT64_MAX >> (64 - 8 * columns_value_size(column));
}

/* Sums modulo 2^64: whatever the differences are, the result is checked. */
static inline int64_t columns_moved(int64_t from, int64_t difference)
{
    return (int64_t)((uint64_t)from + (uint64_t)difference);
}

#endif
