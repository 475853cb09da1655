/* manual: lays out help for a terminal and man pages. Pure output, any thread. */
#ifndef BOURDON_BASE_MANUAL_H
#define BOURDON_BASE_MANUAL_H

#include <stddef.h>
#include <stdio.h>

enum { MANUAL_WIDTH = 90 }; /* columns of help on a terminal */

/*
 * Writes the words of `text` up to MANUAL_WIDTH, further lines indented by `indent`, and a line break.
 * `column` is where the cursor is; it first moves to `indent`, on a new line if it is behind it. A line break
 * in the text stays one, and a line that begins with a space is written as it is.
 */
void manual_paragraph(FILE *out, size_t column, size_t indent, const char *text);

/* Writes `text` so that roff shows it as it is. */
void manual_roff(FILE *out, const char *text);

/* The same for lines: a line break stays one, an empty line begins a paragraph, and a line that begins with a
 * space is indented and written as it is, then a line break. */
void manual_roff_lines(FILE *out, const char *text);

#endif
