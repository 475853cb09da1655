#include "net/tls_identity.h"

#include "base/clock.h"
#include "base/wire.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char ROLE_OID[] = "1.3.6.1.4.1.50316.802.1"; // MODBUS/TCP Security R-21
static const char BRIDGE_URN[] = "urn:bourdon:bridge:";

enum { DER_UTF8STRING = 0x0c, DER_LENGTH_IN_ONE_BYTE = 0x81, DER_SHORT_LENGTH_MAX = 0x7f };
_Static_assert(TLS_ROLE_MAX <= 256, "a role's length fits the one-byte form");

/* --- names -------------------------------------------------------------------------------------------- */

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool tls_bridge_name_valid(const char *name)
{
    size_t size = strnlen(name, TLS_NAME_MAX);
    if (size == 0 || size >= TLS_NAME_MAX || !is_letter_or_digit(name[0])) {
        return false;
    }
    for (size_t i = 1; i < size; i++) {
        if (!is_letter_or_digit(name[i]) && !strchr("._-", name[i])) {
            return false;
        }
    }
    return true;
}

void tls_identity_name(const X509_NAME *name, char *text)
{
    text[0] = '\0';
    BIO *memory = BIO_new(BIO_s_mem());
    if (!memory) {
        return;
    }
    X509_NAME_print_ex(memory, name, 0, XN_FLAG_RFC2253);
    char *data = NULL;
    long size = BIO_get_mem_data(memory, &data);
    if (size >= TLS_TEXT_MAX) {
        snprintf(text, TLS_TEXT_MAX, "%.*s...", TLS_TEXT_MAX - 4, data);
    } else if (size > 0) {
        snprintf(text, TLS_TEXT_MAX, "%.*s", (int)size, data);
    }
    BIO_free(memory);
}

/* The text of an IA5String, without anything that could forge a line of a log or hide the rest of the name.
 */
static void copy_printable(const ASN1_STRING *string, char *text, size_t space)
{
    const unsigned char *data = ASN1_STRING_get0_data(string);
    size_t size = (size_t)ASN1_STRING_length(string);
    size_t used = 0;
    for (size_t i = 0; i < size && used + 1 < space; i++) {
        text[used++] = (char)(data[i] > ' ' && data[i] < 0x7f ? data[i] : '?');
    }
    text[used] = '\0';
}

static void host_text(const GENERAL_NAME *name, char *text, size_t space)
{
    text[0] = '\0';
    if (name->type == GEN_DNS) {
        copy_printable(name->d.dNSName, text, space);
        return;
    }
    if (name->type != GEN_IPADD) {
        return;
    }
    int size = ASN1_STRING_length(name->d.iPAddress);
    if (size == 4 || size == 16) {
        inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(name->d.iPAddress), text,
                  (socklen_t)space);
    }
}

void tls_identity_hosts(const X509 *certificate, char *text)
{
    text[0] = '\0';
    size_t used = 0;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        char host[128];
        host_text(sk_GENERAL_NAME_value(names, i), host, sizeof host);
        size_t size = strlen(host) + (used ? 2 : 0);
        if (host[0] == '\0' || used + size >= TLS_TEXT_MAX) {
            continue;
        }
        snprintf(text + used, TLS_TEXT_MAX - used, "%s%s", used ? ", " : "", host);
        used += size;
    }
    GENERAL_NAMES_free(names);
}

/* The bridge's name, if this URI is one of ours. False if it is not; an ill-formed name is left empty. */
static bool bridge_of(const GENERAL_NAME *name, char *bridge)
{
    enum { PREFIX = sizeof BRIDGE_URN - 1 };
    if (name->type != GEN_URI) {
        return false;
    }
    const unsigned char *data = ASN1_STRING_get0_data(name->d.uniformResourceIdentifier);
    size_t size = (size_t)ASN1_STRING_length(name->d.uniformResourceIdentifier);
    if (size < PREFIX || memcmp(data, BRIDGE_URN, PREFIX) != 0) {
        return false;
    }
    char candidate[TLS_NAME_MAX] = "";
    if (size - PREFIX < sizeof candidate) {
        memcpy(candidate, data + PREFIX, size - PREFIX);
    }
    bool whole = strlen(candidate) == size - PREFIX; // no NUL inside, not cut
    snprintf(bridge, TLS_NAME_MAX, "%s", whole && tls_bridge_name_valid(candidate) ? candidate : "");
    return true;
}

static void read_bridge(const X509 *certificate, char *bridge)
{
    bridge[0] = '\0';
    int found = 0;
    // NULL also if the extension is there twice: then there is no name
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        if (bridge_of(sk_GENERAL_NAME_value(names, i), bridge)) {
            found++;
        }
    }
    if (found != 1) {
        bridge[0] = '\0';
    }
    GENERAL_NAMES_free(names);
}

