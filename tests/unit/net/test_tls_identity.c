#include "base/array.h"
#include "net/tls_identity.h"
#include "support/suite.h"

#include <openssl/x509v3.h>
#include <string.h>

/* The value of a role extension: MODBUS/TCP Security R-22. */
START_TEST(a_role_is_one_utf8string_in_der)
{
    static const struct {
        const char *name;
        const char *value;
        size_t size;
        const char *role; /* NULL = none */
    } rows[] = {
        {"the standard's example", "\x0c\x08Operator", 10, "Operator"},
        {"one character", "\x0c\x01x", 3, "x"},
        {"separators are part of it",
         "\x0c\x07"
         "a,b\nc d",
         9, "a,b\nc d"},
        {"two-byte character", "\x0c\x02\xc3\xa9", 4, "\xc3\xa9"},
        {"three-byte character", "\x0c\x03\xe2\x82\xac", 5, "\xe2\x82\xac"},
        {"four-byte character", "\x0c\x04\xf0\x9f\x98\x80", 6, "\xf0\x9f\x98\x80"},
        {"last character", "\x0c\x04\xf4\x8f\xbf\xbf", 6, "\xf4\x8f\xbf\xbf"},
        {"empty value", "", 0, NULL},
        {"only a tag", "\x0c", 1, NULL},
        {"empty string", "\x0c\x00", 2, NULL},
        {"PrintableString", "\x13\x08Operator", 10, NULL},
        {"IA5String", "\x16\x08Operator", 10, NULL},
        {"too short", "\x0c\x08Operato", 9, NULL},
        {"bytes behind it", "\x0c\x08Operator!", 11, NULL},
        {"a second role behind it",
         "\x0c\x01"
         "a\x0c\x01"
         "b",
         6, NULL},
        {"length in a longer form than needed", "\x0c\x81\x08Operator", 11, NULL},
        {"length in two bytes", "\x0c\x82\x00\x08Operator", 12, NULL},
        {"indefinite length", "\x0c\x80Operator\x00\x00", 12, NULL},
        {"NUL inside",
         "\x0c\x04"
         "a\x00"
         "bc",
         6, NULL},
        {"overlong slash", "\x0c\x02\xc0\xaf", 4, NULL},
        {"overlong three bytes", "\x0c\x03\xe0\x80\xaf", 5, NULL},
        {"overlong four bytes", "\x0c\x04\xf0\x80\x80\xaf", 6, NULL},
        {"surrogate", "\x0c\x03\xed\xa0\x80", 5, NULL},
        {"beyond Unicode", "\x0c\x04\xf4\x90\x80\x80", 6, NULL},
        {"five-byte lead", "\x0c\x05\xf8\x88\x80\x80\x80", 7, NULL},
        {"lone continuation", "\x0c\x01\x80", 3, NULL},
        {"cut character",
         "\x0c\x02"
         "a\xc3",
         4, NULL},
        {"continuation missing",
         "\x0c\x02\xc3"
         "a",
         4, NULL},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char role[TLS_ROLE_MAX] = "left over";
        struct bytes value = {.data = (const uint8_t *)rows[i].value, .size = rows[i].size};
        ck_assert_msg(tls_identity_role(value, role) == (rows[i].role != NULL), "%s", rows[i].name);
        ck_assert_msg(strcmp(role, rows[i].role ? rows[i].role : "") == 0, "%s", rows[i].name);
    }
}
END_TEST

START_TEST(a_role_may_have_255_bytes)
{
    static const size_t sizes[] = {127, 128, 255};
    uint8_t value[3 + 255];
    memset(value, 'r', sizeof value);
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        size_t header = sizes[i] < 128 ? 2 : 3;
        value[0] = 0x0c;
        value[1] = 0x81;
        value[header - 1] = (uint8_t)sizes[i];
        char role[TLS_ROLE_MAX];
        ck_assert(tls_identity_role((struct bytes){.data = value, .size = header + sizes[i]}, role));
        ck_assert_uint_eq(strlen(role), sizes[i]);
        memset(value, 'r', sizeof value);
    }
}
END_TEST

START_TEST(a_bridge_name_is_short_and_plain)
{
    static const struct {
        const char *name;
        bool good;
    } rows[] = {
        {"a", true},       {"cell-3", true},         {"9.Lives_of-a-cat", true}, {"", false},
        {"-cell", false},  {".cell", false},         {"_cell", false},           {"cell 3", false},
        {"cell/3", false}, {"z\xc3\xbcrich", false}, {"cell\n3", false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_msg(tls_bridge_name_valid(rows[i].name) == rows[i].good, "%s", rows[i].name);
    }
    char name[TLS_NAME_MAX + 1];
    memset(name, 'x', sizeof name);
    name[TLS_NAME_MAX - 1] = '\0';
    ck_assert(tls_bridge_name_valid(name)); // 63
    name[TLS_NAME_MAX - 1] = 'x';
    name[TLS_NAME_MAX] = '\0';
    ck_assert(!tls_bridge_name_valid(name)); // 64
}
END_TEST

/* --- certificates made here --------------------------------------------------------------------------- */

static X509 *certificate_of(const char *common_name, const char *alternatives)
{
    X509 *certificate = X509_new();
    X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName, MBSTRING_UTF8,
                               (const unsigned char *)common_name, -1, -1, 0);
    if (alternatives) {
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alternatives);
        ck_assert_ptr_nonnull(extension);
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
    }
    return certificate;
}

