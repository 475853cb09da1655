/*
 * terminal_text: text from anywhere, made harmless for a terminal: control characters and bytes that are not
 * UTF-8 become '?', so that nothing stored or sent can command it. Pure, any thread.
 */
#ifndef BOURDON_CLIENT_TERMINAL_TEXT_H
#define BOURDON_CLIENT_TERMINAL_TEXT_H

#include <stddef.h>

/* Columns it takes on a terminal: one a character. */
int terminal_text_width(const char *text);

/* Copies what fits into to[size], with a terminator; characters are not cut. Returns `to`. */
char *terminal_text_copy(const char *text, char *to, size_t size);

#endif
