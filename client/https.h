/*
 * https: asks a server for something by HTTP(S), with a certificate of one's own. The only file that knows
 * libcurl. Blocks; one thread.
 *
 * TLS 1.2 or later; the server's certificate must be by the given authority and for the name in the URL. No
 * redirection is followed and no proxy used: what is asked for comes from the host that was named.
 */
#ifndef BOURDON_CLIENT_HTTPS_H
#define BOURDON_CLIENT_HTTPS_H

#include "base/buffer.h"

#include <stdbool.h>

enum {
    HTTPS_BODY_MAX = 64 * 1024 * 1024,
    HTTPS_CONNECT_S = 15,
    HTTPS_SILENCE_S = 120, /* without a byte of the answer */
};

/* NULL = none; borrowed. Without `ca` the authorities of this machine count. */
struct https_files {
    const char *ca, *certificate, *key;
};

struct https;

MUST_USE enum err https_open(const struct https_files *files, struct https **https, struct err_text *why);
void https_close(struct https *https); /* NULL is fine */

/*
 * `body` gets the whole answer in place of what it held, `status` its HTTP status, `json` whether it says
 * that it is JSON. Any status is ERR_OK; an error says what failed on the way and what to do about it.
 */
MUST_USE enum err https_get(struct https *https, const char *url, struct buffer *body, long *status,
                            bool *json, struct err_text *why);

/* Appends "&name=value" with the value escaped; nothing where it is NULL. */
MUST_USE enum err https_add(struct https *https, struct buffer *url, const char *name, const char *value);

#endif