START_TEST(a_bridge_is_named_by_exactly_one_well_formed_uri)
{
    static const struct {
        const char *alternatives;
        const char *bridge;
    } rows[] = {
        {"URI:urn:bourdon:bridge:cell-3", "cell-3"},
        {"DNS:cell-3.example,URI:urn:bourdon:bridge:cell-3,URI:https://example", "cell-3"},
        {NULL, ""},
        {"DNS:cell-3", ""},
        {"DNS:urn:bourdon:bridge:cell-3", ""},
        {"URI:urn:bourdon:operator:cell-3", ""},
        {"URI:urn:bourdon:bridge:", ""},
        {"URI:urn:bourdon:bridge:-x", ""},
        {"URI:urn:bourdon:bridge:a/b", ""},
        {"URI:URN:bourdon:bridge:a", ""},
        {"URI:urn:bourdon:bridge:a,URI:urn:bourdon:bridge:a", ""},
        {"URI:urn:bourdon:bridge:a,URI:urn:bourdon:bridge:", ""},
        {"URI:urn:bourdon:bridge:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde",
         "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"},
        {"URI:urn:bourdon:bridge:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", ""},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        X509 *certificate = certificate_of("x", rows[i].alternatives);
        struct tls_peer peer;
        tls_identity_read(certificate, &peer);
        ck_assert_msg(strcmp(peer.bridge, rows[i].bridge) == 0, "%s: %s", rows[i].alternatives, peer.bridge);
        X509_free(certificate);
    }
}
END_TEST

/* A URI cannot be given with a NUL in OpenSSL's own language. */
START_TEST(a_nul_inside_a_name_does_not_hide_the_rest)
{
    static const char uri[] = "urn:bourdon:bridge:cell-3\0.evil";
    X509 *certificate = certificate_of("x", NULL);
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    ASN1_STRING_set(text, uri, sizeof uri - 1);
    GENERAL_NAME_set0_value(name, GEN_URI, text);
    sk_GENERAL_NAME_push(names, name);
    X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT);
    GENERAL_NAMES_free(names);
    struct tls_peer peer;
    tls_identity_read(certificate, &peer);
    ck_assert_str_eq(peer.bridge, "");
    X509_free(certificate);
}
END_TEST

START_TEST(names_are_escaped_and_cut)
{
    X509 *certificate = certificate_of("two\nlines, \"quoted\" \xc3\xa9", NULL);
    char text[TLS_TEXT_MAX];
    tls_identity_name(X509_get_subject_name(certificate), text);
    ck_assert_str_eq(text, "CN=two\\0Alines\\, \\\"quoted\\\" \\C3\\A9");
    X509_free(certificate);

    char long_name[64 + 1];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    certificate = certificate_of(long_name, NULL);
    for (int i = 0; i < 4; i++) {
        X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_organizationalUnitName,
                                   MBSTRING_ASC, (const unsigned char *)long_name, -1, -1, 0);
    }
    tls_identity_name(X509_get_subject_name(certificate), text);
    ck_assert_uint_eq(strlen(text), TLS_TEXT_MAX - 1);
    ck_assert_str_eq(text + TLS_TEXT_MAX - 4, "...");
    X509_free(certificate);
}
END_TEST

START_TEST(hosts_are_listed_as_far_as_they_fit)
{
    X509 *certificate = certificate_of("x", "DNS:a.example,URI:urn:x,IP:192.0.2.7,IP:2001:db8::7");
    char text[TLS_TEXT_MAX];
    tls_identity_hosts(certificate, text);
    ck_assert_str_eq(text, "a.example, 192.0.2.7, 2001:db8::7");
    X509_free(certificate);

    static const char name[] = ",DNS:some-long-name.example";
    char many[4096] = "DNS:first.example";
    for (size_t i = 0, at = strlen(many); i < 100; i++, at += sizeof name - 1) {
        memcpy(many + at, name, sizeof name);
    }
    certificate = certificate_of("x", many);
    tls_identity_hosts(certificate, text);
    ck_assert_int_eq(strncmp(text, "first.example, some-long-name.example, ", 39), 0);
    ck_assert_uint_lt(strlen(text), TLS_TEXT_MAX);
    X509_free(certificate);
}
END_TEST

int main(void)
{
    return suite_run("tls_identity", (const TTest *[]){
                                         a_role_is_one_utf8string_in_der,
                                         a_role_may_have_255_bytes,
                                         a_bridge_name_is_short_and_plain,
                                         a_bridge_is_named_by_exactly_one_well_formed_uri,
                                         a_nul_inside_a_name_does_not_hide_the_rest,
                                         names_are_escaped_and_cut,
                                         hosts_are_listed_as_far_as_they_fit,
                                         NULL,
                                     });
}
