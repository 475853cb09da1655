#include "gateway/audit_chain.h"

#include "base/hex.h"
#include "tunnel/digest.h"

#include <stdio.h>
#include <string.h>

_Static_assert((int)AUDIT_HASH_SIZE == (int)DIGEST_SIZE, "the chain is of SHA-256");

enum {
    HEX_SIZE = 2 * AUDIT_HASH_SIZE,
    TAIL_SIZE = sizeof ",\"hash\":\"" - 1,
    END_SIZE = TAIL_SIZE + HEX_SIZE + 2, /* ,"hash":"…"} */
};

char *audit_hash_text(const uint8_t *hash, char *text)
{
    return hex_text(hash, AUDIT_HASH_SIZE, text);
}

static int digit(uint8_t character)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = character == '\0' ? NULL : strchr(digits, character);
    return at ? (int)(at - digits) : -1;
}

bool audit_hash_parse(struct bytes text, uint8_t *hash)
{
    if (text.size != HEX_SIZE) {
        return false;
    }
    for (size_t i = 0; i < AUDIT_HASH_SIZE; i++) {
        int high = digit(text.data[2 * i]);
        int low = digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        hash[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

enum err audit_chain_seal(struct audit_chain *chain, struct bytes body, struct buffer *out)
{
    char line[AUDIT_LINE_MAX];
    char hex[AUDIT_HASH_TEXT];
    struct audit_chain next = {.sequence = chain->sequence + 1};
    int size =
        snprintf(line, sizeof line, "{\"seq\":%llu,\"prev\":\"%s\",%.*s", (unsigned long long)next.sequence,
                 audit_hash_text(chain->hash, hex), (int)body.size, (const char *)body.data);
    if (size < 0 || (size_t)size + END_SIZE + 2 > sizeof line) {
        return ERR_LIMIT;
    }
    const struct bytes hashed = {.data = (const uint8_t *)line, .size = (size_t)size};
    enum err result = digest_sha256(hashed, next.hash);
    if (result != ERR_OK) {
        return result;
    }
    size += snprintf(line + size, sizeof line - (size_t)size, ",\"hash\":\"%s\"}\n",
                     audit_hash_text(next.hash, hex));
    result = buffer_append(out, line, (size_t)size);
    if (result == ERR_OK) {
        *chain = next;
    }
    return result;
}

/* `expected` at `*at`, which moves behind it. */
static bool skip(struct bytes *at, const char *expected)
{
    size_t size = strlen(expected);
    if (at->size < size || memcmp(at->data, expected, size) != 0) {
        return false;
    }
    at->data += size;
    at->size -= size;
    return true;
}

static bool read_number(struct bytes *at, uint64_t *number)
{
    size_t digits = 0;
    *number = 0;
    for (; at->size > 0 && *at->data >= '0' && *at->data <= '9' && digits < 19; at->data++, at->size--) {
        *number = 10 * *number + (uint64_t)(*at->data - '0');
        digits++;
    }
    return digits > 0;
}

static bool read_hash(struct bytes *at, uint8_t *hash)
{
    struct bytes hex = {.data = at->data, .size = at->size < HEX_SIZE ? at->size : HEX_SIZE};
    if (!audit_hash_parse(hex, hash)) {
        return false;
    }
    at->data += HEX_SIZE;
    at->size -= HEX_SIZE;
    return true;
}

enum audit_fault audit_chain_check(struct audit_chain *chain, struct bytes line)
{
    struct audit_chain said;
    uint8_t previous[AUDIT_HASH_SIZE];
    uint8_t real[AUDIT_HASH_SIZE];
    struct bytes head = line;
    if (line.size < END_SIZE || line.size >= AUDIT_LINE_MAX || !skip(&head, "{\"seq\":") ||
        !read_number(&head, &said.sequence) || !skip(&head, ",\"prev\":\"") || !read_hash(&head, previous) ||
        !skip(&head, "\",") || head.size < END_SIZE) {
        return AUDIT_MALFORMED;
    }
    struct bytes tail = {.data = line.data + line.size - END_SIZE, .size = END_SIZE};
    if (!skip(&tail, ",\"hash\":\"") || !read_hash(&tail, said.hash) || !skip(&tail, "\"}") ||
        digest_sha256((struct bytes){.data = line.data, .size = line.size - END_SIZE}, real) != ERR_OK) {
        return AUDIT_MALFORMED;
    }
    bool first = chain->sequence == 0;
    bool follows =
        said.sequence == chain->sequence + 1 && memcmp(previous, chain->hash, AUDIT_HASH_SIZE) == 0;
    bool changed = memcmp(real, said.hash, AUDIT_HASH_SIZE) != 0;
    *chain = said;
    return changed ? AUDIT_CHANGED : first || follows ? AUDIT_GOOD : AUDIT_BROKEN;
}

const char *audit_fault_text(enum audit_fault fault)
{
    static const char *const texts[] = {
        [AUDIT_GOOD] = "good",
        [AUDIT_MALFORMED] = "is no audit record, or only a part of one",
        [AUDIT_CHANGED] = "was changed after it was written",
        [AUDIT_BROKEN] = "does not follow the record before: something is missing, moved or added",
    };
    return texts[fault];
}
