#include "support/system.h"

#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

bool system_resolves(const char *host)
{
    struct addrinfo *list = NULL;
    bool known = getaddrinfo(host, NULL, NULL, &list) == 0;
    if (known) {
        freeaddrinfo(list);
    }
    return known;
}

bool system_has_terminals(void)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal >= 0) {
        close(terminal);
    }
    return terminal >= 0;
}
