#include "base/did_you_mean.h"

#include <ctype.h>
#include <string.h>

enum { WORD_MAX = 64 }; /* a longer word is nobody's typing error */

static int folded(char character)
{
    return character == '_' ? '-' : tolower((unsigned char)character);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours. */
static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0];
    size_t *above = rows[1];
    size_t *row = rows[2];
    for (size_t j = 0; j <= b_size; j++) {
        above[j] = j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            int x = folded(a[i - 1]);
            int y = folded(b[j - 1]);
            row[j] = smaller(above[j - 1] + (x != y), smaller(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && x == folded(b[j - 2]) && y == folded(a[i - 2])) {
                row[j] = smaller(row[j], before[j - 2] + 1);
            }
        }
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b_size];
}

const char *did_you_mean(const char *word, const char *const *candidates, size_t count)
{
    size_t word_size = strlen(word);
    size_t best_distance = WORD_MAX;
    const char *best = NULL;
    for (size_t i = 0; i < count && word_size <= WORD_MAX; i++) {
        size_t size = candidates[i] ? strlen(candidates[i]) : 0;
        if (size == 0 || size > WORD_MAX) {
            continue;
        }
        size_t found = distance(word, word_size, candidates[i], size);
        size_t longer = size > word_size ? size : word_size;
        if (found <= longer / 3 && found < best_distance) {
            best_distance = found;
            best = candidates[i];
        }
    }
    return best;
}
