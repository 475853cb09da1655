#include "net/tls_files.h"

#include "base/array.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <sys/stat.h>

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
enum err tls_files_explain(struct err_text *why, const char *what, const char *path)
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
        (void)tls_files_explain(why, "private key", path);
    }
    return NULL;
}

enum err tls_files_load_key(SSL_CTX *ssl, const char *path, const char *certificate, struct err_text *why)
{
    FILE *file = open_file("private key", path, why);
    if (!file) {
        return ERR_CONFIG;
    }
    EVP_PKEY *key = read_key(file, path, why);
    fclose(file);
    if (!key) {
        return ERR_CONFIG;
    }
    // A key of another kind than its certificate goes to another place, which only the second call notices.
    bool fits =
        !certificate || (SSL_CTX_use_PrivateKey(ssl, key) == 1 && SSL_CTX_check_private_key(ssl) == 1);
    EVP_PKEY_free(key);
    if (fits) {
        return ERR_OK;
    }
    ERR_clear_error();
    return err_set(why, ERR_CONFIG, "private key %s: does not belong to the certificate %s", path,
                   certificate);
}

enum err tls_files_load_certificate(SSL_CTX *ssl, const char *path, struct err_text *why)
{
    if (check_readable("certificate", path, why) != ERR_OK) {
        return ERR_CONFIG;
    }
    return SSL_CTX_use_certificate_chain_file(ssl, path) == 1 ? ERR_OK
                                                              : tls_files_explain(why, "certificate", path);
}

static bool is_root(X509 *certificate)
{
    return X509_check_issued(certificate, certificate) == X509_V_OK;
}

enum err tls_files_complete_chain(SSL_CTX *ssl, const char *certificate, struct err_text *why)
{
    // Whether our own certificate is good is for the peer to say: a chain with faults is sent as it is.
    int flags =
        SSL_BUILD_CHAIN_FLAG_UNTRUSTED | SSL_BUILD_CHAIN_FLAG_IGNORE_ERROR | SSL_BUILD_CHAIN_FLAG_CLEAR_ERROR;
    if (SSL_CTX_build_cert_chain(ssl, flags) == 0) {
        return tls_files_explain(why, "certificate", certificate);
    }
    STACK_OF(X509) *chain = NULL;
    SSL_CTX_get0_chain_certs(ssl, &chain);
    int count = sk_X509_num(chain);
    X509 *last = count > 0 ? sk_X509_value(chain, count - 1) : SSL_CTX_get0_certificate(ssl);
    if (is_root(last)) {
        return ERR_OK;
    }
    return err_set(why, ERR_CONFIG,
                   "certificate %s: its chain does not reach a root, which is to be sent: append the "
                   "intermediate and root certificates to that file, or the root to the ca file",
                   certificate);
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

enum err tls_files_load_authorities(SSL_CTX *ssl, enum tls_side side, const char *path, struct err_text *why)
{
    if (check_readable("authority (ca)", path, why) != ERR_OK) {
        return ERR_CONFIG;
    }
    if (X509_STORE_load_file(SSL_CTX_get_cert_store(ssl), path) != 1) {
        return tls_files_explain(why, "authority (ca)", path);
    }
    if (side == TLS_SERVER) {
        SSL_CTX_set_client_CA_list(ssl, SSL_load_client_CA_file(path)); // tells clients which to show
        ERR_clear_error();                                              // of a file without any
    }
    return check_anchors(ssl, path, why);
}

enum err tls_files_load_revocations(SSL_CTX *ssl, const char *path, struct err_text *why)
{
    if (!path || path[0] == '\0') {
        return ERR_OK;
    }
    if (check_readable("revocation list (crl)", path, why) != ERR_OK) {
        return ERR_CONFIG;
    }
    X509_STORE *store = SSL_CTX_get_cert_store(ssl);
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (!lookup || X509_load_crl_file(lookup, path, X509_FILETYPE_PEM) < 1) {
        return tls_files_explain(why, "revocation list (crl)", path);
    }
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return ERR_OK;
}
