/*
 * emitter: gathers the readings of one request and hands them to the sink in arrays. One request, one thread;
 * the space is borrowed.
 */
#ifndef BOURDON_FIELD_EMITTER_H
#define BOURDON_FIELD_EMITTER_H

#include "field/reading_sink.h"

#include <stdint.h>

enum { EMITTER_READINGS = 128 }; /* the registers of one read and some; bits go out in several arrays */

/* When the request was sent and the answer received (wall clock, µs), and whether that clock is to be
 * believed. */
struct stamp {
    int64_t request_us;
    int64_t response_us;
    bool synchronised;
};

struct emitter {
    const struct reading_sink *sink;
    struct reading *space; /* EMITTER_READINGS */
    struct stamp stamp;
    size_t count;
    uint64_t emitted;
    bool refused; /* the sink did not take some */
};

/* A reading to be filled in (tag, words, quality); dropped unless emitter_commit() follows. */
struct reading *emitter_slot(struct emitter *emitter);
void emitter_commit(struct emitter *emitter);
/* Hands over what is gathered. */
void emitter_flush(struct emitter *emitter);

#endif
