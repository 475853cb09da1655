/*
 * reading_series: the stored readings of a search, gathered into buckets (store/aggregate.h). One thread a
 * connection.
 */
#ifndef BOURDON_STORE_READING_SERIES_H
#define BOURDON_STORE_READING_SERIES_H

#include "store/aggregate.h"
#include "store/reading_search.h"

/* Adds what the search finds. ERR_LIMIT: more buckets than the aggregate may have, with what to do. */
MUST_USE enum err reading_series_read(struct db *db, const struct reading_search *search,
                                      struct aggregate *aggregate, struct err_text *why);

#endif
