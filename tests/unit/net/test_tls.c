#include "base/array.h"
#include "base/clock.h"
#include "exchange.h"
#include "raw_tls.h"
#include "support/certificates.h"
#include "support/suite.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct certificates plant;
static struct exchange exchange;

/* --- contexts of the plant's files -------------------------------------------------------------------- */

struct wish {
    enum tls_side side;
    const char *pair; /* e.g. "bridge/cell-3" */
    const char *ca;   /* NULL = "ca.pem" */
    const char *crl;  /* NULL = none */
    const char *alpn;
    bool tls12;
};

static struct wish server_wish(void)
{
    return (struct wish){.side = TLS_SERVER, .pair = "server/control", .crl = "crl.pem", .alpn = "bourdon/1"};
}

static struct wish client_wish(void)
{
    return (struct wish){.side = TLS_CLIENT, .pair = "bridge/cell-3", .crl = "crl.pem", .alpn = "bourdon/1"};
}

/* The path of `name` and `end` in a place of its own: at most four are in use at once. */
static const char *file(const char *name, const char *end)
{
    static char paths[4][TEMPORARY_PATH_MAX];
    static size_t next;
    char whole[128];
    snprintf(whole, sizeof whole, "%s%s", name, end);
    return certificates_path(&plant, whole, paths[next++ % ARRAY_LENGTH(paths)]);
}

static enum err try_context(const struct wish *wish, struct tls_context **context, struct err_text *why)
{
    const struct tls_options options = {
        .side = wish->side,
        .ca = file(wish->ca ? wish->ca : "ca.pem", ""),
        .certificate = file(wish->pair, ".pem"),
        .key = file(wish->pair, ".key"),
        .crl = wish->crl ? file(wish->crl, "") : "",
        .alpn = wish->alpn,
        .allow_tls12 = wish->tls12,
    };
    return tls_context_new(&options, context, why);
}

static struct tls_context *context_of(const struct wish *wish)
{
    struct tls_context *context;
    struct err_text why;
    ck_assert_msg(try_context(wish, &context, &why) == ERR_OK, "%s", why.text);
    return context;
}

static void copy_file(const char *from, const char *to, const char *flags)
{
    FILE *in = fopen(from, "re");
    FILE *out = fopen(to, flags);
    char content[16 * 1024];
    size_t size = fread(content, 1, sizeof content, in);
    ck_assert_uint_eq(fwrite(content, 1, size, out), size);
    fclose(in);
    fclose(out);
}

/* --- conversations ------------------------------------------------------------------------------------ */

static void meet(const struct wish *server, const struct wish *client, const char *server_name)
{
    struct tls_context *server_tls = context_of(server);
    struct tls_context *client_tls = context_of(client);
    exchange_open(&exchange, server_tls);
    exchange_connect(&exchange, client_tls, server_name);
    // the connections keep what they need
    tls_context_unref(client_tls);
}

static void part(void)
{
    struct tls_context *server_tls = exchange.server_tls;
    exchange_close(&exchange);
    tls_context_unref(server_tls);
}

static void says(const char *who, const struct end *end, enum err code, const char *const *parts)
{
    ck_assert_msg(end->code == code, "%s: %s: %s", who, err_name(end->code), end->reason);
    ck_assert_int_eq(end->closed, 1);
    for (; *parts; parts++) {
        ck_assert_msg(strstr(end->reason, *parts) != NULL, "%s should say '%s': %s", who, *parts,
                      end->reason);
    }
}

enum { PARTS_MAX = 5 };

struct refusal {
    const char *name;               /* of the pair under bad/bridge or bad/server */
    const char *refuser[PARTS_MAX]; /* what the one who checks says */
    const char *refused[PARTS_MAX]; /* what the one who shows it says */
};

