/*
 * target: what a person wants to see of a PLC, from the words of the command line. Pure, any thread.
 *
 *   holding 100 10      ten holding registers from the zero-based address 100
 *   40101 10            the same, as a Modicon reference
 *   float32             a type, in every order
 *   float32:CDAB        a type in one order; 16-bit types have AB and BA
 */
#ifndef BOURDON_CLIENT_PROBE_TARGET_H
#define BOURDON_CLIENT_PROBE_TARGET_H

#include "base/err.h"
#include "plc/plc.h"

#include <stdbool.h>
#include <stddef.h>

struct probe_view {
    bool raw; /* the registers as they are, and every 32- and 64-bit type in every order */
    enum value_type type;
    bool ordered; /* in `order` alone */
    uint8_t order;
};

/* Table, address and quantity from one to three words; without a quantity it is 0. ERR_CONFIG with the
 * reason. */
MUST_USE enum err target_parse_span(const char *const *words, size_t count, struct plc_span *span,
                                    struct err_text *why);
/* NULL is the raw view. ERR_CONFIG with the reason. */
MUST_USE enum err target_parse_view(const char *text, struct probe_view *view, struct err_text *why);
/* Whether the view can be had of the span; gives the span a quantity if it has none. ERR_CONFIG. */
MUST_USE enum err target_fit(const struct probe_view *view, struct plc_span *span, struct err_text *why);

bool target_is_bits(enum table table);

#endif
