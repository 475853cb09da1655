/* The profiles of MODBUS/TCP Security: each test bears the number of the requirement it proves. */
#include "base/array.h"
#include "conversation.h"
#include "raw_tls.h"
#include "support/suite.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

static struct wish mbaps_server(void)
{
    return (struct wish){.side = TLS_SERVER,
                         .profile = TLS_PROFILE_MBAPS_V36,
                         .pair = "server/control",
                         .second = "server/rsa",
                         .crl = "crl.pem"};
}

static struct wish mbaps_client(void)
{
    return (struct wish){
        .side = TLS_CLIENT, .profile = TLS_PROFILE_MBAPS_V36, .pair = "bridge/cell-3", .crl = "crl.pem"};
}

/* A client made of OpenSSL alone meets the server: `peer` says what it offers, and then how it went. */
static void visit(const struct wish *server, struct raw_tls *peer, const char *pair, bool good)
{
    await(server);
    peer->port = exchange.port;
    peer->certificate = pair ? file(pair, ".pem") : NULL;
    peer->key = pair ? file(pair, ".key") : NULL;
    raw_tls_start(peer);
    exchange_run(&exchange, good ? exchange_server_open : exchange_server_closed, "the server decided");
    if (good && !peer->renegotiates) {
        io_shutdown(exchange.server.io, EXCHANGE_DEADLINE_MS);
    }
    exchange_run(&exchange, exchange_server_closed, "the server closed");
    raw_tls_join(peer);
    part();
}

static const char *name_of(enum tls_profile profile)
{
    static const char *const names[] = {"tunnel", "mbaps-v36", "sunspec", "nist"};
    return names[profile];
}

START_TEST(r_01_r_32_r_34_speaks_tls_1_2_and_1_3_and_nothing_older)
{
    static const struct {
        int version;
        bool good;
    } rows[] = {
        {TLS1_VERSION, false}, {TLS1_1_VERSION, false}, {TLS1_2_VERSION, true}, {TLS1_3_VERSION, true}};
    for (enum tls_profile profile = TLS_PROFILE_MBAPS_V36; profile <= TLS_PROFILE_NIST; profile++) {
        for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
            struct wish server = mbaps_server();
            server.profile = profile;
            struct raw_tls peer = {.version = rows[i].version};
            visit(&server, &peer, "bridge/cell-3", rows[i].good);
            ck_assert_msg(peer.shook_hands == rows[i].good, "%s %x", name_of(profile), rows[i].version);
            ck_assert_int_eq(peer.alert, rows[i].good ? -1 : SSL_AD_PROTOCOL_VERSION);
        }
    }
}
END_TEST

START_TEST(r_02_r_10_r_44_a_client_without_certificate_gets_a_fatal_alert)
{
    static const struct {
        int version;
        int alert;
    } rows[] = {{TLS1_2_VERSION, SSL_AD_HANDSHAKE_FAILURE}, {TLS1_3_VERSION, SSL_AD_CERTIFICATE_REQUIRED}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wish server = mbaps_server();
        struct raw_tls peer = {.version = rows[i].version};
        visit(&server, &peer, NULL, false);
        ck_assert_int_eq(peer.alert, rows[i].alert);
    }
}
END_TEST

/* What a client offers, and what is agreed. */
struct offer {
    const char *name;
    enum tls_profile profile;
    const char *ciphers; /* the only ones of TLS 1.2 */
    const char *suites;  /* of TLS 1.3 */
    const char *agreed;  /* NULL = none */
};

static void check_offers(const struct offer *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct wish server = mbaps_server();
        server.profile = rows[i].profile;
        struct raw_tls peer = {.version = rows[i].suites ? TLS1_3_VERSION : TLS1_2_VERSION,
                               .ciphers = rows[i].ciphers,
                               .suites = rows[i].suites};
        visit(&server, &peer, "bridge/cell-3", rows[i].agreed != NULL);
        ck_assert_msg(strcmp(peer.cipher, rows[i].agreed ? rows[i].agreed : "") == 0, "%s: %s", rows[i].name,
                      peer.cipher);
    }
}

