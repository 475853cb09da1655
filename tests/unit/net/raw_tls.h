/*
 * raw_tls: a TLS peer made of OpenSSL alone, blocking, in a thread of its own, without any of our policy: it
 * offers what it is told, weak or wrong, and tells how it went. For tests of this folder.
 */
#ifndef BOURDON_TESTS_RAW_TLS_H
#define BOURDON_TESTS_RAW_TLS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct raw_tls {
    /* set by the test */
    bool server;             /* accepts one connection on a port of its own, else connects to `port` */
    const char *certificate; /* PEM paths; NULL = shows none */
    const char *key;
    int version;         /* the only one, e.g. TLS1_1_VERSION; 0 = any */
    const char *alpn;    /* NULL = none */
    const char *send;    /* after the handshake; NULL = nothing */
    const char *ciphers; /* of TLS 1.2; NULL = all there are, weak ones too */
    const char *suites;  /* of TLS 1.3; NULL = OpenSSL's own */
    bool fragment_512;   /* asks for records of at most 512 bytes */
    bool renegotiates;   /* tries to, after the handshake */
    bool silent_end;     /* closes the socket without close_notify */

    /* set by the peer */
    uint16_t port;
    bool shook_hands;
    int alert;         /* received, -1 = none */
    char received[64]; /* the first bytes */
    size_t received_size;
    char cipher[64];           /* agreed */
    int chain_length;          /* certificates the other side sent */
    bool chain_to_root;        /* the last of them is self-signed */
    int fragment;              /* what was agreed, an RFC 6066 code */
    bool secure_renegotiation; /* indicated by the other side: RFC 5746 */
    bool renegotiated;
    int compression; /* NID, 0 = none */
    bool resumable;  /* the server gave a session that could be taken up again */

    /* inside */
    int fd;
    pthread_t thread;
};

void raw_tls_start(struct raw_tls *peer);
void raw_tls_join(struct raw_tls *peer);

#endif
