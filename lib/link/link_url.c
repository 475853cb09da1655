#include "link/link_url.h"

#include "base/array.h"

#include <stdbool.h>
#include <string.h>

enum {
    SILENCE_FAST_BAUD = 19200, /* above it the silence no longer shrinks */
    SILENCE_FAST_US = 1750,
};

/* Digits only, at least one, at most `max`. */
static bool parse_number(const char *text, size_t size, uint32_t max, uint32_t *value)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        number = number * 10 + (uint64_t)(text[i] - '0');
        if (number > max) {
            return false;
        }
    }
    *value = (uint32_t)number;
    return size > 0;
}

static bool is_host_character(char c, bool bracketed)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (bracketed) {
        return letter || c == ':' || c == '.' || c == '%';
    }
    return letter || c == '.' || c == '-' || c == '_';
}

static bool copy_host(const char *text, size_t size, bool bracketed, struct link_url *url)
{
    if (size == 0 || size > LINK_HOST_MAX) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (!is_host_character(text[i], bracketed)) {
            return false;
        }
    }
    memcpy(url->host, text, size);
    url->host[size] = '\0';
    return true;
}

static enum err parse_port(const char *text, struct link_url *url, struct err_text *why)
{
    uint32_t port = url->scheme == LINK_TLS ? LINK_TLS_PORT : LINK_TCP_PORT;
    if (*text == ':') {
        if (!parse_number(text + 1, strlen(text + 1), UINT16_MAX, &port) || port == 0) {
            return err_set(why, ERR_CONFIG, "'%s' is not a port (1 to 65535)", text + 1);
        }
    } else if (*text) {
        return err_set(why, ERR_CONFIG, "'%s' does not belong behind the host", text);
    }
    url->port = (uint16_t)port;
    return ERR_OK;
}

static enum err parse_host(const char *text, struct link_url *url, struct err_text *why)
{
    bool bracketed = *text == '[';
    const char *host = bracketed ? text + 1 : text;
    size_t size = strcspn(host, bracketed ? "]" : ":/?#");
    if (!copy_host(host, size, bracketed, url)) {
        return err_set(why, ERR_CONFIG, "'%.*s' is not a host", (int)size, host);
    }
    if (bracketed && host[size] != ']') {
        return err_set(why, ERR_CONFIG, "the bracket is not closed");
    }
    return parse_port(host + size + (bracketed ? 1 : 0), url, why);
}

static bool is_line_speed(uint32_t baud)
{
    static const uint32_t speeds[] = {1200,  2400,   4800,   9600,   19200,  38400,
                                      57600, 115200, 230400, 460800, 921600, 1000000};
    for (size_t i = 0; i < ARRAY_LENGTH(speeds); i++) {
        if (speeds[i] == baud) {
            return true;
        }
    }
    return false;
}

static bool set_parity(const char *value, size_t size, struct link_url *url)
{
    static const char *const names[] = {"none", "even", "odd"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
        if (strlen(names[i]) == size && memcmp(names[i], value, size) == 0) {
            url->parity = "NEO"[i];
            return true;
        }
    }
    return false;
}

/* One `key=value` of an RTU query; false if the key is unknown or the value not one of its. */
static bool set_line(const char *key, size_t key_size, const char *value, size_t size, struct link_url *url)
{
    uint32_t number = 0;
    if (key_size == 6 && memcmp(key, "parity", 6) == 0) {
        return set_parity(value, size, url);
    }
    if (!parse_number(value, size, 10000000, &number)) {
        return false;
    }
    if (key_size == 4 && memcmp(key, "baud", 4) == 0) {
        url->baud = number;
        return is_line_speed(number);
    }
    if (key_size == 4 && memcmp(key, "data", 4) == 0) {
        url->data_bits = (uint8_t)number;
        return number == 7 || number == 8;
    }
    if (key_size == 4 && memcmp(key, "stop", 4) == 0) {
        url->stop_bits = (uint8_t)number;
        return number == 1 || number == 2;
    }
    return false;
}

static enum err parse_query(const char *at, struct link_url *url, struct err_text *why)
{
    while (*at) {
        size_t size = strcspn(at, "&");
        const char *equals = memchr(at, '=', size);
        size_t key_size = equals ? (size_t)(equals - at) : size;
        if (!equals || !set_line(at, key_size, equals + 1, size - key_size - 1, url)) {
            return err_set(why, ERR_CONFIG,
                           "'%.*s' is not baud=1200…1000000, parity=none|even|odd, data=7|8 or stop=1|2",
                           (int)size, at);
        }
        at += size;
        at += *at == '&' ? 1 : 0;
    }
    return ERR_OK;
}

static enum err parse_rtu(const char *text, struct link_url *url, struct err_text *why)
{
    size_t size = strcspn(text, "?");
    if (size == 0 || text[0] != '/' || size > LINK_DEVICE_MAX) {
        return err_set(why, ERR_CONFIG, "'%.*s' is not the absolute path of a serial line", (int)size, text);
    }
    memcpy(url->device, text, size);
    url->device[size] = '\0';
    url->baud = 19200;
    url->parity = 'E';
    url->data_bits = 8;
    url->stop_bits = 0;
    enum err result = parse_query(text[size] ? text + size + 1 : text + size, url, why);
    if (url->stop_bits == 0) {
        url->stop_bits = url->parity == 'N' ? 2 : 1;
    }
    return result;
}

static const struct {
    const char *prefix;
    enum link_scheme scheme;
    enum err (*parse)(const char *text, struct link_url *url, struct err_text *why);
} schemes[] = {
    {"tcp://", LINK_TCP, parse_host},
    {"tls://", LINK_TLS, parse_host},
    {"rtu://", LINK_RTU, parse_rtu},
};

enum err link_url_parse(const char *text, struct link_url *url, struct err_text *why)
{
    for (size_t i = 0; i < ARRAY_LENGTH(schemes); i++) {
        size_t size = strlen(schemes[i].prefix);
        if (strncmp(text, schemes[i].prefix, size) == 0) {
            *url = (struct link_url){.scheme = schemes[i].scheme};
            return schemes[i].parse(text + size, url, why);
        }
    }
    *url = (struct link_url){.scheme = LINK_TCP};
    return err_set(why, ERR_CONFIG, "'%s' begins with none of tcp://, tls:// and rtu://", text);
}

int64_t link_url_characters_us(const struct link_url *url, int64_t characters)
{
    int64_t character_bits = 1 + url->data_bits + (url->parity == 'N' ? 0 : 1) + url->stop_bits;
    return (characters * character_bits * 1000000 + url->baud - 1) / url->baud;
}

int64_t link_url_silence_us(const struct link_url *url)
{
    return url->baud > SILENCE_FAST_BAUD ? SILENCE_FAST_US : (link_url_characters_us(url, 7) + 1) / 2;
}