START_TEST(a_server_refuses_bad_bridges_and_both_say_why)
{
    static const struct refusal rows[] = {
        {"expired",
         {"refused the certificate of 127.0.0.1", "(CN=expired,OU=bad, serial ", "it expired on 2020-02-01",
          "issue a new one for bridge bad"},
         {"the server refused our certificate (", "/bad/bridge/expired.pem)", "has expired", "2020-02-01"}},
        {"not-yet-valid",
         {"it is not yet valid, only from 2048-01-01", "check the clocks"},
         {"not yet valid"}},
        {"unknown-ca",
         {"its issuer (CN=Somebody else's authority) is an unknown authority", "/ca.pem"},
         {"its authority is unknown"}},
        {"missing-intermediate",
         {"its issuer (CN=Intermediate,OU=bad)", "append the missing intermediate"},
         {"its authority is unknown", "append the missing intermediate"}},
        {"self-signed", {"it is self-signed and not in ", "/ca.pem"}, {"its authority is unknown"}},
        {"wrong-usage",
         {"it is not made for a client", "extended key usage clientAuth"},
         {"wrong kind", "extended key usage clientAuth"}},
        {"revoked", {"it was revoked", "/crl.pem"}, {"was revoked", "issue a new one"}},
        {"unknown-critical", {"a critical extension that we do not know"}, {"cannot accept the certificate"}},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char pair[64];
        snprintf(pair, sizeof pair, "bad/bridge/%s", rows[i].name);
        struct wish server = server_wish();
        struct wish client = client_wish();
        client.pair = pair;
        meet(&server, &client, "localhost");
        exchange_run(&exchange, exchange_both_closed, rows[i].name);
        says("the server", &exchange.server, ERR_REFUSED, rows[i].refuser);
        says("the client", &exchange.client, ERR_REFUSED, rows[i].refused);
        ck_assert_int_eq(exchange.server.opened, 0);
        ck_assert_ptr_null(io_peer(exchange.server.io));
        part();
    }
}
END_TEST

START_TEST(a_bridge_refuses_bad_servers_and_both_say_why)
{
    static const struct refusal rows[] = {
        {"expired",
         {"refused the certificate of 127.0.0.1", "it expired on 2020-02-01",
          "issue a new one for the server"},
         {"the client refused our certificate (", "/bad/server/expired.pem)", "has expired"}},
        {"not-yet-valid", {"it is not yet valid, only from 2048-01-01"}, {"not yet valid"}},
        {"unknown-ca", {"is an unknown authority", "/ca.pem"}, {"its authority is unknown"}},
        {"missing-intermediate", {"append the missing intermediate"}, {"append the missing intermediate"}},
        {"self-signed", {"it is self-signed"}, {"its authority is unknown"}},
        {"wrong-usage", {"it is not made for a server", "serverAuth"}, {"wrong kind", "serverAuth"}},
        {"revoked", {"it was revoked"}, {"was revoked"}},
        {"wrong-name", {"it is for other.example, not for localhost"}, {"for another name"}},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char pair[64];
        snprintf(pair, sizeof pair, "bad/server/%s", rows[i].name);
        struct wish server = server_wish();
        struct wish client = client_wish();
        server.pair = pair;
        meet(&server, &client, "localhost");
        exchange_run(&exchange, exchange_both_closed, rows[i].name);
        says("the client", &exchange.client, ERR_REFUSED, rows[i].refuser);
        says("the server", &exchange.server, ERR_REFUSED, rows[i].refused);
        ck_assert_int_eq(exchange.client.opened, 0);
        part();
    }
}
END_TEST

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

/* --- peers without our policy -------------------------------------------------------------------------- */

