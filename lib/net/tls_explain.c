#include "net/tls_explain.h"

#include "base/array.h"
#include "net/tls_facts.h"
#include "net/tls_identity.h"

#include <openssl/err.h>

/* Sentences have holes {in braces}: see tls_facts. */
struct sentence {
    int code;
    enum err class;
    const char *text;
};

static const struct sentence CHECKS[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, ERR_REFUSED, "{it} expired on {until}: issue a new one for {holder}"},
    {X509_V_ERR_CERT_NOT_YET_VALID, ERR_REFUSED,
     "{it} is not yet valid, only from {from} on: check the clocks of both machines"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, ERR_REFUSED,
     "its issuer ({issuer}) is an unknown authority: trust it in {ca}, or append the missing intermediate "
     "certificate to the certificate file of {holder}"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, ERR_REFUSED,
     "the issuer {issuer} of an intermediate certificate is an unknown authority: trust it in {ca}"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, ERR_REFUSED,
     "its issuer ({issuer}) is an unknown authority: trust it in {ca}"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, ERR_REFUSED,
     "it is self-signed and not in {ca}: have an authority in that file issue one for {holder}"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, ERR_REFUSED,
     "its root ({issuer}) is an unknown authority: trust it in {ca}"},
    {X509_V_ERR_HOSTNAME_MISMATCH, ERR_REFUSED,
     "it is for {hosts}, not for {name}: connect by one of its names, or issue one for this name"},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, ERR_REFUSED,
     "it is for {hosts}, not for {name}: connect by one of its names, or issue one for this address"},
    {X509_V_ERR_INVALID_PURPOSE, ERR_REFUSED,
     "{it} is not made for {purpose}: issue one with the extended key usage {usage}"},
    {X509_V_ERR_EE_KEY_TOO_SMALL, ERR_REFUSED,
     "its key of {bits} bits is too weak: issue one with P-256, or RSA of 2048 bits or more"},
    {X509_V_ERR_CA_KEY_TOO_SMALL, ERR_REFUSED,
     "the key of {bits} bits of its authority is too weak: make a new authority"},
    {X509_V_ERR_CA_MD_TOO_WEAK, ERR_REFUSED,
     "it is signed with a digest that is too weak (SHA-1 or MD5): have it issued again with SHA-256"},
    {X509_V_ERR_CERT_REVOKED, ERR_REFUSED,
     "{it} was revoked ({crl}): if {holder} may connect, issue a new one"},
    {X509_V_ERR_UNABLE_TO_GET_CRL, ERR_REFUSED, "{crl} has no revocation list of {issuer}: add it"},
    {X509_V_ERR_CRL_HAS_EXPIRED, ERR_REFUSED,
     "the revocation list of {issuer} in {crl} has expired, which refuses everybody: renew it"},
    {X509_V_ERR_CRL_NOT_YET_VALID, ERR_REFUSED,
     "the revocation list of {issuer} in {crl} is not yet valid: check this machine's clock"},
    {X509_V_ERR_CRL_SIGNATURE_FAILURE, ERR_REFUSED,
     "the revocation list of {issuer} in {crl} was not signed by it: replace the file"},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, ERR_REFUSED,
     "its signature is wrong: it was altered, or {ca} holds another authority of the name {issuer}"},
    {X509_V_ERR_INVALID_CA, ERR_REFUSED, "it was issued by {subject}, which is no authority"},
    {X509_V_ERR_PATH_LENGTH_EXCEEDED, ERR_REFUSED, "its chain is longer than its authority allows"},
    {X509_V_ERR_CERT_CHAIN_TOO_LONG, ERR_REFUSED, "its chain is longer than we allow"},
    {X509_V_ERR_CERT_REJECTED, ERR_REFUSED,
     "its fingerprint {fingerprint} is not the pinned one: make sure that this is the device you mean, then "
     "pin this"},
    {X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, ERR_REFUSED,
     "{it} has a critical extension that we do not know: issue one without it"},
};

