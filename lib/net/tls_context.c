#include "net/tls_context.h"

#include "base/array.h"
#include "net/tls_identity.h"
#include "net/tls_session.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Level 2 of OpenSSL: 112 bits of security; RSA below 2048 bits and SHA-1 signatures are refused. */
enum { SECURITY_LEVEL = 2 };

/* AES-128-GCM first (R-14, R-62 of MODBUS/TCP Security name it); all are authenticated and forward secret. */
static const char TLS13_SUITES[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char TLS12_SUITES[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                   "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                   "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/* --- reading files ------------------------------------------------------------------------------------ */

static const struct {
    int library;
    int reason;
    const char *text;
} REASONS[] = {
    {ERR_LIB_PEM, PEM_R_NO_START_LINE, "holds nothing of that kind in PEM form"},
    {ERR_LIB_SSL, SSL_R_EE_KEY_TOO_SMALL, "its key is too weak: use P-256, or RSA of 2048 bits or more"},
    {ERR_LIB_SSL, SSL_R_CA_KEY_TOO_SMALL, "the key of its authority is too weak: make a new authority"},
    {ERR_LIB_SSL, SSL_R_CA_MD_TOO_WEAK,
     "it is signed with a digest that is too weak: have it issued with SHA-256"},
};

static const char *reason_text(unsigned long error)
{
    for (size_t i = 0; i < ARRAY_LENGTH(REASONS); i++) {
        if (ERR_GET_LIB(error) == REASONS[i].library && ERR_GET_REASON(error) == REASONS[i].reason) {
            return REASONS[i].text;
        }
    }
    const char *reason = ERR_reason_error_string(error);
    return reason ? reason : "OpenSSL gives no reason";
}

/* The earliest error of OpenSSL's queue: the cause, not what followed from it. */
static enum err openssl_error(struct err_text *why, const char *what, const char *path)
{
    const char *reason = reason_text(ERR_peek_error());
    ERR_clear_error();
    return err_set(why, ERR_CONFIG, "%s %s: %s", what, path, reason);
}

static FILE *open_file(const char *what, const char *path, struct err_text *why)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        (void)err_errno(why, errno, "%s %s: cannot be read", what, path);
    }
    return file;
}

static enum err check_readable(const char *what, const char *path, struct err_text *why)
{
    FILE *file = open_file(what, path, why);
    if (!file) {
        return ERR_CONFIG;
    }
    fclose(file);
    return ERR_OK;
}

/* Without it OpenSSL would ask for the passphrase on the terminal, and wait. */
static int no_passphrase(char *text, int size, int writing, void *owner)
{
    (void)text;
    (void)size;
    (void)writing;
    *(bool *)owner = true;
    return -1;
}

static enum err check_key_is_private(FILE *file, const char *path, struct err_text *why)
{
    struct stat status;
    if (fstat(fileno(file), &status) != 0) {
        (void)err_errno(why, errno, "private key %s", path);
        return ERR_CONFIG;
    }
    if (status.st_mode & (S_IRWXG | S_IRWXO)) {
        return err_set(why, ERR_CONFIG, "private key %s: others may use it (mode %04o): run chmod 600 on it",
                       path, (unsigned)status.st_mode & 07777U);
    }
    return ERR_OK;
}

static EVP_PKEY *read_key(FILE *file, const char *path, struct err_text *why)
{
    if (check_key_is_private(file, path, why) != ERR_OK) {
        return NULL;
    }
    bool encrypted = false;
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, no_passphrase, &encrypted);
    if (key) {
        return key;
    }
    if (encrypted) {
        ERR_clear_error();
        (void)err_set(why, ERR_CONFIG, "private key %s: has a passphrase, and nobody is there to type it",
                      path);
    } else {
        (void)openssl_error(why, "private key", path);
    }
    return NULL;
}

static enum err load_key(SSL_CTX *ssl, const struct tls_options *options, struct err_text *why)
{
    FILE *file = open_file("private key", options->key, why);
    if (!file) {
        return ERR_CONFIG;
    }
    EVP_PKEY *key = read_key(file, options->key, why);
    fclose(file);
    if (!key) {
        return ERR_CONFIG;
    }
    int used = SSL_CTX_use_PrivateKey(ssl, key);
    EVP_PKEY_free(key);
    if (used == 1) {
        return ERR_OK;
    }
    ERR_clear_error();
    return err_set(why, ERR_CONFIG, "private key %s: does not belong to the certificate %s", options->key,
                   options->certificate);
}

static enum err load_certificate(SSL_CTX *ssl, const struct tls_options *options, struct err_text *why)
{
    const char *path = options->certificate;
    if (check_readable("certificate", path, why) != ERR_OK) {
        return ERR_CONFIG;
    }
    return SSL_CTX_use_certificate_chain_file(ssl, path) == 1 ? ERR_OK
                                                              : openssl_error(why, "certificate", path);
}

