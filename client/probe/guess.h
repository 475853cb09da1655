/*
 * guess: which order of bytes the values in some registers were most likely written in.
 *
 * A float in the wrong order is almost always absurd: of a random exponent, one in five lies between 0.0001
 * and 100 million. So the order wins in which most values are 0 or of such a size, and more than in any
 * other; of two with as many, the one whose sizes are nearer to 1, by three powers of ten a value at least.
 * An integer in the wrong order has its small part where the large one belongs, so the order with the
 * smallest numbers wins, by two bits a value at least. Where none stands out, none is guessed. Values that
 * are the same in every order say nothing. Pure, any thread.
 */
#ifndef BOURDON_CLIENT_PROBE_GUESS_H
#define BOURDON_CLIENT_PROBE_GUESS_H

#include "tunnel/catalog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GUESS_ORDERS = 4, GUESS_TEXT_MAX = 256 };

struct guess {
    enum value_type type;
    size_t values;                 /* that differ between the orders */
    bool sure;                     /* one order stands out: */
    uint8_t order;                 /* ORDER_* */
    double score[GUESS_ORDERS];    /* floats: plausible values; integers: bits a number takes on average */
    double distance[GUESS_ORDERS]; /* floats: powers of ten from 1 on average */
};

bool guess_is_possible(enum value_type type); /* a number of 32 or 64 bits */
/* `count` registers, of which whole values are looked at. */
struct guess guess_order(enum value_type type, const uint16_t *words, size_t count);
/* A sentence for people into text[GUESS_TEXT_MAX]; returns `text`. */
char *guess_text(const struct guess *guess, char *text);

#endif
