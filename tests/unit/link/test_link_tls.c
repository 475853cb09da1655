#include "base/array.h"
#include "base/clock.h"
#include "contract.h"
#include "link/link_tls.h"
#include "support/certificates.h"
#include "support/plc_server.h"
#include "support/suite.h"
#include "tls_front.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000 };

static struct certificates plant;
static metric_value counters[LINK_COUNTERS];

static const char *file(const char *name)
{
    static char paths[8][TEMPORARY_PATH_MAX];
    static size_t next;
    return certificates_path(&plant, name, paths[next++ % ARRAY_LENGTH(paths)]);
}

/* NULL with a word on standard error: the suite has not begun where the contract's context is made. */
static struct tls_context *client_context(const struct tls_options *wish)
{
    struct tls_options options = *wish;
    options.side = TLS_CLIENT;
    options.profile = TLS_PROFILE_MBAPS_V36;
    options.ca = file("ca.pem");
    options.certificate = file("bridge/cell-3.pem");
    options.key = file("bridge/cell-3.key");
    struct tls_context *context;
    struct err_text why = {.text = ""};
    if (tls_context_new(&options, &context, &why) != ERR_OK) {
        fprintf(stderr, "link_tls: %s\n", why.text);
    }
    return context;
}

static struct link *link_to(const char *host, uint16_t port, struct tls_context *tls)
{
    struct link_setup setup = {
        .url = {.scheme = LINK_TLS, .port = port},
        .response_timeout_us = PATIENCE_MS * CLOCK_US_PER_MS,
        .connect_timeout_us = PATIENCE_MS * CLOCK_US_PER_MS,
        .counters = counters,
        .tls = tls,
    };
    snprintf(setup.url.host, sizeof setup.url.host, "%s", host);
    struct link *link;
    struct err_text why = {.text = ""};
    ck_assert_msg(link_tls_new(&setup, &link, &why) == ERR_OK, "%s", why.text);
    return link;
}

static enum link_outcome read_one(struct link *link)
{
    static const struct pdu_request request = {
        .function = MODBUS_READ_HOLDING_REGISTERS,
        .read = {.address = 10, .quantity = 1},
    };
    struct link_exchange exchange = {.unit = 5, .request = &request};
    return link_exchange(link, &exchange);
}

START_TEST(the_server_must_be_whom_the_url_names)
{
    static const struct {
        const char *name;
        const char *host;
        const char *shown; /* without .pem and .key */
        const char *part;  /* of the reason; NULL = accepted */
    } rows[] = {
        {"by address", "127.0.0.1", "server/control", NULL},
        {"with a role, which is ignored", "127.0.0.1", "server/with-role", NULL},
        {"another name", "127.0.0.1", "bad/server/wrong-name", "it is for other.example, not for 127.0.0.1"},
        {"expired", "127.0.0.1", "bad/server/expired", "it expired on 2020-02-01"},
        {"of another authority", "127.0.0.1", "bad/server/unknown-ca", "is an unknown authority"},
    };
    struct plc_server *plc = plc_server_start();
    struct tls_context *tls = client_context(&(struct tls_options){.ca = NULL});
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char certificate[64];
        char key[64];
        snprintf(certificate, sizeof certificate, "%s.pem", rows[i].shown);
        snprintf(key, sizeof key, "%s.key", rows[i].shown);
        struct tls_front *front = tls_front_start(&(struct tls_front_options){
            .certificate = file(certificate), .key = file(key), .plain_port = plc_server_port(plc)});
        struct link *link = link_to(rows[i].host, tls_front_port(front), tls);
        struct err_text why = {.text = ""};
        enum err result = link_connect(link, &why);
        ck_assert_msg(result == (rows[i].part ? ERR_REFUSED : ERR_OK), "%s: %s", rows[i].name, why.text);
        ck_assert_msg(!rows[i].part || strstr(why.text, rows[i].part), "%s: %s", rows[i].name, why.text);
        ck_assert_msg(rows[i].part || read_one(link) == LINK_ANSWERED, "%s", rows[i].name);
        link_free(link);
        tls_front_stop(front);
    }
    tls_context_unref(tls);
    plc_server_stop(plc);
}
END_TEST

START_TEST(a_refusal_after_the_handshake_is_told_by_the_next_attempt)
{
    struct plc_server *plc = plc_server_start();
    struct tls_front *front =
        tls_front_start(&(struct tls_front_options){.certificate = file("server/control.pem"),
                                                    .key = file("server/control.key"),
                                                    .ca = file("bad/unknown-authority/ca.pem"),
                                                    .plain_port = plc_server_port(plc)});
    struct tls_context *tls = client_context(&(struct tls_options){.ca = NULL});
    struct link *link = link_to("127.0.0.1", tls_front_port(front), tls);
    ck_assert_int_eq(link_connect(link, NULL), ERR_OK); // TLS 1.3: nobody has looked at our certificate yet
    ck_assert_int_eq(read_one(link), LINK_LOST);
    struct err_text why = {.text = ""};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(link_connect(link, &why), ERR_REFUSED);
        ck_assert_msg(strstr(why.text, "refused our certificate") != NULL, "%s", why.text);
    }
    link_free(link);
    tls_front_stop(front);
    tls_context_unref(tls);
    plc_server_stop(plc);
}
END_TEST

