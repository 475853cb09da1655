#include "store/jetstream_place.h"

#include "base/array.h"
#include "base/options.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct key {
    const char *name;
    size_t offset;
    enum { COUNT, SIZE, DURATION, FILE_NAME } kind;
} keys[] = {
    {"replicas", offsetof(struct jetstream_place, replicas), COUNT},
    {"max_bytes", offsetof(struct jetstream_place, max_bytes), SIZE},
    {"max_age", offsetof(struct jetstream_place, max_age_us), DURATION},
    {"duplicates", offsetof(struct jetstream_place, duplicates_us), DURATION},
    {"credentials", offsetof(struct jetstream_place, credentials), FILE_NAME},
    {"ca", offsetof(struct jetstream_place, ca), FILE_NAME},
    {"certificate", offsetof(struct jetstream_place, certificate), FILE_NAME},
    {"key", offsetof(struct jetstream_place, key), FILE_NAME},
};

static enum err add_server(struct jetstream_place *place, const char *text, size_t size, struct err_text *why)
{
    if (size == 0 || memchr(text, '@', size) || place->server_count == JETSTREAM_SERVERS_MAX ||
        size + sizeof "nats://" > JETSTREAM_SERVER_MAX) {
        return err_set(why, ERR_CONFIG, "\"%.*s\" is not HOST:PORT, or one too many", (int)size, text);
    }
    snprintf(place->servers[place->server_count++], JETSTREAM_SERVER_MAX, "nats://%.*s", (int)size, text);
    return ERR_OK;
}

static enum err set_name(struct jetstream_place *place, const char *text, size_t size, struct err_text *why)
{
    bool good = size > 0 && size <= JETSTREAM_NAME_MAX;
    for (size_t i = 0; i < size && good; i++) {
        good = isalnum((unsigned char)text[i]) || text[i] == '-' || text[i] == '_';
    }
    if (!good) {
        return err_set(why, ERR_CONFIG, "\"%.*s\" is not a name of 1 to %d letters, digits, - and _",
                       (int)size, text, JETSTREAM_NAME_MAX);
    }
    snprintf(place->name, sizeof place->name, "%.*s", (int)size, text);
    return ERR_OK;
}

static bool parse_value(const struct key *key, const char *text, struct jetstream_place *place)
{
    void *field = (char *)place + key->offset;
    switch (key->kind) {
    case COUNT:
        *(int64_t *)field = text[0] - '0';
        return text[0] >= '1' && text[0] <= '0' + JETSTREAM_REPLICAS_MAX && text[1] == '\0';
    case SIZE:
        return option_parse_size(text, field) && *(int64_t *)field >= 0;
    case DURATION:
        return option_parse_duration(text, field) && *(int64_t *)field >= 0;
    case FILE_NAME:
        break;
    }
    snprintf(field, JETSTREAM_FILE_MAX, "%s", text);
    return strlen(text) < JETSTREAM_FILE_MAX;
}

static enum err set_key(struct jetstream_place *place, const char *text, size_t size, struct err_text *why)
{
    char pair[2 * JETSTREAM_FILE_MAX];
    snprintf(pair, sizeof pair, "%.*s", (int)size, text);
    char *value = strchr(pair, '=');
    if (value) {
        *value++ = '\0';
    }
    for (size_t i = 0; value && i < ARRAY_LENGTH(keys); i++) {
        if (strcmp(keys[i].name, pair) == 0) {
            return parse_value(&keys[i], value, place)
                       ? ERR_OK
                       : err_set(why, ERR_CONFIG, "%s: \"%s\" is not a value for it", pair, value);
        }
    }
    return err_set(
        why, ERR_CONFIG,
        "\"%s\" is none of replicas, max_bytes, max_age, duplicates, credentials, ca, certificate, key",
        pair);
}

/* Calls `item` for each part of `text` up to `end`, which `separator` divides. */
static enum err each(const char *text, const char *end, char separator, struct jetstream_place *place,
                     enum err (*item)(struct jetstream_place *, const char *, size_t, struct err_text *),
                     struct err_text *why)
{
    enum err result = ERR_OK;
    while (result == ERR_OK && text <= end) {
        const char *stop = memchr(text, separator, (size_t)(end - text));
        stop = stop ? stop : end;
        result = item(place, text, (size_t)(stop - text), why);
        text = stop + 1;
    }
    return result;
}

enum err jetstream_place_parse(const char *text, struct jetstream_place *place, struct err_text *why)
{
    *place = (struct jetstream_place){.replicas = 1, .duplicates_us = 120000000};
    const char *slash = strchr(text, '/');
    if (!slash) {
        return err_set(why, ERR_CONFIG, "the name is missing: jetstream://HOST:PORT/NAME");
    }
    const char *question = strchr(slash, '?');
    const char *end = text + strlen(text);
    enum err result = each(text, slash, ',', place, add_server, why);
    if (result == ERR_OK) {
        result = set_name(place, slash + 1, (size_t)((question ? question : end) - slash - 1), why);
    }
    if (result == ERR_OK && question) {
        result = each(question + 1, end, '&', place, set_key, why);
    }
    return result;
}
