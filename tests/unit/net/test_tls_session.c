#include "base/array.h"
#include "base/clock.h"
#include "conversation.h"
#include "raw_tls.h"
#include "support/suite.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

START_TEST(checks_the_name_it_connects_to)
{
    static const struct {
        const char *name;
        const char *server_name;
        bool good;
        const char *parts[PARTS_MAX];
    } rows[] = {
        {"a DNS name", "localhost", true, {NULL}},
        {"an IPv4 address", "127.0.0.1", true, {NULL}},
        {"an IPv6 address", "::1", true, {NULL}},
        {"another DNS name",
         "control.example",
         false,
         {"it is for localhost, 127.0.0.1, ::1, not for control.example"}},
        {"another address", "127.0.0.2", false, {"not for 127.0.0.2", "for this address"}},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wish server = server_wish();
        struct wish client = client_wish();
        meet(&server, &client, rows[i].server_name);
        exchange_run(&exchange, rows[i].good ? exchange_both_open : exchange_both_closed, rows[i].name);
        if (!rows[i].good) {
            says("the client", &exchange.client, ERR_REFUSED, rows[i].parts);
        }
        part();
    }
}
END_TEST

START_TEST(a_common_name_is_no_host_name)
{
    struct wish server = server_wish();
    struct wish client = client_wish();
    server.pair = "server/localhost"; // whose only alternative name is an address
    meet(&server, &client, "localhost");
    exchange_run(&exchange, exchange_both_closed, "it is refused");
    says("the client", &exchange.client, ERR_REFUSED,
         (const char *const[]){"it is for 127.0.0.1, not for localhost", NULL});
    part();
}
END_TEST

START_TEST(a_client_without_a_name_to_check_does_not_connect)
{
    struct wish server = server_wish();
    struct wish client = client_wish();
    meet(&server, &client, NULL);
    exchange_run(&exchange, exchange_client_closed, "the client gave up");
    says("the client", &exchange.client, ERR_CONFIG,
         (const char *const[]){"no name that a certificate", NULL});
    part();
}
END_TEST

START_TEST(tls_1_2_is_spoken_where_it_is_allowed)
{
    struct wish server = server_wish();
    server.tls12 = true;
    await(&server);
    struct raw_tls peer = {.port = exchange.port, .version = TLS1_2_VERSION, .alpn = "bourdon/1"};
    peer.certificate = file("bridge/cell-3", ".pem");
    peer.key = file("bridge/cell-3", ".key");
    raw_tls_start(&peer);
    exchange_run(&exchange, exchange_server_open, "TLS 1.2 is open");
    ck_assert_str_eq(io_cipher(exchange.server.io), "TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256");
    ck_assert_str_eq(io_peer(exchange.server.io)->bridge, "cell-3");
    io_shutdown(exchange.server.io, EXCHANGE_DEADLINE_MS);
    exchange_run(&exchange, exchange_server_closed, "the server closed");
    raw_tls_join(&peer);
    ck_assert(peer.shook_hands);
    part();
}
END_TEST

START_TEST(no_session_can_be_resumed)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < ARRAY_LENGTH(versions); i++) {
        struct wish server = server_wish();
        server.tls12 = true;
        await(&server);
        struct raw_tls peer = {.port = exchange.port, .version = versions[i], .alpn = "bourdon/1"};
        peer.certificate = file("bridge/cell-3", ".pem");
        peer.key = file("bridge/cell-3", ".key");
        raw_tls_start(&peer);
        exchange_run(&exchange, exchange_server_open, "it is open");
        io_shutdown(exchange.server.io, EXCHANGE_DEADLINE_MS);
        exchange_run(&exchange, exchange_server_closed, "the server closed");
        raw_tls_join(&peer);
        ck_assert(peer.shook_hands);
        ck_assert(!peer.resumable);
        part();
    }
}
END_TEST

START_TEST(tls_1_1_is_refused_where_1_2_is_allowed)
{
    struct wish server = server_wish();
    server.tls12 = true;
    await(&server);
    struct raw_tls peer = {.port = exchange.port, .version = TLS1_1_VERSION, .alpn = "bourdon/1"};
    raw_tls_start(&peer);
    exchange_run(&exchange, exchange_server_closed, "TLS 1.1 is refused");
    raw_tls_join(&peer);
    says("the server", &exchange.server, ERR_VERSION, (const char *const[]){"(1.2 and 1.3)", NULL});
    ck_assert_int_eq(peer.alert, SSL_AD_PROTOCOL_VERSION);
    part();
}
END_TEST

