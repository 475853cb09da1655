#include "net/tls_verify.h"

#include "base/array.h"
#include "net/tls_identity.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdio.h>

static bool is_pinned(const struct tls_context *context, const X509 *leaf)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    return X509_digest(leaf, EVP_sha256(), digest, &size) == 1 && size == sizeof context->pin &&
           CRYPTO_memcmp(digest, context->pin, size) == 0;
}

/* What a pin stands for: who vouches for the certificate, and for whom and what it was made. */
static bool pin_answers(int check)
{
    static const int answered[] = {
        X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
        X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
        X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
        X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
        X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
        X509_V_ERR_CERT_UNTRUSTED,
        X509_V_ERR_INVALID_PURPOSE,
        X509_V_ERR_INVALID_CA,
    };
    for (size_t i = 0; i < ARRAY_LENGTH(answered); i++) {
        if (answered[i] == check) {
            return true;
        }
    }
    return false;
}

/* A trusted certificate that stands alone has no authority that could revoke it. */
static bool is_trusted_alone(X509_STORE_CTX *checks)
{
    return sk_X509_num(X509_STORE_CTX_get0_chain(checks)) == 1;
}

/* MODBUS/TCP Security does not say whether the role extension is critical; OpenSSL refuses what it does not
 * know. */
static bool may_pass(const struct tls_context *context, X509_STORE_CTX *checks)
{
    int check = X509_STORE_CTX_get_error(checks);
    if (check == X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION) {
        return tls_identity_only_role_is_unknown(X509_STORE_CTX_get_current_cert(checks));
    }
    if (check == X509_V_ERR_UNABLE_TO_GET_CRL && is_trusted_alone(checks)) {
        return true;
    }
    return context->pinned && pin_answers(check);
}

bool tls_verify_passes(bool good, X509_STORE_CTX *checks, const struct tls_context *context)
{
    if (context->pinned && !is_pinned(context, X509_STORE_CTX_get0_cert(checks))) {
        X509_STORE_CTX_set_error(checks, X509_V_ERR_CERT_REJECTED);
        return false;
    }
    if (good) {
        return true;
    }
    if (!may_pass(context, checks)) {
        return false;
    }
    X509_STORE_CTX_set_error(checks, X509_V_OK);
    return true;
}

static bool is_ip_address(const char *text)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

/* The name that a server with several certificates chooses by; the macro below takes no const. */
static bool indicate(SSL *ssl, const char *name)
{
    char indicated[TLSEXT_MAXLEN_host_name + 1];
    int size = snprintf(indicated, sizeof indicated, "%s", name);
    return size >= 0 && (size_t)size < sizeof indicated && SSL_set_tlsext_host_name(ssl, indicated) == 1;
}

bool tls_verify_expect(SSL *ssl, const struct tls_context *context, const char *name)
{
    bool address = is_ip_address(name);
    if (context->pinned) {
        return name[0] == '\0' || address || indicate(ssl, name);
    }
    if (name[0] == '\0') {
        return false;
    }
    if (address) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    }
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && indicate(ssl, name);
}
