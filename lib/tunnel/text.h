/* text: whether bytes from outside are text a person may be shown. Pure, any thread. */
#ifndef BOURDON_TUNNEL_TEXT_H
#define BOURDON_TUNNEL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Well-formed UTF-8 (RFC 3629: shortest form, no surrogates, up to U+10FFFF) without control characters. */
bool text_is_printable(const void *data, size_t size);

/* The largest size ≤ `max` that does not cut a character of the UTF-8 text in two. */
size_t text_cut(const char *text, size_t size, size_t max);

#endif
