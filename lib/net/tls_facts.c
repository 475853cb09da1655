#include "net/tls_facts.h"

#include "base/array.h"
#include "base/clock.h"
#include "net/tls_identity.h"

#include <stdio.h>
#include <string.h>

/* A peer's own texts must not push what to do out of the message. */
enum { PEER_TEXT_MAX = 96 };

typedef void hole_filler(const struct tls_facts *facts, char *text);

static void put(char *text, const char *value)
{
    snprintf(text, TLS_TEXT_MAX, "%s", value);
}

static void put_day(char *text, int64_t wall_us)
{
    enum { DAY = 10 }; // "2026-10-01"
    char whole[CLOCK_TEXT_MAX];
    snprintf(text, TLS_TEXT_MAX, "%.*s", DAY, clock_format(wall_us, whole));
}

bool tls_facts_we_serve(const struct tls_facts *facts)
{
    return facts->scene->context->side == TLS_SERVER;
}

static void fill_it(const struct tls_facts *facts, char *text)
{
    put(text, facts->refusal->depth == 0 ? "it" : "the certificate of its authority");
}

static void fill_until(const struct tls_facts *facts, char *text)
{
    put_day(text, tls_identity_time_us(X509_get0_notAfter(facts->refusal->culprit)));
}

static void fill_from(const struct tls_facts *facts, char *text)
{
    put_day(text, tls_identity_time_us(X509_get0_notBefore(facts->refusal->culprit)));
}

void tls_facts_cut(char *text, const char *value)
{
    bool fits = strlen(value) <= PEER_TEXT_MAX;
    snprintf(text, TLS_TEXT_MAX, "%.*s%s", PEER_TEXT_MAX, value, fits ? "" : "...");
}

static void fill_subject(const struct tls_facts *facts, char *text)
{
    char name[TLS_TEXT_MAX];
    tls_identity_name(X509_get_subject_name(facts->refusal->culprit), name);
    tls_facts_cut(text, name);
}

static void fill_issuer(const struct tls_facts *facts, char *text)
{
    char name[TLS_TEXT_MAX];
    tls_identity_name(X509_get_issuer_name(facts->refusal->culprit), name);
    tls_facts_cut(text, name);
}

static void fill_hosts(const struct tls_facts *facts, char *text)
{
    char hosts[TLS_TEXT_MAX];
    tls_identity_hosts(facts->refusal->leaf, hosts);
    tls_facts_cut(text, hosts[0] != '\0' ? hosts : "no name at all");
}

static void fill_holder(const struct tls_facts *facts, char *text)
{
    struct tls_peer peer;
    tls_identity_read(facts->refusal->leaf, &peer);
    if (peer.bridge[0] != '\0') {
        snprintf(text, TLS_TEXT_MAX, "bridge %s", peer.bridge);
        return;
    }
    put(text, tls_facts_we_serve(facts) ? "this client" : "the server");
}

static void fill_bits(const struct tls_facts *facts, char *text)
{
    const EVP_PKEY *key = X509_get0_pubkey(facts->refusal->culprit);
    snprintf(text, TLS_TEXT_MAX, "%d", key ? EVP_PKEY_get_bits(key) : 0);
}

static void fill_fingerprint(const struct tls_facts *facts, char *text)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    size_t written = 0;
    text[0] = '\0';
    if (X509_digest(facts->refusal->leaf, EVP_sha256(), digest, &size) == 1) {
        (void)OPENSSL_buf2hexstr_ex(text, TLS_TEXT_MAX, &written, digest, size, '\0');
    }
}

static void fill_purpose(const struct tls_facts *facts, char *text)
{
    put(text, tls_facts_we_serve(facts) ? "a client" : "a server");
}

static void fill_usage(const struct tls_facts *facts, char *text)
{
    put(text, tls_facts_we_serve(facts) ? "clientAuth" : "serverAuth");
}

static void fill_our_usage(const struct tls_facts *facts, char *text)
{
    put(text, tls_facts_we_serve(facts) ? "serverAuth" : "clientAuth");
}

static void fill_our_end(const struct tls_facts *facts, char *text)
{
    put_day(text, facts->scene->context->not_after_us);
}

static void fill_peer(const struct tls_facts *facts, char *text)
{
    snprintf(text, TLS_TEXT_MAX, "%s %s", tls_facts_we_serve(facts) ? "the client" : "the server",
             facts->scene->address);
}

static void fill_name(const struct tls_facts *facts, char *text)
{
    put(text, facts->scene->server_name);
}

static void fill_ca(const struct tls_facts *facts, char *text)
{
    put(text, facts->scene->context->ca);
}

static void fill_crl(const struct tls_facts *facts, char *text)
{
    put(text, facts->scene->context->crl);
}

static void fill_alpn(const struct tls_facts *facts, char *text)
{
    put(text, facts->scene->context->alpn);
}

static void fill_versions(const struct tls_facts *facts, char *text)
{
    put(text, facts->scene->context->allow_tls12 ? "1.2 and 1.3" : "1.3 only");
}

static const struct {
    const char *name;
    hole_filler *fill;
} HOLES[] = {
    {"it", fill_it},
    {"until", fill_until},
    {"from", fill_from},
    {"subject", fill_subject},
    {"issuer", fill_issuer},
    {"hosts", fill_hosts},
    {"holder", fill_holder},
    {"bits", fill_bits},
    {"purpose", fill_purpose},
    {"usage", fill_usage},
    {"our-usage", fill_our_usage},
    {"our-end", fill_our_end},
    {"peer", fill_peer},
    {"name", fill_name},
    {"ca", fill_ca},
    {"crl", fill_crl},
    {"alpn", fill_alpn},
    {"versions", fill_versions},
    {"fingerprint", fill_fingerprint},
};

static void fill(const struct tls_facts *facts, const char *name, size_t size, char *text)
{
    for (size_t i = 0; i < ARRAY_LENGTH(HOLES); i++) {
        if (strlen(HOLES[i].name) == size && memcmp(HOLES[i].name, name, size) == 0) {
            HOLES[i].fill(facts, text);
            return;
        }
    }
}

void tls_facts_expand(const struct tls_facts *facts, const char *sentence, char *text)
{
    size_t used = 0;
    while (*sentence != '\0' && used + 1 < ERR_TEXT_MAX) {
        if (*sentence != '{') {
            text[used++] = *sentence++;
            continue;
        }
        size_t size = strcspn(sentence, "}");
        char filling[TLS_TEXT_MAX] = "";
        fill(facts, sentence + 1, size - 1, filling);
        int wanted = snprintf(text + used, ERR_TEXT_MAX - used, "%s", filling);
        used += wanted > 0 ? (size_t)wanted : 0;
        sentence += size + 1;
    }
    text[used < ERR_TEXT_MAX ? used : ERR_TEXT_MAX - 1] = '\0';
}