START_TEST(a_server_refuses_what_our_own_client_would_not_do)
{
    static const struct {
        const char *name;
        const char *pair; /* NULL = shows none */
        int version;
        const char *alpn;
        enum err code;
        int alert;
        const char *parts[PARTS_MAX];
    } rows[] = {
        {"a weak key",
         "bad/bridge/weak-key",
         0,
         "bourdon/1",
         ERR_REFUSED,
         SSL_AD_BAD_CERTIFICATE,
         {"its key of 1024 bits is too weak", "P-256"}},
        {"a weak digest",
         "bad/bridge/weak-digest",
         0,
         "bourdon/1",
         ERR_REFUSED,
         SSL_AD_BAD_CERTIFICATE,
         {"signed with a digest that is too weak", "SHA-256"}},
        {"no certificate",
         NULL,
         0,
         "bourdon/1",
         ERR_REFUSED,
         SSL_AD_CERTIFICATE_REQUIRED,
         {"the client 127.0.0.1", "showed no certificate", "/ca.pem"}},
        {"TLS 1.2",
         "bridge/cell-3",
         TLS1_2_VERSION,
         "bourdon/1",
         ERR_VERSION,
         SSL_AD_PROTOCOL_VERSION,
         {"speaks no TLS version that we allow (1.3 only)"}},
        {"TLS 1.1",
         "bridge/cell-3",
         TLS1_1_VERSION,
         "bourdon/1",
         ERR_VERSION,
         SSL_AD_PROTOCOL_VERSION,
         {"speaks no TLS version that we allow"}},
        {"no protocol",
         "bridge/cell-3",
         0,
         NULL,
         ERR_REFUSED,
         SSL_AD_NO_APPLICATION_PROTOCOL,
         {"does not speak bourdon/1"}},
        {"another protocol",
         "bridge/cell-3",
         0,
         "h2",
         ERR_REFUSED,
         SSL_AD_NO_APPLICATION_PROTOCOL,
         {"does not speak bourdon/1"}},
        {"a longer protocol",
         "bridge/cell-3",
         0,
         "bourdon/11",
         ERR_REFUSED,
         SSL_AD_NO_APPLICATION_PROTOCOL,
         {"does not speak bourdon/1"}},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wish server = server_wish();
        struct tls_context *server_tls = context_of(&server);
        exchange_open(&exchange, server_tls);
        struct raw_tls peer = {.port = exchange.port, .version = rows[i].version, .alpn = rows[i].alpn};
        peer.certificate = rows[i].pair ? file(rows[i].pair, ".pem") : NULL;
        peer.key = rows[i].pair ? file(rows[i].pair, ".key") : NULL;
        raw_tls_start(&peer);
        exchange_run(&exchange, exchange_server_closed, rows[i].name);
        raw_tls_join(&peer);
        says(rows[i].name, &exchange.server, rows[i].code, rows[i].parts);
        ck_assert_msg(peer.alert == rows[i].alert, "%s: alert %d", rows[i].name, peer.alert);
        part();
    }
}
END_TEST

START_TEST(a_client_refuses_what_our_own_server_would_not_do)
{
    static const struct {
        const char *name;
        const char *pair;
        int version;
        const char *alpn;
        enum err code;
        const char *parts[PARTS_MAX];
    } rows[] = {
        {"a weak key",
         "bad/server/weak-key",
         0,
         "bourdon/1",
         ERR_REFUSED,
         {"its key of 1024 bits is too weak"}},
        {"TLS 1.2",
         "server/control",
         TLS1_2_VERSION,
         "bourdon/1",
         ERR_VERSION,
         {"the server 127.0.0.1", "accepts none of the TLS versions we allow (1.3 only)"}},
        {"no protocol",
         "server/control",
         0,
         NULL,
         ERR_REFUSED,
         {"does not speak bourdon/1: is this the right port?"}},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wish client = client_wish();
        struct tls_context *client_tls = context_of(&client);
        struct raw_tls peer = {.server = true, .version = rows[i].version, .alpn = rows[i].alpn};
        peer.certificate = file(rows[i].pair, ".pem");
        peer.key = file(rows[i].pair, ".key");
        raw_tls_start(&peer);
        exchange_open(&exchange, NULL);
        exchange.port = peer.port;
        exchange_connect(&exchange, client_tls, "localhost");
        exchange_run(&exchange, exchange_client_closed, rows[i].name);
        raw_tls_join(&peer);
        says(rows[i].name, &exchange.client, rows[i].code, rows[i].parts);
        ck_assert_int_eq(exchange.client.opened, 0);
        exchange_close(&exchange);
        tls_context_unref(client_tls);
    }
}
END_TEST

START_TEST(tls_1_2_is_spoken_where_it_is_allowed)
{
    struct wish server = server_wish();
    server.tls12 = true;
    struct tls_context *server_tls = context_of(&server);
    exchange_open(&exchange, server_tls);
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
        struct tls_context *server_tls = context_of(&server);
        exchange_open(&exchange, server_tls);
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
    struct tls_context *server_tls = context_of(&server);
    exchange_open(&exchange, server_tls);
    struct raw_tls peer = {.port = exchange.port, .version = TLS1_1_VERSION, .alpn = "bourdon/1"};
    raw_tls_start(&peer);
    exchange_run(&exchange, exchange_server_closed, "TLS 1.1 is refused");
    raw_tls_join(&peer);
    says("the server", &exchange.server, ERR_VERSION, (const char *const[]){"(1.2 and 1.3)", NULL});
    ck_assert_int_eq(peer.alert, SSL_AD_PROTOCOL_VERSION);
    part();
}
END_TEST

static const char *plain_greeting;

static void greet_plainly(struct end *end)
{
    const struct bytes bytes = {.data = (const uint8_t *)plain_greeting, .size = strlen(plain_greeting)};
    ck_assert_int_eq(io_write(end->io, bytes), ERR_OK);
}