/* --- the role ----------------------------------------------------------------------------------------- */

/* One character of well-formed UTF-8 (RFC 3629: shortest form, no surrogates, up to U+10FFFF), not NUL. */
static bool skip_character(struct wire_reader *text)
{
    uint8_t lead = wire_read_u8(text);
    if (lead < 0x80) {
        return lead != 0;
    }
    unsigned more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (lead < 0xc2 || lead > 0xf4) {
        return false;
    }
    uint32_t character = lead & (0x3fU >> more);
    for (unsigned i = 0; i < more; i++) {
        uint8_t byte = wire_read_u8(text);
        if ((byte & 0xc0) != 0x80) {
            return false;
        }
        character = character << 6 | (byte & 0x3fU);
    }
    bool surrogate = character >= 0xd800 && character <= 0xdfff;
    return character >= least[more] && character <= 0x10ffff && !surrogate;
}

static bool is_text(struct bytes bytes)
{
    struct wire_reader text = wire_reader(bytes.data, bytes.size);
    while (wire_left(&text) > 0) {
        if (!skip_character(&text)) {
            return false;
        }
    }
    return bytes.size > 0;
}

bool tls_identity_role(struct bytes value, char *role)
{
    role[0] = '\0';
    struct wire_reader der = wire_reader(value.data, value.size);
    uint8_t tag = wire_read_u8(&der);
    size_t size = wire_read_u8(&der);
    if (size == DER_LENGTH_IN_ONE_BYTE) {
        size = wire_read_u8(&der);
        if (size <= DER_SHORT_LENGTH_MAX) {
            return false; // DER has one form for each length
        }
    } else if (size > DER_SHORT_LENGTH_MAX) {
        return false;
    }
    struct bytes text = wire_read_bytes(&der, size);
    if (tag != DER_UTF8STRING || !wire_reader_done(&der) || size >= TLS_ROLE_MAX || !is_text(text)) {
        return false;
    }
    memcpy(role, text.data, size);
    role[size] = '\0';
    return true;
}

static bool is_role(X509_EXTENSION *extension)
{
    char oid[sizeof ROLE_OID + 1];
    OBJ_obj2txt(oid, sizeof oid, X509_EXTENSION_get_object(extension), 1);
    return strcmp(oid, ROLE_OID) == 0;
}

/* OpenSSL lets a certificate with two roles pass, so they are counted here (R-65: one role only). */
static void read_role(const X509 *certificate, struct tls_peer *peer)
{
    peer->role_count = 0;
    peer->role[0] = '\0';
    for (int i = 0; i < X509_get_ext_count(certificate); i++) {
        X509_EXTENSION *extension = X509_get_ext(certificate, i);
        if (is_role(extension)) {
            const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);
            tls_identity_role((struct bytes){.data = ASN1_STRING_get0_data(value),
                                             .size = (size_t)ASN1_STRING_length(value)},
                              peer->role);
            peer->role_count++;
        }
    }
    if (peer->role_count != 1) {
        peer->role[0] = '\0';
    }
}

bool tls_identity_only_role_is_unknown(const X509 *certificate)
{
    for (int i = 0; i < X509_get_ext_count(certificate); i++) {
        X509_EXTENSION *extension = X509_get_ext(certificate, i);
        bool critical = X509_EXTENSION_get_critical(extension) != 0;
        if (critical && !X509_supported_extension(extension) && !is_role(extension)) {
            return false;
        }
    }
    return true;
}

/* --- the whole ---------------------------------------------------------------------------------------- */

int64_t tls_identity_time_us(const ASN1_TIME *time)
{
    struct tm parts = {0};
    if (!time || ASN1_TIME_to_tm(time, &parts) != 1) {
        return 0;
    }
    return (int64_t)timegm(&parts) * CLOCK_US_PER_S;
}

static void read_serial(const X509 *certificate, char *serial, size_t space)
{
    serial[0] = '\0';
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    char *text = number ? BN_bn2hex(number) : NULL;
    if (text) {
        snprintf(serial, space, "%s", text);
    }
    OPENSSL_free(text);
    BN_free(number);
}

void tls_identity_read(const X509 *certificate, struct tls_peer *peer)
{
    *peer = (struct tls_peer){0};
    read_bridge(certificate, peer->bridge);
    tls_identity_name(X509_get_subject_name(certificate), peer->subject);
    read_serial(certificate, peer->serial, sizeof peer->serial);
    peer->not_after_us = tls_identity_time_us(X509_get0_notAfter(certificate));
    read_role(certificate, peer);
}