START_TEST(a_peer_may_send_certificates_up_to_a_limit)
{
    static const struct {
        const char *name;
        int roots; /* needless ones behind the leaf, of some 400 bytes each */
        bool good;
    } rows[] = {{"below", 60, true}, {"above", 100, false}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        copy_file(file("bridge/cell-3", ".pem"), file("many", ".pem"), "we");
        for (int j = 0; j < rows[i].roots; j++) {
            copy_file(file("ca", ".pem"), file("many", ".pem"), "ae");
        }
        copy_file(file("bridge/cell-3", ".key"), file("many", ".key"), "we");
        ck_assert_int_eq(chmod(file("many", ".key"), 0600), 0);
        struct wish server = server_wish();
        struct wish client = client_wish();
        client.pair = "many";
        meet(&server, &client, "localhost");
        exchange_run(&exchange, rows[i].good ? exchange_both_open : exchange_both_closed, rows[i].name);
        if (!rows[i].good) {
            says("the server", &exchange.server, ERR_LIMIT, (const char *const[]){"beyond our limit", NULL});
        }
        part();
    }
}
END_TEST

/* A bridge under so many intermediates, all of them sent along: "deep". */
static void make_deep(int intermediates)
{
    static const char script[] =
        "printf 'basicConstraints=critical,CA:TRUE\\nkeyUsage=keyCertSign,digitalSignature' > ca.ext; : > "
        "deep.pem;"
        "issuer=authority/ca; i=0;"
        "while [ $i -le $COUNT ]; do"
        "  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout deep-$i.key -subj "
        "/CN=$i -out csr;"
        "  openssl x509 -req -in csr -CA $issuer.pem -CAkey $issuer.key -extfile ca.ext -out deep-$i.pem;"
        "  cat deep-$i.pem deep.pem > new.pem; mv new.pem deep.pem; issuer=deep-$i; i=$((i + 1));"
        "done; cp $issuer.key deep.key";
    char command[sizeof script + 32];
    snprintf(command, sizeof command, "COUNT=%d; %s", intermediates, script);
    certificates_shell(&plant, command);
    ck_assert_int_eq(chmod(file("deep", ".key"), 0600), 0);
}

START_TEST(a_chain_may_have_four_intermediates)
{
    static const struct {
        int intermediates;
        bool good;
    } rows[] = {{4, true}, {5, false}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        make_deep(rows[i].intermediates);
        struct wish server = server_wish();
        struct wish client = client_wish();
        server.crl = NULL;
        client.pair = "deep";
        meet(&server, &client, "localhost");
        exchange_run(&exchange, rows[i].good ? exchange_both_open : exchange_both_closed, "it is judged");
        if (!rows[i].good) {
            says("the server", &exchange.server, ERR_REFUSED,
                 (const char *const[]){"longer than we allow", NULL});
        }
        part();
    }
}
END_TEST

START_TEST(the_identity_comes_from_the_certificate)
{
    static const struct {
        const char *pair;
        const char *bridge;
        unsigned role_count;
        const char *role;
    } rows[] = {
        {"bridge/cell-3", "cell-3", 0, ""},
        {"bridge/cell-4", "cell-4", 1, "Reader of $HOME, \"quoted\" \xc3\xa9"},
        {"operator/anna", "", 1, "operator"},
        {"bad/bridge/no-name", "", 0, ""},
        {"bad/bridge/two-names", "", 0, ""},
        {"bad/bridge/wrong-name", "somebody-else", 0, ""},
        {"bad/bridge/two-roles", "bad", 2, ""},
        {"bad/bridge/role-not-utf8string", "bad", 1, ""},
        {"bad/bridge/role-critical", "bad", 1, "Operator"},
        {"bridge/rsa", "rsa", 0, ""},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wish server = server_wish();
        struct wish client = client_wish();
        client.pair = rows[i].pair;
        meet(&server, &client, "localhost");
        exchange_run(&exchange, exchange_both_open, rows[i].pair);
        const struct tls_peer *peer = io_peer(exchange.server.io);
        ck_assert_str_eq(peer->bridge, rows[i].bridge);
        ck_assert_uint_eq(peer->role_count, rows[i].role_count);
        ck_assert_str_eq(peer->role, rows[i].role);
        part();
    }
}
END_TEST

START_TEST(a_peer_is_described_by_subject_serial_and_end)
{
    struct wish server = server_wish();
    struct wish client = client_wish();
    meet(&server, &client, "localhost");
    exchange_run(&exchange, exchange_both_open, "both are open");
    const struct tls_peer *peer = io_peer(exchange.server.io);
    ck_assert_str_eq(peer->subject, "CN=cell-3,OU=bridge");
    ck_assert_uint_ge(strlen(peer->serial), 38);
    ck_assert_uint_eq(strspn(peer->serial, "0123456789ABCDEF"), strlen(peer->serial));
    ck_assert_int_gt(peer->not_after_us, clock_wall_us() + INT64_C(1094) * 86400 * CLOCK_US_PER_S);
    ck_assert_int_lt(peer->not_after_us, clock_wall_us() + INT64_C(1096) * 86400 * CLOCK_US_PER_S);
    ck_assert_str_eq(io_peer(exchange.client.io)->subject, "CN=control,OU=server");
    ck_assert_str_eq(io_cipher(exchange.client.io), "TLSv1.3 TLS_AES_128_GCM_SHA256");
    part();
}
END_TEST