START_TEST(plain_text_on_a_tls_port_is_named)
{
    static const char *const greetings[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                                            "bourdon, are you there?\r\n", "CONNECT x:443 HTTP/1.1\r\n\r\n"};
    for (size_t i = 0; i < ARRAY_LENGTH(greetings); i++) {
        struct wish server = server_wish();
        struct tls_context *server_tls = context_of(&server);
        exchange_open(&exchange, server_tls);
        plain_greeting = greetings[i];
        exchange.client.on_opened = greet_plainly;
        exchange_connect(&exchange, NULL, NULL);
        exchange_run(&exchange, exchange_server_closed, "the server understood");
        says(greetings[i], &exchange.server, ERR_MALFORMED,
             (const char *const[]){"does not speak TLS", NULL});
        part();
    }
}
END_TEST

START_TEST(a_client_names_a_server_that_speaks_plain_text)
{
    struct wish client = client_wish();
    struct tls_context *client_tls = context_of(&client);
    exchange_open(&exchange, NULL);
    plain_greeting = "220 mail.example ESMTP\r\n";
    exchange.server.on_opened = greet_plainly;
    exchange_connect(&exchange, client_tls, "localhost");
    exchange_run(&exchange, exchange_client_closed, "the client understood");
    says("the client", &exchange.client, ERR_MALFORMED,
         (const char *const[]){"the server 127.0.0.1", "does not speak TLS", NULL});
    exchange_close(&exchange);
    tls_context_unref(client_tls);
}
END_TEST

/* --- identity ----------------------------------------------------------------------------------------- */

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

/* --- files -------------------------------------------------------------------------------------------- */

static void write_file(const char *path, const char *content)
{
    FILE *made = fopen(path, "we");
    ck_assert_ptr_nonnull(made);
    fputs(content, made);
    fclose(made);
    ck_assert_int_eq(chmod(path, 0600), 0);
}

START_TEST(files_that_cannot_be_used_are_named_with_the_remedy)
{
    copy_file(file("bridge/cell-3", ".pem"), file("no-key", ".pem"), "we");
    copy_file(file("bridge/cell-3", ".pem"), file("other-key", ".pem"), "we");
    copy_file(file("bridge/cell-4", ".key"), file("other-key", ".key"), "we");
    ck_assert_int_eq(chmod(file("other-key", ".key"), 0600), 0);
    copy_file(file("bridge/cell-3", ".pem"), file("rubbish-key", ".pem"), "we");
    write_file(file("rubbish-key", ".key"), "not a key\n");
    write_file(file("rubbish", ".pem"), "not a certificate\n");
    write_file(file("rubbish", ".key"), "not a key\n");

    static const struct {
        const char *name;
        struct wish wish;
        const char *parts[PARTS_MAX];
    } rows[] = {
        {"no certificate", {.pair = "bridge/nobody"}, {"certificate ", "/bridge/nobody.pem", "No such file"}},
        {"rubbish as certificate", {.pair = "rubbish"}, {"certificate ", "/rubbish.pem", "in PEM form"}},
        {"no key", {.pair = "no-key"}, {"private key ", "/no-key.key", "No such file"}},
        {"another key",
         {.pair = "other-key"},
         {"private key ", "/other-key.key", "does not belong to", "/other-key.pem"}},
        {"rubbish as key", {.pair = "rubbish-key"}, {"private key ", "/rubbish-key.key"}},
        {"a weak key", {.pair = "bad/bridge/weak-key"}, {"/weak-key.pem", "its key is too weak", "P-256"}},
        {"a weak digest",
         {.pair = "bad/bridge/weak-digest"},
         {"/weak-digest.pem", "digest that is too weak"}},
        {"no authority",
         {.pair = "bridge/cell-3", .ca = "nowhere.pem"},
         {"authority (ca) ", "/nowhere.pem", "No such file"}},
        {"rubbish as authority",
         {.pair = "bridge/cell-3", .ca = "rubbish.pem"},
         {"authority (ca) ", "/rubbish.pem"}},
        {"no revocation list",
         {.pair = "bridge/cell-3", .crl = "nowhere.pem"},
         {"revocation list (crl) ", "No such file"}},
        {"a certificate as revocation list",
         {.pair = "bridge/cell-3", .crl = "ca.pem"},
         {"revocation list (crl) ", "/ca.pem", "PEM form"}},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct tls_context *context;
        struct err_text why = {0};
        ck_assert_msg(try_context(&rows[i].wish, &context, &why) == ERR_CONFIG, "%s", rows[i].name);
        ck_assert_ptr_null(context);
        for (const char *const *parts = rows[i].parts; *parts; parts++) {
            ck_assert_msg(strstr(why.text, *parts) != NULL, "%s should say '%s': %s", rows[i].name, *parts,
                          why.text);
        }
    }
}
END_TEST

