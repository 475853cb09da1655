#include "net/io.h"

#include <string.h>

/* Copies text[0..size) if it fits. */
static bool take(char *to, size_t space, const char *text, size_t size)
{
    if (size == 0 || size >= space) {
        return false;
    }
    memcpy(to, text, size);
    to[size] = '\0';
    return true;
}

/* The resolver would take 99999 for 34463, and a name for whatever /etc/services says. */
static bool is_port(const char *text)
{
    enum { PORT_MAX = 65535, BASE = 10 };
    unsigned port = 0;
    for (const char *digit = text; *digit; digit++) {
        if (*digit < '0' || *digit > '9' || (port == 0 && digit > text)) {
            return false;
        }
        port = port * BASE + (unsigned)(*digit - '0');
        if (port > PORT_MAX) {
            return false;
        }
    }
    return true;
}

bool io_split_address(const char *text, char *host, char *port)
{
    const char *colon = strrchr(text, ':');
    if (!colon || !take(port, IO_PORT_MAX, colon + 1, strlen(colon + 1)) || !is_port(port)) {
        return false;
    }
    size_t size = (size_t)(colon - text);
    if (text[0] == '[') {
        return size > 2 && text[size - 1] == ']' && take(host, IO_HOST_MAX, text + 1, size - 2);
    }
    return strcspn(text, ":[]") == size && take(host, IO_HOST_MAX, text, size);
}
