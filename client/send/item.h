/*
 * item: one reading as a person or program hands it to `bourdon send`. Pure, any thread.
 *
 * Values are numbers ("4", "-3.25", "1e6"), true, false, or text in double quotes ("\"open\""). Whole numbers
 * stay whole; NaN, infinities, hexadecimal and decimal commas are refused.
 */
#ifndef BOURDON_CLIENT_SEND_ITEM_H
#define BOURDON_CLIENT_SEND_ITEM_H

#include "tunnel/value.h"

struct item { /* the texts are borrowed */
    const char *tag;
    const char *unit;   /* UCUM, "" = none */
    struct value value; /* VALUE_FORM_NONE if the quality is bad */
    enum quality quality;
    int64_t time_us; /* wall; 0 = now */
};

/* Understands a whole text as a value. ERR_MALFORMED, and `why` quotes it. */
MUST_USE enum err item_value(const char *text, struct value *value, struct err_text *why);

/* A value of plain text without quotes around it. ERR_LIMIT: too long; ERR_MALFORMED: not printable UTF-8. */
MUST_USE enum err item_text_value(const char *text, struct value *value, struct err_text *why);

/* Takes "name=value[unit]" apart, in place: "tank/level=4.2", "p1=4.2bar", "p1=4.2 bar", "mode=\"auto\"". */
MUST_USE enum err item_from_argument(char *text, struct item *item, struct err_text *why);

/* "good", "bad_timeout", …: the reverse of quality_token(). */
bool item_quality(const char *token, enum quality *quality);

#endif
