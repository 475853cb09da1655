/*
 * audit_chain: lines of JSON of which each holds the hash of the one before, so that a line that is changed,
 * added, moved or removed is noticed.
 *
 *   {"seq":12,"prev":"<hash of line 11>",…,"hash":"<SHA-256 of this line up to here>"}
 *
 * The hash covers every byte of the line in front of `,"hash":`. The first line of all has seq 1 and a prev
 * of zeros; a file that continues another begins with the last hash of that. What is cut off at the end
 * leaves no trace within the file: whoever wants to notice that keeps the last hash elsewhere (the bridge
 * logs it).
 *
 * Pure, any thread.
 */
#ifndef BOURDON_GATEWAY_AUDIT_CHAIN_H
#define BOURDON_GATEWAY_AUDIT_CHAIN_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    AUDIT_HASH_SIZE = 32,
    AUDIT_LINE_MAX = 8192, /* with its line feed */
};

/* The last line. Zero-initialised = there is none yet. */
struct audit_chain {
    uint64_t sequence;
    uint8_t hash[AUDIT_HASH_SIZE];
};

/*
 * Appends a line, with its line feed, of the members in `body` ("\"event\":\"write\",…", no braces) to `out`,
 * and moves on. ERR_LIMIT, ERR_NO_MEMORY: nothing has changed.
 */
MUST_USE enum err audit_chain_seal(struct audit_chain *chain, struct bytes body, struct buffer *out);

enum audit_fault {
    AUDIT_GOOD,
    AUDIT_MALFORMED, /* no line of ours, or a torn one */
    AUDIT_CHANGED,   /* its hash is not that of its bytes */
    AUDIT_BROKEN,    /* good in itself, but it does not follow the line before */
};

/* Checks a line without its line feed and moves on, past what is broken too. The first line that is given to
 * a zeroed chain may have any predecessor. */
enum audit_fault audit_chain_check(struct audit_chain *chain, struct bytes line);

/* "changed", … for people. */
const char *audit_fault_text(enum audit_fault fault);

/* Writes a hash as hexadecimal into text[AUDIT_HASH_TEXT]. */
enum { AUDIT_HASH_TEXT = 2 * AUDIT_HASH_SIZE + 1 };
char *audit_hash_text(const uint8_t *hash, char *text);
/* False: the text is not one. */
bool audit_hash_parse(struct bytes text, uint8_t *hash);

#endif
