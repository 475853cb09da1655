/*
 * plc: one PLC as a person at the command line asks it: a link by its url that connects when it is needed,
 * reads of any size in pieces, and what went wrong in plain words with what to try next. One thread.
 */
#ifndef BOURDON_CLIENT_PLC_H
#define BOURDON_CLIENT_PLC_H

#include "base/err.h"
#include "link/link.h"
#include "tunnel/catalog.h"

#include <stdbool.h>
#include <stdint.h>

enum { PLC_UNIT_SERIAL_MAX = 247 }; /* Modbus over Serial Line 1.02, section 2.2; 0 is a broadcast there */

/* What a URL of tls:// needs besides: PEM files, or a fingerprint. NULL = not given. */
struct plc_tls {
    const char *ca, *certificate, *key, *pin;
};

struct plc {
    const char *name; /* the url, borrowed */
    struct link_url url;
    int64_t timeout_us;
    struct link *link; /* owned */
    metric_value counters[LINK_COUNTERS];
};

enum plc_result {
    PLC_ANSWERED,
    PLC_EXCEPTION,
    PLC_SILENT,      /* connected, but no usable answer came */
    PLC_UNREACHABLE, /* could not be connected to */
};

struct plc_span {
    uint8_t unit;
    enum table table;
    uint16_t address;
    uint32_t quantity; /* address + quantity is at most 65536 */
};

struct plc_answer {
    enum plc_result result;
    uint8_t exception; /* of PLC_EXCEPTION */
    int64_t request_us;
    int64_t response_us;
    struct pdu_response response; /* borrows from the link until the next request */
    struct err_text why;          /* unless answered: what went wrong … */
    const char *next;             /* … and what to try, a sentence of its own */
};

/* ERR_CONFIG: not a url, or no good files; else as link_new(). Connects to nothing yet. The plc stays where
 * it is until closed. */
MUST_USE enum err plc_open(struct plc *plc, const char *url, const struct plc_tls *tls, int64_t timeout_us,
                           struct err_text *why);
void plc_close(struct plc *plc); /* of zeros is fine */

bool plc_unit_is_possible(const struct plc *plc, uint64_t unit);

/* Items of `table` that one request may read. */
uint16_t plc_read_max(enum table table);
/* Sends one request; connects before it if need be. True if it was answered, with values or an exception. */
bool plc_ask(struct plc *plc, uint8_t unit, const struct pdu_request *request, struct plc_answer *answer);
/* Reads a span that one request can read. True if values came. */
bool plc_read(struct plc *plc, const struct plc_span *span, struct plc_answer *answer);
/* Reads a span of any size, one request after the other; a bit becomes a word of 0 or 1. `words` has room for
 * all. True if all values came; the answer is that of the last request, its request_us that of the first. */
bool plc_read_words(struct plc *plc, const struct plc_span *span, uint16_t *words, struct plc_answer *answer);

#endif