START_TEST(r_14_r_62_has_the_mandatory_suites_with_rsa_and_p_256_side_by_side)
{
    static const struct offer rows[] = {
        {"RSA", TLS_PROFILE_MBAPS_V36, "ECDHE-RSA-AES128-GCM-SHA256", NULL, "ECDHE-RSA-AES128-GCM-SHA256"},
        {"P-256", TLS_PROFILE_MBAPS_V36, "ECDHE-ECDSA-AES128-GCM-SHA256", NULL,
         "ECDHE-ECDSA-AES128-GCM-SHA256"},
        {"RSA, sunspec", TLS_PROFILE_SUNSPEC, "ECDHE-RSA-AES128-GCM-SHA256", NULL,
         "ECDHE-RSA-AES128-GCM-SHA256"},
        {"RSA, nist", TLS_PROFILE_NIST, "ECDHE-RSA-AES128-GCM-SHA256", NULL, "ECDHE-RSA-AES128-GCM-SHA256"},
        {"P-256, nist", TLS_PROFILE_NIST, "ECDHE-ECDSA-AES128-GCM-SHA256", NULL,
         "ECDHE-ECDSA-AES128-GCM-SHA256"},
    };
    check_offers(rows, ARRAY_LENGTH(rows));
}
END_TEST

START_TEST(r_13_r_37_r_50_r_51_r_53_agrees_on_no_suite_without_a_strong_digest_encryption_or_certificate)
{
    static const struct offer rows[] = {
        {"HMAC-SHA-1", TLS_PROFILE_MBAPS_V36,
         "ECDHE-RSA-AES128-SHA:AES128-SHA:ECDHE-ECDSA-AES256-SHA@SECLEVEL=0", NULL, NULL},
        {"no encryption", TLS_PROFILE_MBAPS_V36, "NULL-SHA256:NULL-MD5:ECDHE-ECDSA-NULL-SHA@SECLEVEL=0", NULL,
         NULL},
        {"static RSA", TLS_PROFILE_MBAPS_V36, "AES128-GCM-SHA256:AES128-SHA256@SECLEVEL=0", NULL, NULL},
        {"anonymous", TLS_PROFILE_MBAPS_V36, "ADH-AES128-SHA256:AECDH-AES128-SHA@SECLEVEL=0", NULL, NULL},
        {"pre-shared key", TLS_PROFILE_MBAPS_V36, "PSK-AES128-GCM-SHA256@SECLEVEL=0", NULL, NULL},
        {"CCM-8 outside sunspec", TLS_PROFILE_MBAPS_V36, "ECDHE-ECDSA-AES128-CCM8", NULL, NULL},
        {"ChaCha20 with nist", TLS_PROFILE_NIST, "ECDHE-ECDSA-CHACHA20-POLY1305", NULL, NULL},
    };
    check_offers(rows, ARRAY_LENGTH(rows));
}
END_TEST

START_TEST(tcp_17_tcp_18_tcp_19_sunspec_prefers_its_suites_in_its_order)
{
    static const struct offer rows[] = {
        {"all", TLS_PROFILE_SUNSPEC,
         "ECDHE-ECDSA-AES128-CCM8:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256", NULL,
         "ECDHE-ECDSA-AES128-GCM-SHA256"},
        {"the latter two", TLS_PROFILE_SUNSPEC, "ECDHE-ECDSA-AES128-CCM8:ECDHE-ECDSA-CHACHA20-POLY1305", NULL,
         "ECDHE-ECDSA-CHACHA20-POLY1305"},
        {"the last", TLS_PROFILE_SUNSPEC, "ECDHE-ECDSA-AES128-CCM8", NULL, "ECDHE-ECDSA-AES128-CCM8"},
        {"not in the list", TLS_PROFILE_SUNSPEC, "ECDHE-ECDSA-AES256-GCM-SHA384", NULL, NULL},
        {"all of 1.3", TLS_PROFILE_SUNSPEC, NULL,
         "TLS_AES_128_CCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256",
         "TLS_AES_128_GCM_SHA256"},
        {"the latter two of 1.3", TLS_PROFILE_SUNSPEC, NULL,
         "TLS_AES_128_CCM_SHA256:TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"},
        {"the last of 1.3", TLS_PROFILE_SUNSPEC, NULL, "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_SHA256"},
    };
    check_offers(rows, ARRAY_LENGTH(rows));
}
END_TEST

