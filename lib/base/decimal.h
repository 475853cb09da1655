/* decimal: a double as the shortest decimal text that reads back to the same. Pure, any thread. */
#ifndef BOURDON_BASE_DECIMAL_H
#define BOURDON_BASE_DECIMAL_H

enum { DECIMAL_MAX = 32 }; /* with the terminator */

/* Writes a finite value into text[DECIMAL_MAX] and returns `text`. */
char *decimal_format(double value, char *text);

#endif
