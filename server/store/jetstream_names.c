#include "store/jetstream_names.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void hex(const uint8_t *data, size_t size, char *text)
{
    for (size_t i = 0; i < size; i++) {
        snprintf(text + 2 * i, 3, "%02x", data[i]);
    }
}

/* A dot would divide the subject. "=" is in no name. */
static void token_of(const char *bridge, char *token)
{
    snprintf(token, JETSTREAM_BRIDGE_MAX + 1, "%s", bridge);
    for (char *at = token; *at; at++) {
        *at = *at == '.' ? '=' : *at;
    }
}

char *jetstream_mark_subject(const char *name, const char *bridge, const uint8_t *epoch, char *text)
{
    char token[JETSTREAM_BRIDGE_MAX + 1];
    char digits[2 * BATCH_EPOCH_SIZE + 1];
    token_of(bridge, token);
    hex(epoch, BATCH_EPOCH_SIZE, digits);
    snprintf(text, JETSTREAM_SUBJECT_MAX, "%s.mark.%s.%s", name, token, digits);
    return text;
}

char *jetstream_batch_subject(const char *name, const char *bridge, const struct batch_identity *identity,
                              char *text)
{
    char token[JETSTREAM_BRIDGE_MAX + 1];
    char digits[2 * BATCH_EPOCH_SIZE + 1];
    token_of(bridge, token);
    hex(identity->epoch, BATCH_EPOCH_SIZE, digits);
    snprintf(text, JETSTREAM_SUBJECT_MAX, "%s.batch.%s.%s.%" PRIu64, name, token, digits, identity->sequence);
    return text;
}

char *jetstream_batch_id(const char *place, const uint8_t *digest, char *text)
{
    char digits[2 * BATCH_DIGEST_SIZE + 1];
    hex(digest, BATCH_DIGEST_SIZE, digits);
    snprintf(text, JETSTREAM_SUBJECT_MAX, "%s.%s", place, digits);
    return text;
}

char *jetstream_catalog_subject(const char *name, const uint8_t *hash, char *text)
{
    char digits[2 * CATALOG_HASH_SIZE + 1];
    hex(hash, CATALOG_HASH_SIZE, digits);
    snprintf(text, JETSTREAM_SUBJECT_MAX, "%s.catalog.%s", name, digits);
    return text;
}

char *jetstream_about_write(const struct jetstream_about *about, char *text)
{
    snprintf(text, JETSTREAM_SUBJECT_MAX, "%s %" PRId64 " %" PRId64 " %d", about->bridge, about->received_us,
             about->committed_us, about->historical);
    return text;
}

/* The next number of the text, which a space or the end follows; `*at` moves behind it. */
static bool read_number(const char **at, int64_t *number)
{
    char *end = NULL;
    errno = 0;
    *number = strtoll(*at, &end, 10);
    bool good = end != *at && errno == 0 && (*end == ' ' || *end == '\0');
    *at = *end == ' ' ? end + 1 : end;
    return good;
}

bool jetstream_about_read(const char *text, struct jetstream_about *about)
{
    const char *space = text ? strchr(text, ' ') : NULL;
    size_t length = space ? (size_t)(space - text) : 0;
    int64_t historical;
    if (length == 0 || length > JETSTREAM_BRIDGE_MAX) {
        return false;
    }
    memcpy(about->bridge, text, length);
    about->bridge[length] = '\0';
    const char *at = space + 1;
    bool good = read_number(&at, &about->received_us) && read_number(&at, &about->committed_us) &&
                read_number(&at, &historical) && *at == '\0' && at[-1] != ' ' &&
                (historical == 0 || historical == 1);
    about->historical = good && historical == 1;
    return good;
}
