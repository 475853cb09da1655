/* did_you_mean: guesses which of the words we know a mistyped one stands for. Pure, any thread. */
#ifndef BOURDON_BASE_DID_YOU_MEAN_H
#define BOURDON_BASE_DID_YOU_MEAN_H

#include <stddef.h>

/*
 * The candidate nearest to `word` if it is near enough to be meant (at most a third of the longer one
 * differs; case, - and _ do not count), else NULL. NULL candidates are passed over.
 */
const char *did_you_mean(const char *word, const char *const *candidates, size_t count);

#endif
