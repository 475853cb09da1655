/*
 * poll_cache: what the polls of one link have read last, for reads that may be answered by it. Off unless an
 * age is configured. Bounded: the oldest block gives way. One thread, the link's own.
 */
#ifndef BOURDON_FIELD_POLL_CACHE_H
#define BOURDON_FIELD_POLL_CACHE_H

#include "modbus/pdu.h"

#include <stdint.h>

enum { POLL_CACHE_BLOCKS = 64 };

struct poll_cache_block {
    int64_t time_us; /* monotonic, when it was asked for; 0 = empty */
    uint8_t unit, function;
    struct pdu_span span;
    uint8_t data[PDU_SIZE_MAX];
};

struct poll_cache {
    int64_t max_age_us;              /* 0 = off */
    struct poll_cache_block *blocks; /* owned; NULL while off, or out of memory */
};

void poll_cache_init(struct poll_cache *cache, int64_t max_age_us);
void poll_cache_fini(struct poll_cache *cache);

/* A poll, sent at `time_us`, was answered. */
void poll_cache_store(struct poll_cache *cache, uint8_t unit, const struct pdu_request *request,
                      struct bytes data, int64_t time_us);
/* Something is written to the unit: what it holds is not known any more. */
void poll_cache_forget(struct poll_cache *cache, uint8_t unit);

/* Answers a read from a block that has all of it: writes the items, packed, into data[PDU_SIZE_MAX] and
 * returns their size; 0: there is no block young enough. */
size_t poll_cache_find(const struct poll_cache *cache, uint8_t unit, const struct pdu_request *request,
                       int64_t now_us, uint8_t *data);

#endif