START_TEST(r_46_sends_the_whole_chain_with_its_root)
{
    static const char *const ciphers[] = {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"};
    for (size_t i = 0; i < ARRAY_LENGTH(ciphers); i++) {
        struct wish server = mbaps_server();
        struct raw_tls peer = {.version = TLS1_2_VERSION, .ciphers = ciphers[i]};
        visit(&server, &peer, "bridge/cell-3", true);
        ck_assert_int_eq(peer.chain_length, 2); // the files hold the leaf alone
        ck_assert(peer.chain_to_root);
    }
}
END_TEST

START_TEST(r_46_a_chain_that_cannot_reach_its_root_is_not_loaded)
{
    struct wish server = mbaps_server();
    server.pair = "bad/server/unknown-ca";
    struct tls_context *context;
    struct err_text why = {0};
    ck_assert_int_eq(try_context(&server, &context, &why), ERR_CONFIG);
    ck_assert_msg(strstr(why.text, "does not reach a root") && strstr(why.text, "append"), "%s", why.text);
}
END_TEST

START_TEST(r_57_r_58_negotiates_fragments_of_512_bytes)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < ARRAY_LENGTH(versions); i++) {
        for (int wanted = 0; wanted <= 1; wanted++) {
            struct wish server = mbaps_server();
            struct raw_tls peer = {.version = versions[i], .fragment_512 = wanted != 0};
            visit(&server, &peer, "bridge/cell-3", true);
            ck_assert_int_eq(peer.fragment, wanted ? TLSEXT_max_fragment_length_512 : 0);
        }
    }
}
END_TEST

START_TEST(r_57_r_58_r_63_a_client_asks_for_fragments_of_512_bytes)
{
    struct wish client = mbaps_client();
    client.fragment_512 = true;
    struct tls_context *client_tls = context_of(&client);
    struct raw_tls peer = {.server = true, .version = TLS1_2_VERSION};
    peer.certificate = file("server/control", ".pem");
    peer.key = file("server/control", ".key");
    raw_tls_start(&peer);
    exchange_open(&exchange, NULL);
    exchange.port = peer.port;
    exchange.client.on_opened = greet_plainly;
    plain_greeting = "x";
    exchange_connect(&exchange, client_tls, "localhost");
    exchange_run(&exchange, exchange_client_closed, "the peer said goodbye");
    raw_tls_join(&peer);
    ck_assert_int_eq(peer.fragment, TLSEXT_max_fragment_length_512);
    exchange_close(&exchange);
    tls_context_unref(client_tls);
}
END_TEST

START_TEST(r_59_r_60_indicates_renegotiation_but_refuses_it_and_never_compresses)
{
    struct wish server = mbaps_server();
    struct raw_tls peer = {.version = TLS1_2_VERSION, .renegotiates = true};
    visit(&server, &peer, "bridge/cell-3", true);
    ck_assert(peer.shook_hands);
    ck_assert(peer.secure_renegotiation);
    ck_assert(!peer.renegotiated);
    ck_assert_int_eq(peer.compression, 0);
}
END_TEST

START_TEST(r_11_gives_out_no_session_to_resume)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < ARRAY_LENGTH(versions); i++) {
        struct wish server = mbaps_server();
        struct raw_tls peer = {.version = versions[i]};
        visit(&server, &peer, "bridge/cell-3", true);
        ck_assert(peer.shook_hands);
        ck_assert(!peer.resumable);
    }
}
END_TEST

/* --- certificates ------------------------------------------------------------------------------------- */

/* Makes NAME.pem and NAME.key, self-signed, with the lines as extensions. */
static void self_signed(const char *name, const char *extensions)
{
    char command[512];
    snprintf(
        command, sizeof command,
        "umask 077; openssl req -new -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout %s.key "
        "-subj /CN=%s -days 30 -addext basicConstraints=critical,CA:FALSE %s -out %s.pem 2>openssl.log",
        name, name, extensions, name);
    certificates_shell(&plant, command);
}

START_TEST(r_45_a_self_signed_leaf_in_the_ca_file_is_accepted_also_with_a_revocation_list)
{
    self_signed("alone", "");
    copy_file(file("ca", ".pem"), file("with-alone", ".pem"), "we");
    copy_file(file("alone", ".pem"), file("with-alone", ".pem"), "ae");
    self_signed("stranger", "");
    static const struct {
        const char *pair;
        bool good;
    } rows[] = {{"alone", true}, {"bridge/cell-3", true}, {"stranger", false}, {"bad/bridge/revoked", false}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wish server = mbaps_server();
        server.ca = "with-alone.pem";
        struct raw_tls peer = {.version = TLS1_2_VERSION};
        visit(&server, &peer, rows[i].pair, rows[i].good);
        ck_assert_msg(peer.shook_hands == rows[i].good, "%s", rows[i].pair);
    }
}
END_TEST

