/*
 * reading: one value of one tag at one time, as the bridge took it.
 *
 * Values travel as the raw 16-bit register words in the order they were read; the catalog says how to make a
 * number of them (lossless: nothing is scaled before the far end). A bit of a coil or discrete input is one
 * word, 0 or 1.
 */
#ifndef BOURDON_TUNNEL_READING_H
#define BOURDON_TUNNEL_READING_H

#include <stdbool.h>
#include <stdint.h>

enum { READING_WORDS_MAX = 64 }; /* a string of 128 characters */

/* Whether the value may be believed, and if not why. Written-out values: on the wire and in the store. */
enum quality {
    QUALITY_GOOD = 0,
    QUALITY_UNCERTAIN_CLOCK = 1, /* value good, the kernel did not call its clock synchronised */
    QUALITY_CLAMPED = 2,         /* value outside the tag's limits; the words are as read */
    QUALITY_STALE = 3,           /* older than the tag's maximum age */
    /* From here on there is no value: a bad reading has no words. */
    QUALITY_BAD_TIMEOUT = 16,
    QUALITY_BAD_REFUSED = 17,      /* connection refused or unreachable */
    QUALITY_BAD_DISCONNECTED = 18, /* connection lost */
    QUALITY_BAD_PROTOCOL = 19,     /* the answer broke the protocol */
    QUALITY_BAD_VALUE = 20,        /* e.g. a BCD digit above 9 */
    QUALITY_BAD_SUSPENDED = 21,    /* the unit's circuit breaker is open */
    QUALITY_BAD_EXCEPTION =
        32, /* 32 + Modbus exception code (1..15): 34 = illegal data address; 32 = another code */
    QUALITY_MAX = 47,
};

struct reading {
    uint32_t tag; /* index into the catalog */
    enum quality quality;
    int64_t request_us;  /* wall clock when the request was sent … */
    int64_t response_us; /* … and when the response had been received: the value was true in between */
    uint8_t word_count;  /* 0 exactly if the quality is bad */
    uint16_t words[READING_WORDS_MAX];
};

static inline bool quality_has_value(enum quality quality)
{
    return quality < QUALITY_BAD_TIMEOUT;
}

/* Whether it is one of the values above; batches with any other are malformed. */
bool quality_is_known(enum quality quality);

/* "good", "bad: illegal data address (02)"; and a short token for logs and files: "good", "bad_exception_02".
 */
const char *quality_text(enum quality quality);
const char *quality_token(enum quality quality);

#endif
