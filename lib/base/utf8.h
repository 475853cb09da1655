/* utf8: checks UTF-8 (RFC 3629) one code point at a time. Pure, any thread. */
#ifndef BOURDON_BASE_UTF8_H
#define BOURDON_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* U+FFFD, what stands in output for bytes that are not UTF-8. */
#define UTF8_REPLACEMENT "\xef\xbf\xbd"

/*
 * The length in bytes of the code point at `text`, which goes to `*code_point` (may be NULL); 0 if the `left`
 * bytes do not begin with a whole, shortest-form, non-surrogate one.
 */
size_t utf8_next(const void *text, size_t left, uint32_t *code_point);

/* Whether a byte continues a code point that began before it. */
static inline bool utf8_is_tail(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

#endif