START_TEST(r_47_a_client_certificate_needs_clientauth_only_if_it_limits_its_usage)
{
    certificates_shell(&plant,
                       "umask 077; openssl req -new -newkey rsa:2048 -nodes -keyout example.key -subj "
                       "/OU=bridge/CN=example -out example.csr 2>openssl.log && printf "
                       "'basicConstraints=CA:FALSE\\nkeyUsage=critical,digitalSignature,nonRepudiation,"
                       "keyEncipherment\\n' >example.ext && openssl ca -batch -notext -config "
                       "authority/openssl.cnf -in example.csr -extfile example.ext -days 9 -out "
                       "example.pem 2>openssl.log");
    static const struct {
        const char *pair;
        bool good;
    } rows[] = {{"example", true}, {"bad/bridge/wrong-usage", false}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wish server = mbaps_server();
        struct raw_tls peer = {.version = TLS1_2_VERSION};
        visit(&server, &peer, rows[i].pair, rows[i].good);
        ck_assert_msg(peer.shook_hands == rows[i].good, "%s", rows[i].pair);
    }
}
END_TEST

START_TEST(r_21_r_23_r_30_r_65_role_faults_leave_the_session_up_without_a_role)
{
    static const struct {
        const char *pair;
        unsigned count;
        const char *role;
    } rows[] = {
        {"bridge/cell-4", 1, CONTEXTS_ROLE},
        {"bridge/cell-3", 0, ""},
        {"bad/bridge/two-roles", 2, ""},
        {"bad/bridge/role-not-utf8string", 1, ""},
        {"bad/bridge/role-critical", 1, "Operator"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wish server = mbaps_server();
        struct wish client = mbaps_client();
        client.pair = rows[i].pair;
        meet(&server, &client, "localhost");
        exchange_run(&exchange, exchange_both_open, rows[i].pair);
        ck_assert_uint_eq(io_peer(exchange.server.io)->role_count, rows[i].count);
        ck_assert_str_eq(io_peer(exchange.server.io)->role, rows[i].role);
        part();
    }
}
END_TEST

START_TEST(two_certificates_of_one_kind_are_refused)
{
    struct wish server = mbaps_server();
    server.second = "server/localhost";
    struct tls_context *context;
    struct err_text why = {0};
    ck_assert_int_eq(try_context(&server, &context, &why), ERR_CONFIG);
    ck_assert_msg(strstr(why.text, "same kind of key") != NULL, "%s", why.text);
}
END_TEST

/* --- a client's own ----------------------------------------------------------------------------------- */

static const char *fingerprint_of(const char *pair)
{
    static char text[128];
    char command[256];
    snprintf(command, sizeof command,
             "openssl x509 -noout -fingerprint -sha256 -in %s.pem | cut -d= -f2 >fingerprint", pair);
    certificates_shell(&plant, command);
    FILE *in = fopen(file("fingerprint", ""), "re");
    ck_assert_ptr_nonnull(in);
    ck_assert_ptr_nonnull(fgets(text, sizeof text, in));
    fclose(in);
    text[strcspn(text, "\n")] = '\0';
    return text;
}

START_TEST(a_pin_stands_for_authority_and_name_but_not_for_the_dates)
{
    static const struct {
        const char *name;
        const char *shown;
        const char *pinned;
        const char *parts[PARTS_MAX]; /* none = accepted */
    } rows[] = {
        {"a self-signed one", "bad/server/self-signed", "bad/server/self-signed", {NULL}},
        {"of another authority", "bad/server/unknown-ca", "bad/server/unknown-ca", {NULL}},
        {"for another name", "bad/server/wrong-name", "bad/server/wrong-name", {NULL}},
        {"another than pinned",
         "server/control",
         "bad/server/self-signed",
         {"its fingerprint ", "is not the pinned one"}},
        {"expired", "bad/server/expired", "bad/server/expired", {"it expired on 2020-02-01"}},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wish server = server_wish();
        server.pair = rows[i].shown;
        server.alpn = NULL;
        struct wish client = mbaps_client();
        client.ca = "";
        client.crl = NULL;
        client.pin = fingerprint_of(rows[i].pinned);
        meet(&server, &client, "device.example");
        exchange_run(&exchange, rows[i].parts[0] ? exchange_both_closed : exchange_both_open, rows[i].name);
        if (rows[i].parts[0]) {
            says(rows[i].name, &exchange.client, ERR_REFUSED, rows[i].parts);
        }
        part();
    }
}
END_TEST

START_TEST(options_of_a_client_are_checked)
{
    static const struct {
        const char *name;
        struct wish wish;
        const char *part;
    } rows[] = {
        {"a pin that is none", {.pin = "12:34"}, "is not the SHA-256 fingerprint"},
        {"a pin of letters", {.pin = "finger"}, "is not the SHA-256 fingerprint"},
        {"no such cipher", {.ciphers = "ROT13"}, "OpenSSL knows none of them"},
        {"no encryption", {.ciphers = "NULL-SHA256@SECLEVEL=0"}, "do not encrypt"},
        {"nobody there", {.ciphers = "AECDH-AES128-SHA@SECLEVEL=0"}, "prove nothing"},
        {"ciphers of a server", {.side = TLS_SERVER, .ciphers = "AES128-SHA"}, "only a link to a device"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wish wish = rows[i].wish;
        wish.profile = TLS_PROFILE_MBAPS_V36;
        wish.pair = "bridge/cell-3";
        struct tls_context *context;
        struct err_text why = {0};
        ck_assert_msg(try_context(&wish, &context, &why) == ERR_CONFIG, "%s", rows[i].name);
        ck_assert_msg(strstr(why.text, rows[i].part) != NULL, "%s: %s", rows[i].name, why.text);
    }
}
END_TEST

START_TEST(a_client_may_take_the_ciphers_of_an_old_device)
{
    static const struct {
        const char *ciphers;
        bool good;
    } rows[] = {{"AES128-SHA256", true}, {NULL, false}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wish client = mbaps_client();
        client.ciphers = rows[i].ciphers;
        struct tls_context *client_tls = context_of(&client);
        struct raw_tls peer = {.server = true, .version = TLS1_2_VERSION, .ciphers = "AES128-SHA256"};
        peer.certificate = file("server/rsa", ".pem");
        peer.key = file("server/rsa", ".key");
        raw_tls_start(&peer);
        exchange_open(&exchange, NULL);
        exchange.port = peer.port;
        exchange.client.on_opened = greet_plainly;
        plain_greeting = "x";
        exchange_connect(&exchange, client_tls, "localhost");
        exchange_run(&exchange, exchange_client_closed, "the device decided");
        raw_tls_join(&peer);
        ck_assert_int_eq(exchange.client.opened, rows[i].good ? 1 : 0);
        exchange_close(&exchange);
        tls_context_unref(client_tls);
    }
}
END_TEST

int main(void)
{
    contexts_make_plant();
    certificates_run(&plant, "server", "rsa --rsa --dns localhost --ip 127.0.0.1");
    int status = suite_run(
        "tls_profile",
        (const TTest *[]){
            r_01_r_32_r_34_speaks_tls_1_2_and_1_3_and_nothing_older,
            r_02_r_10_r_44_a_client_without_certificate_gets_a_fatal_alert,
            r_14_r_62_has_the_mandatory_suites_with_rsa_and_p_256_side_by_side,
            r_13_r_37_r_50_r_51_r_53_agrees_on_no_suite_without_a_strong_digest_encryption_or_certificate,
            tcp_17_tcp_18_tcp_19_sunspec_prefers_its_suites_in_its_order,
            r_46_sends_the_whole_chain_with_its_root,
            r_46_a_chain_that_cannot_reach_its_root_is_not_loaded,
            r_57_r_58_negotiates_fragments_of_512_bytes,
            r_57_r_58_r_63_a_client_asks_for_fragments_of_512_bytes,
            r_59_r_60_indicates_renegotiation_but_refuses_it_and_never_compresses,
            r_11_gives_out_no_session_to_resume,
            r_45_a_self_signed_leaf_in_the_ca_file_is_accepted_also_with_a_revocation_list,
            r_47_a_client_certificate_needs_clientauth_only_if_it_limits_its_usage,
            r_21_r_23_r_30_r_65_role_faults_leave_the_session_up_without_a_role,
            two_certificates_of_one_kind_are_refused,
            a_pin_stands_for_authority_and_name_but_not_for_the_dates,
            options_of_a_client_are_checked,
            a_client_may_take_the_ciphers_of_an_old_device,
            NULL,
        });
    certificates_remove(&plant);
    return status;
}
