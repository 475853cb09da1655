/*
 * link_url: where a link leads, as an operator writes it.
 *
 *   tcp://HOST[:PORT]      HOST a name, an IPv4 address or an IPv6 address in brackets; port 502 if none
 *   tls://HOST[:PORT]      the same with MODBUS/TCP Security; port 802 if none
 *   rtu:///dev/ttyS0?baud=19200&parity=even&stop=1&data=8
 *
 * Pure. Without a query an RTU line has the standard's 19200 baud, even parity, 8 data bits, 1 stop bit
 * (Modbus over Serial Line 1.02, section 2.5.1); with parity=none the stop bits default to 2, as it demands.
 */
#ifndef BOURDON_LINK_LINK_URL_H
#define BOURDON_LINK_LINK_URL_H

#include "base/err.h"

#include <stdint.h>

enum {
    LINK_HOST_MAX = 253, /* a DNS name, RFC 1035 */
    LINK_DEVICE_MAX = 255,
    LINK_TCP_PORT = 502,
    LINK_TLS_PORT = 802, /* IANA: mbap/TLS/TCP */
};

enum link_scheme { LINK_TCP, LINK_TLS, LINK_RTU };

struct link_url {
    enum link_scheme scheme;
    char host[LINK_HOST_MAX + 1];     /* LINK_TCP, LINK_TLS: without brackets */
    uint16_t port;                    /* LINK_TCP, LINK_TLS */
    char device[LINK_DEVICE_MAX + 1]; /* LINK_RTU: absolute path */
    uint32_t baud;
    char parity; /* 'N', 'E', 'O' */
    uint8_t data_bits;
    uint8_t stop_bits;
};

/* ERR_CONFIG with the reason, which names the wrong part. */
MUST_USE enum err link_url_parse(const char *text, struct link_url *url, struct err_text *why);

/* What `characters` take on the line, µs: start, data, parity and stop bits each. */
int64_t link_url_characters_us(const struct link_url *url, int64_t characters);

/* The silence between two frames, µs (Modbus over Serial Line 1.02, section 2.5.1.1). */
int64_t link_url_silence_us(const struct link_url *url);

#endif