/* TLS alerts that judge the certificate we showed: RFC 8446, section 6.2. */
static const struct sentence CERTIFICATE_ALERTS[] = {
    {SSL_AD_BAD_CERTIFICATE, ERR_REFUSED,
     "it says the certificate is bad: not yet valid, too weak, or for another name; the log there says "
     "which"},
    {SSL_AD_UNSUPPORTED_CERTIFICATE, ERR_REFUSED,
     "it says the certificate is of the wrong kind: issue one with the extended key usage {our-usage}"},
    {SSL_AD_CERTIFICATE_REVOKED, ERR_REFUSED, "it says the certificate was revoked: issue a new one"},
    {SSL_AD_CERTIFICATE_EXPIRED, ERR_REFUSED,
     "it says the certificate has expired, or its revocation list has; ours ends {our-end}"},
    {SSL_AD_CERTIFICATE_UNKNOWN, ERR_REFUSED,
     "it says it cannot accept the certificate; the log there says why"},
    {SSL_AD_UNKNOWN_CA, ERR_REFUSED,
     "it says its authority is unknown: trust it there, or append the missing intermediate certificate here"},
    {SSL_AD_ACCESS_DENIED, ERR_REFUSED, "it says this certificate has no access"},
    {SSL_AD_DECRYPT_ERROR, ERR_REFUSED,
     "it says a signature is wrong: it knows another authority of that name"},
    {SSL_AD_CERTIFICATE_REQUIRED, ERR_REFUSED, "it says we showed none"},
};

/* The other alerts that a person can do something about. */
static const struct sentence ALERTS[] = {
    {SSL_AD_HANDSHAKE_FAILURE, ERR_REFUSED,
     "{peer} shares no cipher or key type with us, or demands a certificate that we did not show"},
    {SSL_AD_PROTOCOL_VERSION, ERR_VERSION, "{peer} accepts none of the TLS versions we allow ({versions})"},
    {SSL_AD_INSUFFICIENT_SECURITY, ERR_REFUSED, "{peer} demands stronger ciphers than we have"},
    {SSL_AD_INTERNAL_ERROR, ERR_REFUSED, "{peer} failed inside; the log there says more"},
    {SSL_AD_UNRECOGNIZED_NAME, ERR_REFUSED, "{peer} does not serve the name {name}"},
    {SSL_AD_NO_APPLICATION_PROTOCOL, ERR_REFUSED, "{peer} does not speak {alpn}: is this the right port?"},
};

/* What OpenSSL itself stumbled over. */
static const struct sentence REASONS[] = {
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, ERR_REFUSED,
     "{peer} showed no certificate: give it one that an authority in {ca} issued"},
    {SSL_R_UNSUPPORTED_PROTOCOL, ERR_VERSION, "{peer} speaks no TLS version that we allow ({versions})"},
    {SSL_R_VERSION_TOO_LOW, ERR_VERSION, "{peer} speaks no TLS version that we allow ({versions})"},
    {SSL_R_WRONG_SSL_VERSION, ERR_VERSION, "{peer} speaks no TLS version that we allow ({versions})"},
    {SSL_R_WRONG_VERSION_NUMBER, ERR_MALFORMED, "{peer} does not speak TLS (plain text?) on this connection"},
    {SSL_R_HTTP_REQUEST, ERR_MALFORMED, "{peer} does not speak TLS, but plain HTTP, on this connection"},
    {SSL_R_HTTPS_PROXY_REQUEST, ERR_MALFORMED,
     "{peer} does not speak TLS, but plain HTTP, on this connection"},
    {SSL_R_NO_SHARED_CIPHER, ERR_REFUSED, "{peer} shares no cipher or key type with us"},
    {SSL_R_NO_SUITABLE_KEY_SHARE, ERR_REFUSED, "{peer} shares no key exchange group with us"},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, ERR_REFUSED, "{peer} shares no signature algorithm with us"},
    {SSL_R_EXCESSIVE_MESSAGE_SIZE, ERR_LIMIT,
     "{peer} sent a handshake message, or certificates, beyond our limit"},
    {SSL_R_UNEXPECTED_EOF_WHILE_READING, ERR_CLOSED,
     "{peer} closed the connection without TLS's goodbye (close_notify): what it sent may be incomplete"},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, ERR_MALFORMED,
     "{peer} sent a record that fails authentication"},
};

