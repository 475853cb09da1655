/*
 * listener: a listening TCP socket that can stop listening and begin again on the same port, so that clients
 * meanwhile are refused by the kernel. In the loop's thread.
 */
#ifndef BOURDON_PLCSIM_LISTENER_H
#define BOURDON_PLCSIM_LISTENER_H

#include "net/loop.h"

#include <stdint.h>

enum {
    LISTENER_HOST_MAX = 64, /* a numeric address with its terminator */
    LISTENER_ADDRESS_MAX = LISTENER_HOST_MAX + 16,
};

struct listener;

/* "127.0.0.1:1502", "[::1]:0": numeric. False if the text is not one. */
bool listener_parse(const char *text, char *host, uint16_t *port);

/* Listens; accepted(owner, fd) gets each connection, non-blocking, and owns it. Port 0 = a free one. */
MUST_USE enum err listener_new(struct loop *loop, const char *host, uint16_t port,
                               void (*accepted)(void *owner, int fd), void *owner, struct listener **listener,
                               struct err_text *why);
void listener_free(struct listener *listener); /* NULL is fine */

/* Where clients connect to: "127.0.0.1:1502", with the port really bound. */
const char *listener_address(const struct listener *listener);

/* Stops listening, or begins again (trying anew at each call until the port can be had). */
void listener_set_open(struct listener *listener, bool open);

#endif
