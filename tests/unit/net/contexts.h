/*
 * contexts: a plant of certificates for a suite, and TLS contexts of its files. For tests of this folder.
 */
#ifndef BOURDON_TESTS_CONTEXTS_H
#define BOURDON_TESTS_CONTEXTS_H

#include "net/tls.h"
#include "support/certificates.h"

/* Made in main() by contexts_make_plant(): besides what every plant has, bridge/cell-4 with the role
 * CONTEXTS_ROLE, bridge/rsa, server/localhost (whose only alternative name is 127.0.0.1), and the
 * bad set. */
extern struct certificates plant;
#define CONTEXTS_ROLE "Reader of $HOME, \"quoted\" \xc3\xa9"

void contexts_make_plant(void);

/* What a context is made of; the files are the plant's. */
struct wish {
    enum tls_side side;
    const char *pair; /* e.g. "bridge/cell-3" */
    const char *ca;   /* NULL = "ca.pem", "" = none */
    const char *crl;  /* NULL = none */
    const char *alpn;
    bool tls12;
    enum tls_profile profile;
    const char *second; /* another pair; NULL = none */
    const char *pin;
    const char *ciphers;
    bool fragment_512;
};

/* server/control and bridge/cell-3, with crl.pem, for bourdon/1. */
struct wish server_wish(void);
struct wish client_wish(void);

enum err try_context(const struct wish *wish, struct tls_context **context, struct err_text *why);
/* Ends the test if the context cannot be made. */
struct tls_context *context_of(const struct wish *wish);

/* The path of the plant's file `name` with `end` behind it, in one of eight places used in turn. */
const char *file(const char *name, const char *end);
/* Copies a small file; `flags` as of fopen(). */
void copy_file(const char *from, const char *to, const char *flags);
/* Writes a file that only its owner may read. */
void write_file(const char *path, const char *content);

#endif
