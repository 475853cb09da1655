/*
 * tls_front: speaks TLS for a plain peer: a thread of the test that takes connections on a free port of
 * 127.0.0.1, one after the other, and passes bytes on. Made of OpenSSL alone.
 */
#ifndef BOURDON_TESTS_TLS_FRONT_H
#define BOURDON_TESTS_TLS_FRONT_H

#include <stdint.h>

struct tls_front_options {
    const char *certificate;
    const char *key;
    const char *ca;     /* that clients must come from; NULL = any or none */
    const char *suites; /* of TLS 1.2, which is then the only version; NULL = TLS 1.2 and 1.3 */
    uint16_t plain_port;
};

struct tls_front;

struct tls_front *tls_front_start(const struct tls_front_options *options);
void tls_front_stop(struct tls_front *front); /* NULL is fine */
uint16_t tls_front_port(const struct tls_front *front);

#endif
