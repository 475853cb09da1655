/*
 * tag_words: the words people use for a tag's table, type and byte order, in configurations and on the
 * command line. Constant tables; any thread.
 */
#ifndef BOURDON_TUNNEL_TAG_WORDS_H
#define BOURDON_TUNNEL_TAG_WORDS_H

#include "base/options.h"
#include "tunnel/catalog.h"

/* Values of the orders: the bits of ORDER_* plus how many letters it was written in. */
enum {
    TAG_ORDER_BITS = ORDER_WORDS_SWAPPED | ORDER_BYTES_SWAPPED,
    TAG_ORDER_4_LETTERS = 4, /* ABCD …     : 32-bit types */
    TAG_ORDER_8_LETTERS = 8, /* ABCDEFGH … : 64-bit types */
};

extern const struct option_choice
    tag_tables[]; /* by-reference = TABLE_NONE, coil, discrete, input, holding */
extern const struct option_choice tag_types[];
extern const struct option_choice tag_word_orders[];

/* NULL: no choice of that name. */
const struct option_choice *tag_word_find(const struct option_choice *choices, const char *name);
/* "?" for a value that has no name. */
const char *tag_word_name(const struct option_choice *choices, int value);
/* The letters of an order for a type of so many registers: "CDAB" for 2, "GHEFCDAB" for 4, "BA" for 1. */
const char *tag_order_letters(uint8_t order, size_t words);

#endif
