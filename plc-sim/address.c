#include "address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool address_parse(const char *text, struct address *address)
{
    static const char serial[] = "rtu:";
    *address = (struct address){.serial = strncmp(text, serial, sizeof serial - 1) == 0};
    if (address->serial) {
        int size = snprintf(address->host, sizeof address->host, "%s", text + sizeof serial - 1);
        return size < (int)sizeof address->host;
    }
    char port[IO_PORT_MAX];
    if (!io_split_address(text, address->host, port)) {
        return false;
    }
    address->port = (uint16_t)strtoul(port, NULL, 10);
    return true;
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
