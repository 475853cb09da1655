#include "contexts.h"
#include "net/io.h"
#include "support/suite.h"

#include <malloc.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/*
 * What an idle TLS connection costs one end, OpenSSL's share included. The product promises 30 kB a bridge;
 * the rest is for what the server keeps about it.
 */
enum { IDLE_BYTES_MAX = 26 * 1000, PAIRS = 100 };

static struct loop *loop;
static struct tls_context *contexts[2]; /* by side */
static struct io *ends[2 * PAIRS];
static size_t end_count;
static size_t opened_count;

static void opened(void *owner)
{
    (void)owner;
    if (++opened_count == (size_t)2 * PAIRS) {
        loop_stop(loop);
    }
}

static void received(void *owner, struct bytes bytes)
{
    (void)owner;
    (void)bytes;
}

static void closed(void *owner, enum err code, const char *reason)
{
    (void)owner;
    ck_abort_msg("%s: %s", err_name(code), reason);
}

static struct io_options options_of(enum tls_side side)
{
    static const struct io_events events = {.opened = opened, .received = received, .closed = closed};
    return (struct io_options){.loop = loop,
                               .tls = contexts[side],
                               .server_name = "localhost",
                               .events = &events,
                               .handshake_ms = 20000,
                               .out_limit = (size_t)1024 * 1024};
}

static void accepted(void *owner, int fd)
{
    (void)owner;
    struct io_options options = options_of(TLS_SERVER);
    ck_assert_int_eq(io_accept(&options, fd, &ends[end_count++]), ERR_OK);
}

static void connect_to(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct loop_addresses addresses = {.count = 1, .sizes = {sizeof address}};
    memcpy(&addresses.items[0], &address, sizeof address);
    struct io_options options = options_of(TLS_CLIENT);
    ck_assert_int_eq(io_connect(&options, &addresses, &ends[end_count++]), ERR_OK);
}

static size_t heap_in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static size_t bytes_each(void)
{
    size_t before = heap_in_use();
    struct io_listener *listener;
    ck_assert_int_eq(io_listen(loop, "127.0.0.1", "0", false, accepted, NULL, &listener, NULL), ERR_OK);
    for (int i = 0; i < PAIRS; i++) {
        connect_to(io_listener_port(listener));
    }
    loop_run(loop);
    size_t used = heap_in_use() - before;
    for (size_t i = 0; i < end_count; i++) {
        io_free(ends[i]);
    }
    io_listener_free(listener);
    return used / end_count;
}

START_TEST(an_idle_tls_connection_fits_the_promise)
{
    loop = loop_new();
    const struct wish server = server_wish();
    const struct wish client = client_wish();
    contexts[TLS_SERVER] = context_of(&server);
    contexts[TLS_CLIENT] = context_of(&client);
    size_t each = bytes_each();
    ck_assert_uint_gt(each, 1000); // else nothing was measured
    ck_assert_uint_lt(each, IDLE_BYTES_MAX);
    tls_context_unref(contexts[TLS_SERVER]);
    tls_context_unref(contexts[TLS_CLIENT]);
    loop_free(loop);
}
END_TEST

int main(void)
{
    certificates_make(&plant);
    int status = suite_run("io_memory", (const TTest *[]){an_idle_tls_connection_fits_the_promise, NULL});
    certificates_remove(&plant);
    return status;
}
