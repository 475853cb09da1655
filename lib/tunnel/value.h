/*
 * value: between the raw register words of a reading and the engineering value a person understands, by the
 * rules of the tag in the catalog. Pure, any thread.
 */
#ifndef BOURDON_TUNNEL_VALUE_H
#define BOURDON_TUNNEL_VALUE_H

#include "tunnel/catalog.h"

enum { VALUE_STRING_MAX = 2 * READING_WORDS_MAX };

enum value_form {
    VALUE_FORM_NONE,
    VALUE_FORM_BOOL,
    VALUE_FORM_INT,
    VALUE_FORM_UINT,
    VALUE_FORM_FLOAT,
    VALUE_FORM_TEXT
};

/* Integers stay exact where scale is 1 and offset 0; otherwise they become VALUE_FORM_FLOAT. */
struct value {
    enum value_form form;
    bool single; /* an unscaled float32: written with the digits a float32 has */
    union {
        bool flag;
        int64_t i64;
        uint64_t u64;
        double f64;
        char text[VALUE_STRING_MAX + 1]; /* printable UTF-8, ends at the first NUL of the registers */
    } as;
};

/*
 * Makes the engineering value, raw · scale + offset, of raw words. A scale that is one over a whole number
 * (0.1, 0.01) divides by that number, so that 3 · 0.1 is 0.3. ERR_MALFORMED: wrong number of words, or a BCD
 * digit above 9.
 */
MUST_USE enum err value_decode(const struct catalog_tag *tag, const uint16_t *words, size_t count,
                               struct value *value);

/*
 * The reverse for scale 1, offset 0 (the client's `send`, tests): writes tag->words words. ERR_LIMIT: the
 * value does not fit the type; ERR_MALFORMED: its form does not fit the type at all.
 */
MUST_USE enum err value_encode(const struct catalog_tag *tag, const struct value *value, uint16_t *words);

/* Whether these may be the words of a reading of the tag: a coil or discrete input, and a bool of no table,
 * is 0 or 1. */
bool value_words_fit(const struct catalog_tag *tag, const uint16_t *words, size_t count);

/* The words of a number put together in the tag's order as an unsigned integer of 16, 32 or 64 bits, and
 * back. `words` is as in the reading; 1, 2 or 4 of them. */
uint64_t value_join_words(uint8_t order, const uint16_t *words, size_t count);
void value_split_words(uint8_t order, uint64_t bits, uint16_t *words, size_t count);

/* Numbers as double (bool as 0 or 1); NaN for text and none. */
double value_number(const struct value *value);

/* Writes it for people, in the shortest form that reads back to the same. Returns `text`. */
enum { VALUE_TEXT_MAX = VALUE_STRING_MAX + 1 };
char *value_text(const struct value *value, char *text);

#endif