START_TEST(an_old_device_gets_the_ciphers_it_needs)
{
    static const struct {
        const char *ciphers;
        bool good;
    } rows[] = {{"AES128-SHA256", true}, {NULL, false}};
    struct plc_server *plc = plc_server_start();
    struct tls_front *front =
        tls_front_start(&(struct tls_front_options){.certificate = file("server/old.pem"),
                                                    .key = file("server/old.key"),
                                                    .suites = "AES128-SHA256",
                                                    .plain_port = plc_server_port(plc)});
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct tls_context *tls = client_context(&(struct tls_options){.ciphers = rows[i].ciphers});
        struct link *link = link_to("127.0.0.1", tls_front_port(front), tls);
        ck_assert_int_eq(link_connect(link, NULL), rows[i].good ? ERR_OK : ERR_REFUSED);
        ck_assert(!rows[i].good || read_one(link) == LINK_ANSWERED);
        link_free(link);
        tls_context_unref(tls);
    }
    tls_front_stop(front);
    plc_server_stop(plc);
}
END_TEST

START_TEST(a_plain_device_is_named_as_such)
{
    struct plc_server *plc = plc_server_start();
    struct tls_context *tls = client_context(&(struct tls_options){.ca = NULL});
    struct link_setup setup = {
        .url = {.scheme = LINK_TLS, .host = "127.0.0.1", .port = plc_server_port(plc)},
        .connect_timeout_us = CLOCK_US_PER_S / 2,
        .counters = counters,
        .tls = tls,
    };
    struct link *link;
    ck_assert_int_eq(link_tls_new(&setup, &link, NULL), ERR_OK);
    struct err_text why = {.text = ""};
    enum err result = link_connect(link, &why);
    // a PLC may hang up on what is no Modbus, or wait for the rest of it
    ck_assert_msg(result == ERR_REFUSED || result == ERR_TIMEOUT, "%s", why.text);
    ck_assert_msg(strstr(why.text, "TLS handshake") != NULL, "%s", why.text);
    link_free(link);
    tls_context_unref(tls);
    plc_server_stop(plc);
}
END_TEST

static void *interrupt_it(void *link)
{
    link_interrupt(link);
    return NULL;
}

/* The kernel takes the connection; nobody ever answers on it. */
START_TEST(a_handshake_that_stalls_is_bounded_and_can_be_interrupted)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(listener, 4), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    struct tls_context *tls = client_context(&(struct tls_options){.ca = NULL});
    struct link_setup setup = {
        .url = {.scheme = LINK_TLS, .host = "127.0.0.1", .port = ntohs(address.sin_port)},
        .connect_timeout_us = 200 * CLOCK_US_PER_MS,
        .counters = counters,
        .tls = tls,
    };
    struct link *link;
    ck_assert_int_eq(link_tls_new(&setup, &link, NULL), ERR_OK);
    struct err_text why = {.text = ""};
    ck_assert_int_eq(link_connect(link, &why), ERR_TIMEOUT);
    ck_assert_msg(strstr(why.text, "handshake took too long") != NULL, "%s", why.text);
    link_free(link);

    setup.connect_timeout_us = 60 * CLOCK_US_PER_S;
    ck_assert_int_eq(link_tls_new(&setup, &link, NULL), ERR_OK);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, interrupt_it, link), 0);
    ck_assert_int_eq(link_connect(link, NULL), ERR_CLOSED);
    pthread_join(thread, NULL);
    link_free(link);
    tls_context_unref(tls);
    close(listener);
}
END_TEST

START_TEST(without_a_certificate_there_is_no_link)
{
    struct link *link;
    struct err_text why = {.text = ""};
    struct link_setup setup = {.url = {.scheme = LINK_TLS, .host = "127.0.0.1", .port = 802}};
    ck_assert_int_eq(link_new(&setup, &link, &why), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(why.text, "certificate"));
}
END_TEST

static int run_own_tests(void)
{
    return suite_run("link_tls", (const TTest *[]){
                                     the_server_must_be_whom_the_url_names,
                                     a_refusal_after_the_handshake_is_told_by_the_next_attempt,
                                     an_old_device_gets_the_ciphers_it_needs,
                                     a_plain_device_is_named_as_such,
                                     a_handshake_that_stalls_is_bounded_and_can_be_interrupted,
                                     without_a_certificate_there_is_no_link,
                                     NULL,
                                 });
}

int main(void)
{
    certificates_make(&plant);
    certificates_run(&plant, "server", "with-role --ip 127.0.0.1 --role Administrator");
    certificates_run(&plant, "server", "old --rsa --ip 127.0.0.1");
    certificates_run(&plant, "bad-set", "");
    struct tls_context *tls = client_context(&(struct tls_options){.ca = NULL});
    char certificate[TEMPORARY_PATH_MAX];
    char key[TEMPORARY_PATH_MAX];
    const struct contract_way way = {
        .tls = tls,
        .certificate = certificates_path(&plant, "server/control.pem", certificate),
        .key = certificates_path(&plant, "server/control.key", key),
    };
    int status = contract_run("link_tls_contract", &way);
    tls_context_unref(tls);
    status = run_own_tests() == EXIT_SUCCESS ? status : EXIT_FAILURE;
    certificates_remove(&plant);
    return status;
}
