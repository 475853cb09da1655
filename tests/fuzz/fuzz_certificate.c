/*
 * The input is taken three ways: as the value of a role extension, which must be canonical where it is
 * accepted; as the values of the extensions of a certificate made here; and as a whole certificate.
 */
#include "net/tls_identity.h"

#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool role_is_canonical(struct bytes value, const char *role)
{
    uint8_t expected[3 + TLS_ROLE_MAX] = {0x0c};
    size_t size = strlen(role);
    size_t header = size < 0x80 ? 2 : 3;
    expected[1] = 0x81;
    expected[header - 1] = (uint8_t)size;
    memcpy(expected + header, role, size);
    return size > 0 && value.size == header + size && memcmp(value.data, expected, value.size) == 0;
}

static void add_extension(X509 *certificate, const char *oid, struct bytes value)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *content = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(content, value.data, (int)value.size);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, 0, content);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(content);
    ASN1_OBJECT_free(object);
}

static void read_everything(const X509 *certificate, struct tls_peer *peer)
{
    char text[TLS_TEXT_MAX];
    tls_identity_read(certificate, peer);
    tls_identity_hosts(certificate, text);
    must(strnlen(text, sizeof text) < sizeof text);
    must(strnlen(peer->subject, sizeof peer->subject) < sizeof peer->subject);
    must(strnlen(peer->serial, sizeof peer->serial) < sizeof peer->serial);
    must(peer->bridge[0] == '\0' || tls_bridge_name_valid(peer->bridge));
    must(peer->role[0] == '\0' || peer->role_count == 1);
    (void)tls_identity_only_role_is_unknown(certificate);
}

static void try_extensions(struct bytes value, const char *role)
{
    static const char subject_alternatives[] = "2.5.29.17";
    static const char role_oid[] = "1.3.6.1.4.1.50316.802.1";
    X509 *certificate = X509_new();
    add_extension(certificate, subject_alternatives, value);
    add_extension(certificate, role_oid, value);
    struct tls_peer peer;
    read_everything(certificate, &peer);
    must(peer.role_count == 1 && strcmp(peer.role, role) == 0);
    add_extension(certificate, role_oid, value);
    read_everything(certificate, &peer);
    must(peer.role_count == 2 && peer.role[0] == '\0');
    X509_free(certificate);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes input = {.data = data, .size = size};
    char role[TLS_ROLE_MAX];
    bool accepted = tls_identity_role(input, role);
    must(!accepted || role_is_canonical(input, role));
    must(accepted || role[0] == '\0');
    try_extensions(input, role);

    const unsigned char *at = data;
    X509 *certificate = d2i_X509(NULL, &at, (long)size);
    if (certificate) {
        struct tls_peer peer;
        read_everything(certificate, &peer);
        X509_free(certificate);
    }
    return 0;
}
