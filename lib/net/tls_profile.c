#include "net/tls_profile.h"

#include <openssl/err.h>
#include <stdio.h>

enum { GROUPS_TEXT_MAX = 64 };

/*
 * All suites are authenticated, encrypting and forward secret, with SHA-256 or better (R-48 to R-55 of
 * MODBUS/TCP Security). AES-128-GCM comes first: name it.
 */
#define SUITES12_AES_128 "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
#define SUITES12_AES_256 "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
#define SUITES12_CHACHA  "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

static const struct profile {
    bool mbaps;
    const char *suites12;
    const char *suites13;
    const char *groups; /* NULL: OpenSSL's own choice */
} profiles[] = {
    [TLS_PROFILE_TUNNEL] =
        {
            .suites12 = SUITES12_AES_128 ":" SUITES12_AES_256 ":" SUITES12_CHACHA,
            .suites13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256",
        },
    [TLS_PROFILE_MBAPS_V36] =
        {
            .mbaps = true,
            .suites12 = SUITES12_AES_128 ":" SUITES12_AES_256 ":" SUITES12_CHACHA,
            .suites13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256",
        },
    /* TCP-17 to TCP-19: these, in this order; behind them the suite that R-14 wants of an RSA key. */
    [TLS_PROFILE_SUNSPEC] =
        {
            .mbaps = true,
            .suites12 = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
                        "ECDHE-ECDSA-AES128-CCM8:ECDHE-RSA-AES128-GCM-SHA256",
            .suites13 = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_CCM_SHA256",
        },
    /* NIST SP 800-52 revision 2, section 3.3.1: approved ciphers and curves only. */
    [TLS_PROFILE_NIST] =
        {
            .mbaps = true,
            .suites12 = SUITES12_AES_128 ":" SUITES12_AES_256,
            .suites13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384",
            .groups = "P-256:P-384:P-521",
        },
};

const struct option_choice tls_profile_choices[] = {
    {"mbaps-v36", TLS_PROFILE_MBAPS_V36},
    {"sunspec", TLS_PROFILE_SUNSPEC},
    {"nist", TLS_PROFILE_NIST},
    {NULL, 0},
};

bool tls_profile_is_mbaps(enum tls_profile profile)
{
    return profiles[profile].mbaps;
}

/* Without a key exchange that proves who is there, or without encryption, a suite is no security at all. */
static bool is_secret(const SSL_CIPHER *suite)
{
    return SSL_CIPHER_get_bits(suite, NULL) > 0 && SSL_CIPHER_get_auth_nid(suite) != NID_auth_null;
}

static bool are_secret(const SSL_CTX *ssl)
{
    const STACK_OF(SSL_CIPHER) *suites = SSL_CTX_get_ciphers(ssl);
    for (int i = 0; i < sk_SSL_CIPHER_num(suites); i++) {
        if (!is_secret(sk_SSL_CIPHER_value(suites, i))) {
            return false;
        }
    }
    return true;
}

/* What an old device needs of TLS 1.2. A server has no such option: R-51 forbids it SHA-1. */
static enum err set_device_ciphers(SSL_CTX *ssl, const struct tls_options *options, struct err_text *why)
{
    if (!options->ciphers || options->ciphers[0] == '\0') {
        return ERR_OK;
    }
    if (options->side == TLS_SERVER) {
        return err_set(why, ERR_CONFIG, "ciphers: only a link to a device may have its own");
    }
    if (SSL_CTX_set_cipher_list(ssl, options->ciphers) != 1) {
        ERR_clear_error();
        return err_set(why, ERR_CONFIG,
                       "ciphers '%s': OpenSSL knows none of them (`openssl ciphers -v` lists all)",
                       options->ciphers);
    }
    return are_secret(ssl) ? ERR_OK
                           : err_set(why, ERR_CONFIG,
                                     "ciphers '%s': some do not encrypt or prove nothing: leave out NULL and "
                                     "anonymous ones",
                                     options->ciphers);
}

/* The macro below takes no const. */
static bool set_groups(SSL_CTX *ssl, const char *list)
{
    char groups[GROUPS_TEXT_MAX];
    (void)snprintf(groups, sizeof groups, "%s", list ? list : "");
    return !list || SSL_CTX_set1_groups_list(ssl, groups) == 1;
}

enum err tls_profile_apply(SSL_CTX *ssl, const struct tls_options *options, struct err_text *why)
{
    const struct profile *profile = &profiles[options->profile];
    bool tls12 = profile->mbaps || options->allow_tls12;
    bool good = SSL_CTX_set_min_proto_version(ssl, tls12 ? TLS1_2_VERSION : TLS1_3_VERSION) == 1 &&
                SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) == 1 &&
                SSL_CTX_set_cipher_list(ssl, profile->suites12) == 1 &&
                SSL_CTX_set_ciphersuites(ssl, profile->suites13) == 1 && set_groups(ssl, profile->groups);
    if (good && options->fragment_512) {
        good = SSL_CTX_set_tlsext_max_fragment_length(ssl, TLSEXT_max_fragment_length_512) == 1;
    }
    if (!good) {
        ERR_clear_error();
        return err_set(why, ERR_CONFIG, "TLS: this OpenSSL does not offer what the profile needs");
    }
    return set_device_ciphers(ssl, options, why);
}
