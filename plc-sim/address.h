/*
 * address: where an endpoint is found: "127.0.0.1:1502", "[::1]:0" for Modbus TCP, or "rtu:/tmp/plc" for a
 * serial line on a pseudo terminal with a symbolic link ("rtu:" = without). Pure.
 */
#ifndef BOURDON_PLCSIM_ADDRESS_H
#define BOURDON_PLCSIM_ADDRESS_H

#include "net/io.h"

struct address {
    bool serial;
    char host[IO_HOST_MAX]; /* of the serial line: the path of the link, or "" */
    uint16_t port;          /* 0 = a free one */
};

/* False: the text is neither. */
bool address_parse(const char *text, struct address *address);

enum { ADDRESS_TEXT_MAX = IO_HOST_MAX + IO_PORT_MAX };

/* Writes what clients connect to into text[ADDRESS_TEXT_MAX]. */
void address_format(const struct address *address, char *text);

#endif
