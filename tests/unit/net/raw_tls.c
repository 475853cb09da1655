#include "raw_tls.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PATIENCE_S = 20 };

static int alpn_chosen(SSL *ssl, const unsigned char **chosen, unsigned char *size,
                       const unsigned char *offered, unsigned int offered_size, void *owner)
{
    (void)ssl;
    (void)owner;
    (void)offered_size;
    *chosen = offered + 1; // the first, whatever it is
    *size = offered[0];
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *make_context(const struct raw_tls *peer)
{
    SSL_CTX *context = SSL_CTX_new(peer->server ? TLS_server_method() : TLS_client_method());
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_cipher_list(context, peer->ciphers ? peer->ciphers : "ALL:@SECLEVEL=0");
    if (peer->suites) {
        SSL_CTX_set_ciphersuites(context, peer->suites);
    }
    if (peer->fragment_512) {
        SSL_CTX_set_tlsext_max_fragment_length(context, TLSEXT_max_fragment_length_512);
    }
    if (peer->version) {
        SSL_CTX_set_min_proto_version(context, peer->version);
        SSL_CTX_set_max_proto_version(context, peer->version);
    }
    if (peer->certificate) {
        SSL_CTX_use_certificate_chain_file(context, peer->certificate);
        SSL_CTX_use_PrivateKey_file(context, peer->key, SSL_FILETYPE_PEM);
    }
    if (peer->alpn && peer->server) {
        SSL_CTX_set_alpn_select_cb(context, alpn_chosen, NULL);
    } else if (peer->alpn) {
        unsigned char offer[64];
        offer[0] = (unsigned char)strlen(peer->alpn);
        memcpy(offer + 1, peer->alpn, offer[0]);
        SSL_CTX_set_alpn_protos(context, offer, offer[0] + 1U);
    }
    return context;
}

static void note_alert(struct raw_tls *peer)
{
    for (unsigned long error = ERR_get_error(); error != 0; error = ERR_get_error()) {
        if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET) {
            peer->alert = ERR_GET_REASON(error) - SSL_AD_REASON_OFFSET;
        }
    }
}

static void note_facts(struct raw_tls *peer, SSL *ssl)
{
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
    peer->chain_length = sk_X509_num(chain);
    X509 *last = peer->chain_length > 0 ? sk_X509_value(chain, peer->chain_length - 1) : NULL;
    peer->chain_to_root = last && X509_NAME_cmp(X509_get_subject_name(last), X509_get_issuer_name(last)) == 0;
    peer->fragment = SSL_SESSION_get_max_fragment_length(SSL_get0_session(ssl));
    peer->secure_renegotiation = SSL_get_secure_renegotiation_support(ssl) != 0;
    peer->compression = SSL_get_current_compression(ssl) ? 1 : 0;
    (void)snprintf(peer->cipher, sizeof peer->cipher, "%s", SSL_get_cipher_name(ssl));
}

/* Until the other side has refused, or taken part: a client's SSL_renegotiate() waits for its HelloRequest.
 */
static void renegotiate(struct raw_tls *peer, SSL *ssl)
{
    char space[16];
    size_t got = 0;
    peer->renegotiated = SSL_renegotiate(ssl) == 1 && SSL_do_handshake(ssl) == 1 &&
                         SSL_read_ex(ssl, space, sizeof space, &got) == 1;
    note_alert(peer);
}

static void converse(struct raw_tls *peer, SSL *ssl)
{
    peer->shook_hands = SSL_do_handshake(ssl) == 1;
    if (!peer->shook_hands) {
        note_alert(peer);
        return;
    }
    note_facts(peer, ssl);
    if (peer->renegotiates) {
        renegotiate(peer, ssl);
        return;
    }
    if (peer->send) {
        SSL_write(ssl, peer->send, (int)strlen(peer->send));
    }
    if (peer->silent_end) {
        return;
    }
    if (SSL_read_ex(ssl, peer->received, sizeof peer->received, &peer->received_size) != 1) {
        note_alert(peer);
    }
    peer->resumable = SSL_SESSION_is_resumable(SSL_get0_session(ssl)) == 1;
    SSL_shutdown(ssl);
}

static void *run(void *owner)
{
    struct raw_tls *peer = owner;
    int fd = peer->fd;
    if (peer->server) {
        fd = accept(peer->fd, NULL, NULL);
        close(peer->fd);
    }
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    SSL_CTX *context = make_context(peer);
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    if (peer->server) {
        SSL_set_accept_state(ssl);
    } else {
        SSL_set_connect_state(ssl);
    }
    converse(peer, ssl);
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
    return NULL;
}

void raw_tls_start(struct raw_tls *peer)
{
    peer->alert = -1;
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (peer->server) {
        ck_assert_int_eq(bind(peer->fd, (struct sockaddr *)&address, size), 0);
        ck_assert_int_eq(listen(peer->fd, 1), 0);
        ck_assert_int_eq(getsockname(peer->fd, (struct sockaddr *)&address, &size), 0);
        peer->port = ntohs(address.sin_port);
    } else {
        address.sin_port = htons(peer->port);
        ck_assert_int_eq(connect(peer->fd, (struct sockaddr *)&address, size), 0);
    }
    ck_assert_int_eq(pthread_create(&peer->thread, NULL, run, peer), 0);
}

void raw_tls_join(struct raw_tls *peer)
{
    pthread_join(peer->thread, NULL);
}