/* A bridge whose certificate file holds the intermediate too: "chained". */
static void make_chained(void)
{
    copy_file(file("bad/bridge/missing-intermediate", ".pem"), file("chained", ".pem"), "we");
    copy_file(file("bad/intermediate/ca", ".pem"), file("chained", ".pem"), "ae");
    copy_file(file("bad/bridge/missing-intermediate", ".key"), file("chained", ".key"), "we");
    ck_assert_int_eq(chmod(file("chained", ".key"), 0600), 0);
    certificates_shell(&plant, "openssl ca -gencrl -config bad/intermediate/openssl.cnf -out leaf-crl.pem");
    copy_file(file("crl", ".pem"), file("both-crls", ".pem"), "we");
    copy_file(file("leaf-crl", ".pem"), file("both-crls", ".pem"), "ae");
}

START_TEST(an_intermediate_that_is_sent_along_completes_the_chain)
{
    make_chained();
    static const char *const lists[] = {NULL, "both-crls.pem"};
    for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
        struct wish server = server_wish();
        struct wish client = client_wish();
        server.crl = lists[i];
        client.pair = "chained";
        meet(&server, &client, "localhost");
        exchange_run(&exchange, exchange_both_open, "the chain is complete");
        part();
    }
}
END_TEST

START_TEST(with_revocation_lists_every_issuer_of_a_chain_needs_one)
{
    static const struct {
        const char *list;
        const char *reason;
    } rows[] = {
        {"crl.pem", "/crl.pem has no revocation list of CN=Intermediate,OU=bad: add it"},
        {"leaf-crl.pem", "/leaf-crl.pem has no revocation list of CN=Bourdon plant authority"},
    };
    make_chained();
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wish server = server_wish();
        struct wish client = client_wish();
        server.crl = rows[i].list;
        client.pair = "chained";
        meet(&server, &client, "localhost");
        exchange_run(&exchange, exchange_both_closed, "the chain is refused");
        says("the server", &exchange.server, ERR_REFUSED, (const char *const[]){rows[i].reason, NULL});
        part();
    }
}
END_TEST

static bool server_was_greeted(const struct exchange *seen)
{
    return seen->server.received.size == 5;
}

START_TEST(an_open_connection_can_be_judged_by_a_new_context)
{
    certificates_run(&plant, "bridge", "leaver");
    copy_file(file("crl", ".pem"), file("old-crl", ".pem"), "we");
    struct wish server = server_wish();
    struct wish client = client_wish();
    server.crl = "old-crl.pem";
    client.pair = "bridge/leaver";
    meet(&server, &client, "localhost");
    exchange_run(&exchange, exchange_both_open, "both are open");
    certificates_run(&plant, "revoke", "bridge/leaver");
    struct wish reloaded = server_wish();
    struct tls_context *reloaded_tls = context_of(&reloaded);

    struct err_text why = {0};
    ck_assert_msg(io_judge(exchange.server.io, exchange.server_tls, &why) == ERR_OK, "%s", why.text);
    ck_assert_int_eq(io_judge(exchange.server.io, reloaded_tls, &why), ERR_REFUSED);
    ck_assert_msg(strstr(why.text, "CN=leaver,OU=bridge") && strstr(why.text, "it was revoked"), "%s",
                  why.text);

    plain_greeting = "still"; // it is up to the owner to end it
    greet_plainly(&exchange.client);
    exchange_run(&exchange, server_was_greeted, "the connection still works");
    tls_context_unref(reloaded_tls);
    part();
}
END_TEST

int main(void)
{
    contexts_make_plant();
    int status = suite_run("tls_session", (const TTest *[]){
                                              checks_the_name_it_connects_to,
                                              a_common_name_is_no_host_name,
                                              a_client_without_a_name_to_check_does_not_connect,
                                              tls_1_2_is_spoken_where_it_is_allowed,
                                              no_session_can_be_resumed,
                                              tls_1_1_is_refused_where_1_2_is_allowed,
                                              a_peer_may_send_certificates_up_to_a_limit,
                                              a_chain_may_have_four_intermediates,
                                              the_identity_comes_from_the_certificate,
                                              a_peer_is_described_by_subject_serial_and_end,
                                              an_intermediate_that_is_sent_along_completes_the_chain,
                                              with_revocation_lists_every_issuer_of_a_chain_needs_one,
                                              an_open_connection_can_be_judged_by_a_new_context,
                                              NULL,
                                          });
    certificates_remove(&plant);
    return status;
}