START_TEST(a_key_that_others_may_use_is_refused)
{
    static const struct {
        mode_t mode;
        bool good;
    } rows[] = {{0600, true}, {0400, true}, {0640, false}, {0604, false}, {0620, false}, {0666, false}};
    copy_file(file("bridge/cell-3", ".pem"), file("modes", ".pem"), "we");
    copy_file(file("bridge/cell-3", ".key"), file("modes", ".key"), "we");
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_int_eq(chmod(file("modes", ".key"), rows[i].mode), 0);
        struct wish wish = client_wish();
        wish.pair = "modes";
        struct tls_context *context;
        struct err_text why = {0};
        enum err result = try_context(&wish, &context, &why);
        ck_assert_msg((result == ERR_OK) == rows[i].good, "%04o: %s", rows[i].mode, why.text);
        ck_assert(rows[i].good || strstr(why.text, "chmod 600"));
        tls_context_unref(context);
    }
}
END_TEST

START_TEST(a_key_with_a_passphrase_is_refused_without_asking)
{
    copy_file(file("bridge/cell-3", ".pem"), file("locked", ".pem"), "we");
    certificates_shell(&plant, "openssl pkey -aes256 -passout pass:x -in bridge/cell-3.key -out locked.key");
    ck_assert_int_eq(chmod(file("locked", ".key"), 0600), 0);
    struct wish wish = client_wish();
    wish.pair = "locked";
    struct tls_context *context;
    struct err_text why = {0};
    ck_assert_int_eq(try_context(&wish, &context, &why), ERR_CONFIG);
    ck_assert_msg(strstr(why.text, "has a passphrase") != NULL, "%s", why.text);
}
END_TEST

START_TEST(an_expired_certificate_of_our_own_does_not_stop_the_start)
{
    struct wish wish = client_wish();
    wish.pair = "bad/bridge/expired";
    struct tls_context *context = context_of(&wish);
    ck_assert_int_eq(tls_context_not_after_us(context), INT64_C(1580515200) * CLOCK_US_PER_S); // 2020-02-01
    ck_assert_str_eq(tls_context_bridge(context), "bad");
    tls_context_unref(context);
}
END_TEST

static void make_plant(void)
{
    certificates_make(&plant);
    certificates_run(&plant, "bridge", "cell-4 --role 'Reader of $HOME, \"quoted\" \xc3\xa9'");
    certificates_run(&plant, "bridge", "rsa --rsa");
    certificates_run(&plant, "server", "localhost --ip 127.0.0.1");
    certificates_run(&plant, "bad-set", "");
}

int main(void)
{
    make_plant();
    int status = suite_run("tls", (const TTest *[]){
                                      a_server_refuses_bad_bridges_and_both_say_why,
                                      a_bridge_refuses_bad_servers_and_both_say_why,
                                      checks_the_name_it_connects_to,
                                      a_common_name_is_no_host_name,
                                      no_session_can_be_resumed,
                                      a_client_without_a_name_to_check_does_not_connect,
                                      a_server_refuses_what_our_own_client_would_not_do,
                                      a_client_refuses_what_our_own_server_would_not_do,
                                      tls_1_2_is_spoken_where_it_is_allowed,
                                      tls_1_1_is_refused_where_1_2_is_allowed,
                                      plain_text_on_a_tls_port_is_named,
                                      a_client_names_a_server_that_speaks_plain_text,
                                      the_identity_comes_from_the_certificate,
                                      a_peer_is_described_by_subject_serial_and_end,
                                      an_intermediate_that_is_sent_along_completes_the_chain,
                                      with_revocation_lists_every_issuer_of_a_chain_needs_one,
                                      an_open_connection_can_be_judged_by_a_new_context,
                                      a_bridge_name_is_short_and_plain,
                                      files_that_cannot_be_used_are_named_with_the_remedy,
                                      a_key_that_others_may_use_is_refused,
                                      a_key_with_a_passphrase_is_refused_without_asking,
                                      an_expired_certificate_of_our_own_does_not_stop_the_start,
                                      NULL,
                                  });
    certificates_remove(&plant);
    return status;
}
