#include "conversation.h"

#include <check.h>
#include <string.h>

struct exchange exchange;

void await(const struct wish *server)
{
    exchange_open(&exchange, server ? context_of(server) : NULL);
}

void meet(const struct wish *server, const struct wish *client, const char *server_name)
{
    await(server);
    struct tls_context *client_tls = context_of(client);
    exchange_connect(&exchange, client_tls, server_name);
    // the connections keep what they need
    tls_context_unref(client_tls);
}

void part(void)
{
    struct tls_context *server_tls = exchange.server_tls;
    exchange_close(&exchange);
    tls_context_unref(server_tls);
}

void says(const char *who, const struct end *end, enum err code, const char *const *parts)
{
    ck_assert_msg(end->code == code, "%s: %s: %s", who, err_name(end->code), end->reason);
    ck_assert_int_eq(end->closed, 1);
    for (; *parts; parts++) {
        ck_assert_msg(strstr(end->reason, *parts) != NULL, "%s should say '%s': %s", who, *parts,
                      end->reason);
    }
}

const char *plain_greeting;

void greet_plainly(struct end *end)
{
    const struct bytes bytes = {.data = (const uint8_t *)plain_greeting, .size = strlen(plain_greeting)};
    ck_assert_int_eq(io_write(end->io, bytes), ERR_OK);
}
