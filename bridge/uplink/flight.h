/*
 * flight: the batches that were sent in this session and have no answer yet, with what the log and the ack
 * log want to know about them. Pure; one thread.
 */
#ifndef BOURDON_UPLINK_FLIGHT_H
#define BOURDON_UPLINK_FLIGHT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FLIGHT_MAX = 1024 }; /* batches; a server may allow more, no more are sent */

struct flight_entry {
    uint64_t seq; /* 0 = empty */
    uint32_t readings;
    uint32_t bytes;
    int64_t spooled_us; /* wall */
    int64_t sent_us;    /* wall */
    int64_t sent_mono_us;
    bool historical;
};

struct flight;

MUST_USE struct flight *flight_new(void); /* NULL: out of memory */
void flight_free(struct flight *flight);  /* NULL is fine */
void flight_clear(struct flight *flight);

size_t flight_count(const struct flight *flight);
size_t flight_historical(const struct flight *flight); /* how many of them are backlog */
bool flight_has(const struct flight *flight, uint64_t seq);

/* ERR_LIMIT: FLIGHT_MAX; ERR_CONFLICT: it is there already. */
MUST_USE enum err flight_add(struct flight *flight, const struct flight_entry *entry);
/* Removes it into `*entry`; false if it is not there. */
bool flight_take(struct flight *flight, uint64_t seq, struct flight_entry *entry);

#endif
