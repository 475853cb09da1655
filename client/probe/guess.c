#include "probe/guess.h"

#include "tunnel/tag_words.h"
#include "tunnel/value.h"

#include <math.h>
#include <stdio.h>

#define PLAUSIBLE_LEAST 1e-4
#define PLAUSIBLE_MOST  1e8

enum { INTEGER_MARGIN_BITS = 2, FLOAT_MARGIN_DECADES = 3, DISTANCE_MOST = 300 };

static bool is_float(enum value_type type)
{
    return type == VALUE_FLOAT32 || type == VALUE_FLOAT64;
}

bool guess_is_possible(enum value_type type)
{
    return value_type_words(type) > 1;
}

static bool is_plausible(double number)
{
    double size = fabs(number);
    return number == 0 || (size >= PLAUSIBLE_LEAST && size <= PLAUSIBLE_MOST);
}

static double distance_of(double number)
{
    double size = fabs(number);
    if (number == 0) {
        return 0;
    }
    return isfinite(size) && fabs(log10(size)) < DISTANCE_MOST ? fabs(log10(size)) : DISTANCE_MOST;
}

/* BCD with a digit above 9 is as bad as can be. */
static void add_scores(struct guess *guess, uint8_t order, const uint16_t *words)
{
    const struct catalog_tag tag = {.table = TABLE_HOLDING,
                                    .type = guess->type,
                                    .order = order,
                                    .words = value_type_words(guess->type),
                                    .scale = 1};
    struct value value;
    if (value_decode(&tag, words, tag.words, &value) != ERR_OK) {
        guess->score[order] += 16.0 * tag.words;
        return;
    }
    double number = value_number(&value);
    if (is_float(guess->type)) {
        guess->score[order] += is_plausible(number) ? 1 : 0;
        guess->distance[order] += distance_of(number);
    } else {
        guess->score[order] += log2(fabs(number) + 1);
    }
}

static bool differs_between_orders(const uint16_t *words, size_t count)
{
    uint64_t first = value_join_words(0, words, count);
    for (uint8_t order = 1; order < GUESS_ORDERS; order++) {
        if (value_join_words(order, words, count) != first) {
            return true;
        }
    }
    return false;
}

/* How much better `a` is than `b`: above 0 it is better, from 1 on it is so beyond doubt. */
static double lead(const struct guess *guess, size_t a, size_t b)
{
    if (!is_float(guess->type)) {
        return (guess->score[b] - guess->score[a]) / INTEGER_MARGIN_BITS;
    }
    double plausible = guess->score[a] - guess->score[b];
    return plausible != 0 ? plausible : (guess->distance[b] - guess->distance[a]) / FLOAT_MARGIN_DECADES;
}

static void choose(struct guess *guess)
{
    size_t best = 0;
    for (size_t order = 1; order < GUESS_ORDERS; order++) {
        best = lead(guess, order, best) > 0 ? order : best;
    }
    bool most = !is_float(guess->type) || 2 * guess->score[best] > (double)guess->values;
    guess->sure = guess->values > 0 && most;
    for (size_t order = 0; order < GUESS_ORDERS; order++) {
        guess->sure &= order == best || lead(guess, best, order) >= 1;
    }
    guess->order = (uint8_t)best;
}

struct guess guess_order(enum value_type type, const uint16_t *words, size_t count)
{
    struct guess guess = {.type = type};
    size_t size = value_type_words(type);
    for (size_t at = 0; at + size <= count; at += size) {
        if (!differs_between_orders(words + at, size)) {
            continue;
        }
        guess.values++;
        for (uint8_t order = 0; order < GUESS_ORDERS; order++) {
            add_scores(&guess, order, words + at);
        }
    }
    for (size_t order = 0; guess.values > 0 && order < GUESS_ORDERS; order++) {
        guess.score[order] /= is_float(type) ? 1 : (double)guess.values;
        guess.distance[order] /= (double)guess.values;
    }
    choose(&guess);
    return guess;
}

static size_t runner_up(const struct guess *guess)
{
    size_t second = guess->order == 0 ? 1 : 0;
    for (size_t order = 0; order < GUESS_ORDERS; order++) {
        if (order != guess->order && lead(guess, order, second) > 0) {
            second = order;
        }
    }
    return second;
}

char *guess_text(const struct guess *guess, char *text)
{
    const char *type = tag_word_name(tag_types, (int)guess->type);
    const char *letters = tag_order_letters(guess->order, value_type_words(guess->type));
    size_t next = runner_up(guess);
    if (guess->values == 0) {
        snprintf(text, GUESS_TEXT_MAX, "%s: these are the same in every order", type);
    } else if (!guess->sure) {
        snprintf(text, GUESS_TEXT_MAX, "%s: no order stands out", type);
    } else if (is_float(guess->type)) {
        snprintf(
            text, GUESS_TEXT_MAX,
            "%s: * %s is likeliest: %.0f of %zu are 0 or between 0.0001 and 100 million there, %.0f in the "
            "next best order%s",
            type, letters, guess->score[guess->order], guess->values, guess->score[next],
            guess->score[next] < guess->score[guess->order] ? "" : ", but farther from 1");
    } else {
        snprintf(
            text, GUESS_TEXT_MAX,
            "%s: * %s is likeliest: its numbers are the smallest, %.0f bits on average against %.0f in the "
            "next best order",
            type, letters, guess->score[guess->order], guess->score[next]);
    }
    return text;
}
