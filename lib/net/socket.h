/* socket: what every TCP socket of ours gets, and how it is spoken of. Inside lib/net only; any thread. */
#ifndef BOURDON_NET_SOCKET_H
#define BOURDON_NET_SOCKET_H

#include "base/err.h"

#include <stdint.h>
#include <sys/socket.h>

enum {
    SOCKET_ADDRESS_MAX = 64,      /* of "[v6]:port" with a scope */
    SOCKET_KEEPALIVE_IDLE_S = 30, /* silence before the first probe, at most … */
    SOCKET_KEEPALIVE_SPREAD_S =
        15, /* … and up to so much less, by chance: what came at once is not probed at
             * once, for a crowd of probes loses many, and who loses three is cut off */
    SOCKET_KEEPALIVE_EVERY_S = 10, /* between probes */
    SOCKET_KEEPALIVE_COUNT = 3,    /* unanswered probes that end a connection */
    SOCKET_USER_TIMEOUT_MS = 60000 /* unacknowledged bytes that end a connection */
};

/* No delay, keep-alive and user timeout, as far as the kind of socket has them. */
void socket_tune(int fd);

/* How long a connected TCP socket has been waiting for its peer, in ms: since it was accepted, or something
 * was last sent. 0 while more than SOCKET_SCRAP bytes are there to be read, or if the system does not say. */
enum { SOCKET_SCRAP = 63 }; /* less than any flight of a TLS client (RFC 8446): who trickles is waited for */
int64_t socket_waited_ms(int fd);

/* Writes "192.0.2.7:40112", "[2001:db8::7]:40112" or "local" into text[SOCKET_ADDRESS_MAX]. */
void socket_address_text(const struct sockaddr_storage *address, char *text);

/* An errno of a connection as a class and in words. */
enum err socket_explain(int error_number, struct err_text *why);

#endif