static const struct sentence *find(const struct sentence *sentences, size_t count, int code)
{
    for (size_t i = 0; i < count; i++) {
        if (sentences[i].code == code) {
            return &sentences[i];
        }
    }
    return NULL;
}

enum err tls_explain_refusal(const struct tls_scene *scene, const struct tls_refusal *refusal,
                             struct err_text *why)
{
    const struct tls_facts facts = {.scene = scene, .refusal = refusal};
    const struct sentence *sentence = find(CHECKS, ARRAY_LENGTH(CHECKS), refusal->check);
    char text[ERR_TEXT_MAX];
    tls_facts_expand(&facts, sentence ? sentence->text : X509_verify_cert_error_string(refusal->check), text);
    struct tls_peer peer;
    tls_identity_read(refusal->leaf, &peer);
    char subject[TLS_TEXT_MAX];
    tls_facts_cut(subject, peer.subject);
    return err_set(why, ERR_REFUSED, "refused the certificate of %s (%s, serial %s): %s", scene->address,
                   subject, peer.serial, text);
}

enum err tls_explain_alpn(const struct tls_scene *scene, struct err_text *why)
{
    const struct tls_facts facts = {.scene = scene};
    char text[ERR_TEXT_MAX];
    tls_facts_expand(&facts, "{peer} does not speak {alpn}: is this the right port?", text);
    return err_set(why, ERR_REFUSED, "%s", text);
}

static enum err explain_alert(const struct tls_facts *facts, int alert, struct err_text *why)
{
    char text[ERR_TEXT_MAX];
    const struct sentence *sentence = find(CERTIFICATE_ALERTS, ARRAY_LENGTH(CERTIFICATE_ALERTS), alert);
    if (sentence) {
        tls_facts_expand(facts, sentence->text, text);
        return err_set(why, sentence->class, "the %s refused our certificate (%s): %s",
                       tls_facts_we_serve(facts) ? "client" : "server", facts->scene->context->certificate,
                       text);
    }
    sentence = find(ALERTS, ARRAY_LENGTH(ALERTS), alert);
    if (sentence) {
        tls_facts_expand(facts, sentence->text, text);
        return err_set(why, sentence->class, "%s", text);
    }
    tls_facts_expand(facts, "{peer}", text);
    return err_set(why, ERR_REFUSED, "%s ended TLS with the alert \"%s\"", text,
                   SSL_alert_desc_string_long(alert));
}

enum err tls_explain_queue(const struct tls_scene *scene, struct err_text *why)
{
    const struct tls_facts facts = {.scene = scene};
    unsigned long last = 0;
    const struct sentence *sentence = NULL;
    int alert = -1;
    for (unsigned long error = ERR_get_error(); error != 0; error = ERR_get_error()) {
        last = error;
        int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
        if (reason >= SSL_AD_REASON_OFFSET) {
            alert = reason - SSL_AD_REASON_OFFSET;
        } else if (!sentence) {
            sentence = find(REASONS, ARRAY_LENGTH(REASONS), reason);
        }
    }
    if (alert >= 0) {
        return explain_alert(&facts, alert, why);
    }
    char text[ERR_TEXT_MAX];
    tls_facts_expand(&facts, sentence ? sentence->text : "{peer} broke TLS", text);
    if (sentence) {
        return err_set(why, sentence->class, "%s", text);
    }
    const char *reason = ERR_reason_error_string(last);
    return err_set(why, ERR_MALFORMED, "%s: %s", text, reason ? reason : "no reason given");
}
