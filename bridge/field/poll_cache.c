#include "field/poll_cache.h"

#include <stdlib.h>
#include <string.h>

void poll_cache_init(struct poll_cache *cache, int64_t max_age_us)
{
    *cache = (struct poll_cache){.max_age_us = max_age_us};
    if (max_age_us > 0) {
        cache->blocks = calloc(POLL_CACHE_BLOCKS, sizeof *cache->blocks);
    }
}

void poll_cache_fini(struct poll_cache *cache)
{
    free(cache->blocks);
    cache->blocks = NULL;
}

static bool reads_bits(uint8_t function)
{
    return function == MODBUS_READ_COILS || function == MODBUS_READ_DISCRETE_INPUTS;
}

static bool is_of(const struct poll_cache_block *block, uint8_t unit, uint8_t function)
{
    return block->time_us > 0 && block->unit == unit && block->function == function;
}

/* The block of the same span, or the oldest. */
static struct poll_cache_block *place_for(struct poll_cache *cache, uint8_t unit,
                                          const struct pdu_request *request)
{
    struct poll_cache_block *oldest = &cache->blocks[0];
    for (size_t i = 0; i < POLL_CACHE_BLOCKS; i++) {
        struct poll_cache_block *block = &cache->blocks[i];
        bool same = is_of(block, unit, request->function) && block->span.address == request->read.address &&
                    block->span.quantity == request->read.quantity;
        if (same) {
            return block;
        }
        oldest = block->time_us < oldest->time_us ? block : oldest;
    }
    return oldest;
}

void poll_cache_store(struct poll_cache *cache, uint8_t unit, const struct pdu_request *request,
                      struct bytes data, int64_t time_us)
{
    if (!cache->blocks || data.size > PDU_SIZE_MAX) {
        return;
    }
    struct poll_cache_block *block = place_for(cache, unit, request);
    block->time_us = time_us;
    block->unit = unit;
    block->function = request->function;
    block->span = request->read;
    memcpy(block->data, data.data, data.size);
}

/* Writes may do more than they say, a coil that starts a pump for one: nothing of the unit is kept. */
void poll_cache_forget(struct poll_cache *cache, uint8_t unit)
{
    for (size_t i = 0; cache->blocks && i < POLL_CACHE_BLOCKS; i++) {
        if (cache->blocks[i].unit == unit) {
            cache->blocks[i].time_us = 0;
        }
    }
}

static bool has_all(const struct poll_cache_block *block, struct pdu_span span)
{
    return span.address >= block->span.address &&
           span.address + span.quantity <= block->span.address + block->span.quantity;
}

static size_t copy_items(const struct poll_cache_block *block, struct pdu_span span, uint8_t *data)
{
    size_t skip = (size_t)(span.address - block->span.address);
    if (!reads_bits(block->function)) {
        memcpy(data, block->data + 2 * skip, 2U * span.quantity);
        return 2U * span.quantity;
    }
    struct bytes all = {.data = block->data, .size = sizeof block->data};
    memset(data, 0, pdu_bits_size(span.quantity));
    for (size_t i = 0; i < span.quantity; i++) {
        data[i / 8] |= (uint8_t)(pdu_bit(all, skip + i) << (i % 8));
    }
    return pdu_bits_size(span.quantity);
}

size_t poll_cache_find(const struct poll_cache *cache, uint8_t unit, const struct pdu_request *request,
                       int64_t now_us, uint8_t *data)
{
    for (size_t i = 0; cache->blocks && i < POLL_CACHE_BLOCKS; i++) {
        const struct poll_cache_block *block = &cache->blocks[i];
        bool young = now_us - block->time_us <= cache->max_age_us;
        if (young && is_of(block, unit, request->function) && has_all(block, request->read)) {
            return copy_items(block, request->read, data);
        }
    }
    return 0;
}
