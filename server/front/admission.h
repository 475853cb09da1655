/*
 * admission: how many connections may be open, in all and from one address, so that hostile peers starve
 * nobody. How many handshakes may be in progress is each listener's own to say (front/handshakes.h). An IPv6
 * peer counts by its /64. Shared by all loops; any thread.
 */
#ifndef BOURDON_SERVER_FRONT_ADMISSION_H
#define BOURDON_SERVER_FRONT_ADMISSION_H

#include "server_metrics.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct admission_limits {
    size_t connections;
    size_t per_address;
};

enum admission_result {
    ADMISSION_GRANTED,
    ADMISSION_TOO_MANY,
    ADMISSION_TOO_MANY_OF_ADDRESS,
    ADMISSION_TOO_MANY_HANDSHAKES,
};

struct admission;
struct admission_address; /* what one address has open */

/* NULL: out of memory. Keeps the gauges of connections and handshakes in `metrics`. */
MUST_USE struct admission *admission_new(const struct admission_limits *limits,
                                         struct server_metrics *metrics);
void admission_free(struct admission *admission); /* after every connection has left; NULL is fine */
void admission_set_limits(struct admission *admission, const struct admission_limits *limits);

/*
 * A connection begins, with its handshake, if its listener has a place for one. GRANTED: `*address` is to be
 * given back by admission_leave(). Out of memory counts as too many.
 */
enum admission_result admission_enter(struct admission *admission, const struct sockaddr_storage *from,
                                      bool has_place, struct admission_address **address);
void admission_handshake_done(struct admission *admission, struct admission_address *address);
void admission_leave(struct admission *admission, struct admission_address *address);

/* Handshakes that an address has in progress. */
size_t admission_handshakes(struct admission *admission, const struct admission_address *address);
size_t admission_handshakes_from(struct admission *admission, const struct sockaddr_storage *from);

/* The most that any address has in progress; ADMISSION_CROWD stands for that many or more. */
enum { ADMISSION_CROWD = 4096 };
size_t admission_most_handshakes(struct admission *admission);

/* For logs: "connections", "connections_per_address", "handshakes". */
const char *admission_result_name(enum admission_result result);

#endif
