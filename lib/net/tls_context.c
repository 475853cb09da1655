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

struct loading {
    struct tls_context *context;
    const struct tls_options *options;
    const struct tls_faults *faults;
    enum err first; /* what went wrong first */
};

/* Whether a step went well; else it is told, and others go on behind it. */
static bool went_well(struct loading *loading, const char *option, enum err result,
                      const struct err_text *why)
{
    if (result != ERR_OK) {
        loading->faults->found(loading->faults->owner, option, why);
        loading->first = loading->first == ERR_OK ? result : loading->first;
    }
    return result == ERR_OK;
}

/* Without authorities there is nothing to complete a chain from: the file says what is sent. */
static enum err complete_chain(const struct loading *loading, const char *certificate, struct err_text *why)
{
    const struct tls_options *options = loading->options;
    bool wanted = tls_profile_is_mbaps(options->profile) && is_given(options->ca) && loading->first == ERR_OK;
    return wanted ? tls_files_complete_chain(loading->context->ssl, certificate, why) : ERR_OK;
}

static void load_pair(struct loading *loading, const struct tls_pair *pair)
{
    struct err_text why;
    SSL_CTX *ssl = loading->context->ssl;
    bool certified =
        went_well(loading, "certificate", tls_files_load_certificate(ssl, pair->certificate, &why), &why);
    const char *certificate = certified ? pair->certificate : NULL;
    (void)went_well(loading, "key", tls_files_load_key(ssl, pair->key, certificate, &why), &why);
    if (certified) {
        note_end(loading->context);
        (void)went_well(loading, "certificate", complete_chain(loading, certificate, &why), &why);
    }
}

static int key_kind(const SSL_CTX *ssl)
{
    return EVP_PKEY_get_base_id(X509_get0_pubkey(SSL_CTX_get0_certificate(ssl)));
}

/* OpenSSL keeps one pair of each kind and gives each peer the one it can verify; another of the same kind
 * would silently take the place of the first. */
static void load_second_pair(struct loading *loading)
{
    struct err_text why;
    SSL_CTX *ssl = loading->context->ssl;
    const struct tls_options *options = loading->options;
    if (loading->first != ERR_OK || !is_given(options->second.certificate)) {
        return;
    }
    int kind = key_kind(ssl);
    load_pair(loading, &options->second);
    if (loading->first == ERR_OK && key_kind(ssl) == kind) {
        enum err result =
            err_set(&why, ERR_CONFIG,
                    "certificates %s and %s: both have the same kind of key: one is to be RSA, the other "
                    "P-256",
                    options->certificate, options->second.certificate);
        (void)went_well(loading, "certificate", result, &why);
    }
}

/* Whose certificate it is, as the first of ours says. */
static void note_owner(struct tls_context *context)
{
    X509 *certificate = SSL_CTX_get0_certificate(context->ssl);
    struct tls_peer ourselves;
    if (certificate) {
        tls_identity_read(certificate, &ourselves);
        memcpy(context->bridge, ourselves.bridge, sizeof context->bridge);
    }
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
    if (is_given(options->pin) && !is_given(options->ca)) {
        return ERR_OK;
    }
    return tls_files_load_authorities(context->ssl, options->side, options->ca, why);
}

static void load_files(struct loading *loading)
{
    struct tls_context *context = loading->context;
    const struct tls_options *options = loading->options;
    const struct tls_pair pair = {.certificate = options->certificate, .key = options->key};
    struct err_text why;
    (void)went_well(loading, "pin", read_pin(context, options->pin, &why), &why);
    (void)went_well(loading, "ca", load_authorities(context, options, &why), &why);
    load_pair(loading, &pair);
    note_owner(context);
    load_second_pair(loading);
    (void)went_well(loading, "crl", tls_files_load_revocations(context->ssl, options->crl, &why), &why);
}

static enum err prepare(struct tls_context *context, const struct tls_options *options, struct err_text *why)
{
    enum err result = set_policy(context->ssl, options, why);
    return result == ERR_OK ? tls_session_prepare(context, why) : result;
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

enum err tls_context_load(const struct tls_options *options, const struct tls_faults *faults,
                          struct tls_context **context)
{
    struct err_text why;
    struct loading loading = {.context = allocate(options), .options = options, .faults = faults};
    *context = NULL;
    if (!loading.context) {
        enum err result = err_set(&why, ERR_NO_MEMORY, "TLS: out of memory");
        faults->found(faults->owner, "certificate", &why);
        return result;
    }
    enum err result = prepare(loading.context, options, &why);
    if (went_well(&loading, "certificate", result, &why)) { // else it is no file's fault
        load_files(&loading);
    }
    if (loading.first != ERR_OK) {
        tls_context_unref(loading.context);
        return loading.first;
    }
    loading.context->crl_end_us = first_crl_end_us(loading.context->ssl);
    *context = loading.context;
    return ERR_OK;
}

static void keep_first(void *owner, const char *option, const struct err_text *why)
{
    (void)option;
    struct err_text *kept = owner;
    if (kept->text[0] == '\0') {
        *kept = *why;
    }
}

enum err tls_context_new(const struct tls_options *options, struct tls_context **context,
                         struct err_text *why)
{
    struct err_text first = {""};
    const struct tls_faults faults = {.found = keep_first, .owner = &first};
    enum err result = tls_context_load(options, &faults, context);
    return result == ERR_OK ? ERR_OK : err_set(why, result, "%s", first.text);
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
