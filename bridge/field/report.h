/*
 * report: whether a reading is worth sending. Without a rule every reading with a value is; with one, a value
 * that moved by more than the deadband, or one for which the maximum age has come. A change of quality always
 * is, and a tag that stays bad says so once (and again at its maximum age). Pure.
 */
#ifndef BOURDON_FIELD_REPORT_H
#define BOURDON_FIELD_REPORT_H

#include "tunnel/reading.h"

#include <stdbool.h>
#include <stdint.h>

/* Shared by all tags with the same. */
struct report_rule {
    bool bounded; /* values outside low … high are clamped in quality */
    double low, high;
    double deadband;    /* engineering units; < 0 = every reading, 0 = every change */
    int64_t max_age_us; /* 0 = none */
};

/* What one reading is judged by. */
struct report_sample {
    enum quality quality;
    double number; /* engineering value; NaN for text. Read only where the deadband is above 0 */
    uint64_t raw;  /* the words, first one highest, or a hash of more than four; the bit of a bool */
};

/* What was reported last. Zero-initialised = nothing yet. */
struct report_state {
    double number;
    uint64_t raw;  /* of the last value, reported or not: it did not differ */
    int64_t at_us; /* monotonic */
    uint8_t quality;
    bool reported;
};

/* Whether to report; if so the state remembers it. `rule` may be NULL. */
bool report_due(const struct report_rule *rule, struct report_state *state,
                const struct report_sample *sample, int64_t now_us);

/* What was reported last was not taken: the next reading is reported whatever it is. */
void report_forget(struct report_state *state);

#endif
