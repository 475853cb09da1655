#include "net/tls_context.h"

#include "net/tls_files.h"
#include "net/tls_identity.h"
#include "net/tls_profile.h"
#include "net/tls_session.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/* Level 2 of OpenSSL: 112 bits of security; RSA below 2048 bits and SHA-1 signatures are refused. */
enum { SECURITY_LEVEL = 2 };

static int64_t first_crl_end_us(const SSL_CTX *ssl)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(ssl));
    int64_t first = 0;
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        const X509_CRL *list = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, i));
        int64_t end = list ? tls_identity_time_us(X509_CRL_get0_nextUpdate(list)) : 0;
        if (end != 0 && (first == 0 || end < first)) {
            first = end;
        }
    }
    return first;
}

/* --- policy ------------------------------------------------------------------------------------------- */

static enum err set_policy(SSL_CTX *ssl, const struct tls_options *options, struct err_text *why)
{
    static const unsigned char session_context[] = "bourdon";
    SSL_CTX_set_security_level(ssl, SECURITY_LEVEL);
    SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify_depth(ssl, TLS_CHAIN_DEPTH_MAX);
    SSL_CTX_set_max_cert_list(ssl, TLS_CHAIN_BYTES_MAX);
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    // The certificate file says what is sent. OpenSSL would add the root, which the peer has, and which costs
    // each connection 4 kB at the peer, and a check of our own chain in each handshake.
    SSL_CTX_set_mode(ssl, SSL_MODE_NO_AUTO_CHAIN);
    // Otherwise a peer's flood of messages without data would keep one call of SSL_read() busy.
    SSL_CTX_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
    // No resumption: the roles, dates and revocation of a peer are judged on every connection.
    bool good = SSL_CTX_set_num_tickets(ssl, 0) == 1 &&
                SSL_CTX_set_session_id_context(ssl, session_context, sizeof session_context - 1) == 1;
    return good ? tls_profile_apply(ssl, options, why)
                : tls_files_explain(why, "TLS policy of", options->certificate);
}

static bool is_given(const char *text)
{
    return text && text[0] != '\0';
}

static void note_end(struct tls_context *context)
{
    const ASN1_TIME *end = X509_get0_notAfter(SSL_CTX_get0_certificate(context->ssl));
    int64_t end_us = tls_identity_time_us(end);
    if (context->not_after_us == 0 || end_us < context->not_after_us) {
        context->not_after_us = end_us;
    }
}

static enum err load_pair(struct tls_context *context, const struct tls_options *options,
                          const struct tls_pair *pair, struct err_text *why)
{
    enum err result = tls_files_load_pair(context->ssl, pair->certificate, pair->key, why);
    if (result == ERR_OK) {
        note_end(context);
    }
    // Without authorities there is nothing to complete it from: the file says what is sent.
    if (result == ERR_OK && tls_profile_is_mbaps(options->profile) && is_given(options->ca)) {
        result = tls_files_complete_chain(context->ssl, pair->certificate, why);
    }
    return result;
}

static int key_kind(const SSL_CTX *ssl)
{
    return EVP_PKEY_get_base_id(X509_get0_pubkey(SSL_CTX_get0_certificate(ssl)));
}

/* OpenSSL keeps one pair of each kind and gives each peer the one it can verify; another of the same kind
 * would silently take the place of the first. */
static enum err load_pairs(struct tls_context *context, const struct tls_options *options,
                           struct err_text *why)
{
    const struct tls_pair first = {.certificate = options->certificate, .key = options->key};
    enum err result = load_pair(context, options, &first, why);
    if (result != ERR_OK) {
        return result;
    }
    struct tls_peer ourselves;
    tls_identity_read(SSL_CTX_get0_certificate(context->ssl), &ourselves);
    memcpy(context->bridge, ourselves.bridge, sizeof context->bridge);
    if (!is_given(options->second.certificate)) {
        return ERR_OK;
    }
    int kind = key_kind(context->ssl);
    result = load_pair(context, options, &options->second, why);
    if (result == ERR_OK && key_kind(context->ssl) == kind) {
        result =
            err_set(why, ERR_CONFIG,
                    "certificates %s and %s: both have the same kind of key: one is to be RSA, the other "
                    "P-256",
                    options->certificate, options->second.certificate);
    }
    return result;
}

