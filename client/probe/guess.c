#include "probe/guess.h"

#include "tunnel/tag_words.h"
#include "tunnel/value.h"

#include <math.h>
#include <stdio.h>

#define PLAUSIBLE_LEAST 1e-4
#define PLAUSIBLE_MOST  1e8

enum { INTEGER_MARGIN_BITS = 2 };

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

/* Floats: 1 for a plausible one. Integers: the bits of their size. BCD with a digit above 9 is as bad as can
 * be. */
static double score_of(enum value_type type, uint8_t order, const uint16_t *words)
{
    const struct catalog_tag tag = {
        .table = TABLE_HOLDING, .type = type, .order = order, .words = value_type_words(type), .scale = 1};
    struct value value;
    if (value_decode(&tag, words, tag.words, &value) != ERR_OK) {
        return 16.0 * tag.words;
    }
    double number = value_number(&value);
    if (is_float(type)) {
        return is_plausible(number) ? 1 : 0;
    }
    return log2(fabs(number) + 1);
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

/* How much better `a` is than `b`. */
static double lead(const struct guess *guess, size_t a, size_t b)
{
    double difference = guess->score[a] - guess->score[b];
    return is_float(guess->type) ? difference : -difference;
}

static void choose(struct guess *guess)
{
    size_t best = 0;
    for (size_t order = 1; order < GUESS_ORDERS; order++) {
        best = lead(guess, order, best) > 0 ? order : best;
    }
    double needed = is_float(guess->type) ? 1 : INTEGER_MARGIN_BITS;
    bool most = !is_float(guess->type) || 2 * guess->score[best] > (double)guess->values;
    guess->sure = guess->values > 0 && most;
    for (size_t order = 0; order < GUESS_ORDERS; order++) {
        guess->sure &= order == best || lead(guess, best, order) >= needed;
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
            guess.score[order] += score_of(type, order, words + at);
        }
    }
    for (size_t order = 0; !is_float(type) && guess.values > 0 && order < GUESS_ORDERS; order++) {
        guess.score[order] /= (double)guess.values;
    }
    choose(&guess);
    return guess;
}

/* The score that comes closest to the best one. */
static double runner_up(const struct guess *guess)
{
    size_t second = guess->order == 0 ? 1 : 0;
    for (size_t order = 0; order < GUESS_ORDERS; order++) {
        if (order != guess->order && lead(guess, order, second) > 0) {
            second = order;
        }
    }
    return guess->score[second];
}

char *guess_text(const struct guess *guess, char *text)
{
    const char *type = tag_word_name(tag_types, (int)guess->type);
    const char *letters = tag_order_letters(guess->order, value_type_words(guess->type));
    if (guess->values == 0) {
        snprintf(text, GUESS_TEXT_MAX, "%s: these are the same in every order", type);
    } else if (!guess->sure) {
        snprintf(text, GUESS_TEXT_MAX, "%s: no order stands out", type);
    } else if (is_float(guess->type)) {
        snprintf(
            text, GUESS_TEXT_MAX,
            "%s: * %s is likeliest: %.0f of %zu are 0 or between 0.0001 and 100 million there, %.0f in the "
            "next best order",
            type, letters, guess->score[guess->order], guess->values, runner_up(guess));
    } else {
        snprintf(
            text, GUESS_TEXT_MAX,
            "%s: * %s is likeliest: its numbers are the smallest, %.0f bits on average against %.0f in the "
            "next best order",
            type, letters, guess->score[guess->order], runner_up(guess));
    }
    return text;
}
