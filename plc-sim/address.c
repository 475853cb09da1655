#include "address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse_port(const char *text, uint16_t *port)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || value > UINT16_MAX) {
        return false;
    }
    *port = (uint16_t)value;
    return true;
}

bool address_parse(const char *text, struct address *address)
{
    static const char serial[] = "rtu:";
    *address = (struct address){.serial = strncmp(text, serial, sizeof serial - 1) == 0};
    if (address->serial) {
        int size = snprintf(address->host, sizeof address->host, "%s", text + sizeof serial - 1);
        return size < (int)sizeof address->host;
    }
    char port[IO_PORT_MAX];
    return io_split_address(text, address->host, port) && parse_port(port, &address->port);
}

void address_format(const struct address *address, char *text)
{
    bool v6 = strchr(address->host, ':') != NULL;
    if (address->serial) {
        (void)snprintf(text, ADDRESS_TEXT_MAX, "%s", address->host);
    } else {
        (void)snprintf(text, ADDRESS_TEXT_MAX, "%s%s%s:%u", v6 ? "[" : "", address->host, v6 ? "]" : "",
                       address->port);
    }
}
