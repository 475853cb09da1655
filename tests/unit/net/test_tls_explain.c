#include "base/array.h"
#include "conversation.h"
#include "raw_tls.h"
#include "support/suite.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct refusal {
    const char *name;               /* of the pair under bad/bridge or bad/server */
    const char *refuser[PARTS_MAX]; /* what the one who checks says */
    const char *refused[PARTS_MAX]; /* what the one who shows it says */
};

/* Each pair under `folder` is shown by one side and refused by the other, before that is open. */
static void check_refusals(const char *folder, const struct refusal *rows, size_t count)
{
    bool bridges = strcmp(folder, "bad/bridge") == 0;
    struct wish server = server_wish();
    struct wish client = client_wish();
    const struct end *refuser = bridges ? &exchange.server : &exchange.client;
    const struct end *refused = bridges ? &exchange.client : &exchange.server;
    for (size_t i = 0; i < count; i++) {
        char pair[64];
        snprintf(pair, sizeof pair, "%s/%s", folder, rows[i].name);
        *(bridges ? &client.pair : &server.pair) = pair;
        meet(&server, &client, "localhost");
        exchange_run(&exchange, exchange_both_closed, rows[i].name);
        says("who checks", refuser, ERR_REFUSED, rows[i].refuser);
        says("who shows it", refused, ERR_REFUSED, rows[i].refused);
        ck_assert_int_eq(refuser->opened, 0);
        ck_assert_ptr_null(io_peer(refuser->io));
        part();
    }
}

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
    check_refusals("bad/bridge", rows, ARRAY_LENGTH(rows));
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
    check_refusals("bad/server", rows, ARRAY_LENGTH(rows));
}
END_TEST

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
        await(&server);
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

START_TEST(plain_text_on_a_tls_port_is_named)
{
    static const char *const greetings[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                                            "bourdon, are you there?\r\n", "CONNECT x:443 HTTP/1.1\r\n\r\n"};
    for (size_t i = 0; i < ARRAY_LENGTH(greetings); i++) {
        struct wish server = server_wish();
        await(&server);
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

START_TEST(an_end_in_the_middle_of_the_handshake_is_told_as_such)
{
    struct wish server = server_wish();
    await(&server);
    int fd = exchange_raw(&exchange);
    static const uint8_t hello_begins[] = {0x16, 0x03, 0x01, 0x02};
    ck_assert_int_eq(write(fd, hello_begins, sizeof hello_begins), sizeof hello_begins);
    close(fd);
    exchange_run(&exchange, exchange_server_closed, "the server noticed");
    says("the server", &exchange.server, ERR_CLOSED, (const char *const[]){"during the TLS handshake", NULL});
    part();
}
END_TEST

int main(void)
{
    contexts_make_plant();
    int status = suite_run("tls_explain", (const TTest *[]){
                                              a_server_refuses_bad_bridges_and_both_say_why,
                                              a_bridge_refuses_bad_servers_and_both_say_why,
                                              a_server_refuses_what_our_own_client_would_not_do,
                                              a_client_refuses_what_our_own_server_would_not_do,
                                              plain_text_on_a_tls_port_is_named,
                                              a_client_names_a_server_that_speaks_plain_text,
                                              an_end_in_the_middle_of_the_handshake_is_told_as_such,
                                              NULL,
                                          });
    certificates_remove(&plant);
    return status;
}