/* One that issues certificates, or is trusted for itself: self-signed. */
static bool is_anchor(X509 *certificate)
{
    return X509_check_ca(certificate) != 0 || (X509_get_extension_flags(certificate) & EXFLAG_SS) != 0;
}

/* OpenSSL is content with a file of anything: nobody would pass then, and no one would know why. */
static enum err check_anchors(const SSL_CTX *ssl, const char *path, struct err_text *why)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(ssl));
    int certificates = 0;
    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        certificates += certificate ? 1 : 0;
        if (certificate && is_anchor(certificate)) {
            return ERR_OK;
        }
    }
    return err_set(why, ERR_CONFIG, "authority (ca) %s: %s", path,
                   certificates > 0
                       ? "none of its certificates is that of an authority: name the ca.pem they came from"
                       : "holds no certificate: name the ca.pem of the authority");
}

static enum err load_authorities(SSL_CTX *ssl, const struct tls_options *options, struct err_text *why)
{
    if (check_readable("authority (ca)", options->ca, why) != ERR_OK) {
        return ERR_CONFIG;
    }
    if (X509_STORE_load_file(SSL_CTX_get_cert_store(ssl), options->ca) != 1) {
        return openssl_error(why, "authority (ca)", options->ca);
    }
    if (options->side == TLS_SERVER) {
        SSL_CTX_set_client_CA_list(ssl, SSL_load_client_CA_file(options->ca)); // tells clients which to show
        ERR_clear_error();                                                     // of a file without any
    }
    return check_anchors(ssl, options->ca, why);
}

/* With a list, every certificate of a chain must be covered by one: a missing list refuses. */
static enum err load_revocations(SSL_CTX *ssl, const struct tls_options *options, struct err_text *why)
{
    const char *path = options->crl;
    if (!path || path[0] == '\0') {
        return ERR_OK;
    }
    if (check_readable("revocation list (crl)", path, why) != ERR_OK) {
        return ERR_CONFIG;
    }
    X509_STORE *store = SSL_CTX_get_cert_store(ssl);
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (!lookup || X509_load_crl_file(lookup, path, X509_FILETYPE_PEM) < 1) {
        return openssl_error(why, "revocation list (crl)", path);
    }
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return ERR_OK;
}

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
    bool good =
        SSL_CTX_set_num_tickets(ssl, 0) == 1 &&
        SSL_CTX_set_session_id_context(ssl, session_context, sizeof session_context - 1) == 1 &&
        SSL_CTX_set_min_proto_version(ssl, options->allow_tls12 ? TLS1_2_VERSION : TLS1_3_VERSION) == 1 &&
        SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) == 1 &&
        SSL_CTX_set_cipher_list(ssl, TLS12_SUITES) == 1 && SSL_CTX_set_ciphersuites(ssl, TLS13_SUITES) == 1;
    return good ? ERR_OK : openssl_error(why, "TLS policy of", options->certificate);
}

static const struct {
    const char *option;
    enum err (*load)(SSL_CTX *ssl, const struct tls_options *options, struct err_text *why);
} FILES[] = {
    {"certificate", load_certificate},
    {"key", load_key}, // must belong to the certificate
    {"ca", load_authorities},
    {"crl", load_revocations}, // into the store of the authorities
};

static enum err load_files(SSL_CTX *ssl, const struct tls_options *options, const struct tls_faults *faults)
{
    enum err first = ERR_OK;
    for (size_t i = 0; i < ARRAY_LENGTH(FILES); i++) {
        struct err_text why;
        enum err result = FILES[i].load(ssl, options, &why);
        if (result != ERR_OK) {
            faults->found(faults->owner, FILES[i].option, &why);
            first = first == ERR_OK ? result : first;
        }
    }
    return first;
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
    context->allow_tls12 = options->allow_tls12;
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

static void describe(struct tls_context *context)
{
    struct tls_peer ourselves;
    tls_identity_read(SSL_CTX_get0_certificate(context->ssl), &ourselves);
    context->not_after_us = ourselves.not_after_us;
    context->crl_end_us = first_crl_end_us(context->ssl);
    memcpy(context->bridge, ourselves.bridge, sizeof context->bridge);
}

static enum err prepare(struct tls_context *context, const struct tls_options *options, struct err_text *why)
{
    enum err result = set_policy(context->ssl, options, why);
    return result == ERR_OK ? tls_session_prepare(context, why) : result;
}

enum err tls_context_load(const struct tls_options *options, const struct tls_faults *faults,
                          struct tls_context **context)
{
    *context = NULL;
    struct err_text why;
    struct tls_context *made = allocate(options);
    enum err result =
        made ? prepare(made, options, &why) : err_set(&why, ERR_NO_MEMORY, "TLS: out of memory");
    if (result != ERR_OK) {
        faults->found(faults->owner, "certificate", &why); // it is no file's fault
    } else {
        result = load_files(made->ssl, options, faults);
    }
    if (result != ERR_OK) {
        tls_context_unref(made);
        return result;
    }
    describe(made);
    *context = made;
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
