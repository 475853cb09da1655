/* hex: bytes as lower-case hexadecimal. Pure, any thread. */
#ifndef BOURDON_BASE_HEX_H
#define BOURDON_BASE_HEX_H

#include <stddef.h>

#define HEX_TEXT_SIZE(size) (2 * (size) + 1)

/* Writes text[HEX_TEXT_SIZE(size)], with its end, and returns it. */
char *hex_text(const void *data, size_t size, char *text);

#endif
