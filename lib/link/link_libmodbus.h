/*
 * link_libmodbus: Modbus TCP and RTU through libmodbus, the only module of the bridge that includes it.
 *
 * What libmodbus 3.1.6 does not do is done here: it resolves names while blocking and IPv4 only (we connect
 * ourselves and hand it the socket), aborts on descriptors of 1024 and more (low_descriptor), restarts its
 * time-out with each byte (byte time-out off), and compares neither the length, nor the protocol, nor the
 * unit of an answer (the received frame is taken apart again by the strict codec of lib/modbus). Requests
 * over TCP are written here, because its own raw requests all bear transaction 0.
 */
#ifndef BOURDON_LINK_LINK_LIBMODBUS_H
#define BOURDON_LINK_LINK_LIBMODBUS_H

#include "link/link.h"

/* A disconnected link. ERR_LIMIT: more links than descriptors below 1024; ERR_NO_MEMORY; ERR_CONFIG. */
MUST_USE enum err link_libmodbus_new(const struct link_setup *setup, struct link **link,
                                     struct err_text *why);

#endif
