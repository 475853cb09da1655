/* socket: what every TCP socket of ours gets, and how it is spoken of. Inside lib/net only; any thread. */
#ifndef BOURDON_NET_SOCKET_H
#define BOURDON_NET_SOCKET_H

#include "base/err.h"

#include <sys/socket.h>

enum {
    SOCKET_ADDRESS_MAX = 64,       /* of "[v6]:port" with a scope */
    SOCKET_KEEPALIVE_IDLE_S = 30,  /* silence before the first probe */
    SOCKET_KEEPALIVE_EVERY_S = 10, /* between probes */
    SOCKET_KEEPALIVE_COUNT = 3,    /* unanswered probes that end a connection */
    SOCKET_USER_TIMEOUT_MS = 60000 /* unacknowledged bytes that end a connection */
};

/* No delay, keep-alive and user timeout, as far as the kind of socket has them. */
void socket_tune(int fd);

/* Writes "192.0.2.7:40112", "[2001:db8::7]:40112" or "local" into text[SOCKET_ADDRESS_MAX]. */
void socket_address_text(const struct sockaddr_storage *address, char *text);

/* An errno of a connection as a class and in words. */
enum err socket_explain(int error_number, struct err_text *why);

#endif