/* "ab:CD:…", as `openssl x509 -fingerprint -sha256` prints it; the colons may be left out. */
static enum err read_pin(struct tls_context *context, const char *text, struct err_text *why)
{
    if (!is_given(text)) {
        return ERR_OK;
    }
    size_t size = 0;
    context->pinned = OPENSSL_hexstr2buf_ex(context->pin, sizeof context->pin, &size, text, ':') == 1 &&
                      size == sizeof context->pin;
    ERR_clear_error();
    return context->pinned ? ERR_OK
                           : err_set(why, ERR_CONFIG,
                                     "pin '%s': is not the SHA-256 fingerprint of a certificate, 64 "
                                     "hexadecimal digits (openssl x509 -noout -fingerprint -sha256 -in FILE)",
                                     text);
}

/* A client that knows the very certificate needs nobody to vouch for it. */
static enum err load_authorities(struct tls_context *context, const struct tls_options *options,
                                 struct err_text *why)
{
    if (context->pinned && !is_given(options->ca)) {
        return ERR_OK;
    }
    return tls_files_load_authorities(context->ssl, options->side, options->ca, why);
}

static enum err load(struct tls_context *context, const struct tls_options *options, struct err_text *why)
{
    enum err result = set_policy(context->ssl, options, why);
    if (result == ERR_OK) {
        result = read_pin(context, options->pin, why);
    }
    if (result == ERR_OK) {
        result = load_authorities(context, options, why);
    }
    if (result == ERR_OK) {
        result = load_pairs(context, options, why);
    }
    if (result == ERR_OK) {
        result = tls_files_load_revocations(context->ssl, options->crl, why);
    }
    if (result == ERR_OK) {
        result = tls_session_prepare(context, why);
    }
    return result;
}

/* --- the handle --------------------------------------------------------------------------------------- */

static char *copy(const char *text)
{
    return strdup(text ? text : "");
}

static struct tls_context *allocate(const struct tls_options *options)
{
    struct tls_context *context = calloc(1, sizeof *context);
    if (!context) {
        return NULL;
    }
    atomic_init(&context->references, 1);
    context->side = options->side;
    context->allow_tls12 = options->allow_tls12 || tls_profile_is_mbaps(options->profile);
    context->ca = copy(options->ca);
    context->certificate = copy(options->certificate);
    context->crl = copy(options->crl);
    context->alpn = copy(options->alpn);
    context->ssl = SSL_CTX_new(options->side == TLS_SERVER ? TLS_server_method() : TLS_client_method());
    if (context->ca && context->certificate && context->crl && context->alpn && context->ssl) {
        return context;
    }
    tls_context_unref(context);
    return NULL;
}

enum err tls_context_new(const struct tls_options *options, struct tls_context **context,
                         struct err_text *why)
{
    *context = NULL;
    struct tls_context *made = allocate(options);
    if (!made) {
        return err_set(why, ERR_NO_MEMORY, "TLS: out of memory");
    }
    enum err result = load(made, options, why);
    if (result != ERR_OK) {
        tls_context_unref(made);
        return result;
    }
    made->crl_end_us = first_crl_end_us(made->ssl);
    *context = made;
    return ERR_OK;
}

struct tls_context *tls_context_ref(struct tls_context *context)
{
    atomic_fetch_add(&context->references, 1);
    return context;
}

void tls_context_unref(struct tls_context *context)
{
    if (!context || atomic_fetch_sub(&context->references, 1) != 1) {
        return;
    }
    SSL_CTX_free(context->ssl);
    free(context->ca);
    free(context->certificate);
    free(context->crl);
    free(context->alpn);
    free(context);
}

int64_t tls_context_not_after_us(const struct tls_context *context)
{
    return context->not_after_us;
}

int64_t tls_context_crl_end_us(const struct tls_context *context)
{
    return context->crl_end_us;
}

const char *tls_context_bridge(const struct tls_context *context)
{
    return context->bridge;
}
