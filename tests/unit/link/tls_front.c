#include "tls_front.h"

#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 4096, SLICE_MS = 20 };

struct tls_front {
    SSL_CTX *context;
    int listener;
    uint16_t port, plain_port;
    atomic_bool stopping;
    pthread_t thread;
};

static int connect_plain(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* False: the connection is over. */
static bool to_plain(SSL *ssl, int plain)
{
    char piece[PIECE];
    do {
        size_t got = 0;
        if (SSL_read_ex(ssl, piece, sizeof piece, &got) != 1) {
            return SSL_get_error(ssl, 0) == SSL_ERROR_WANT_READ;
        }
        if (send(plain, piece, got, MSG_NOSIGNAL) != (ssize_t)got) {
            return false;
        }
    } while (SSL_pending(ssl) > 0);
    return true;
}

static bool write_all(struct tls_front *front, SSL *ssl, const char *piece, size_t size)
{
    size_t written = 0;
    while (SSL_write_ex(ssl, piece, size, &written) != 1) {
        struct pollfd wait = {.fd = SSL_get_fd(ssl), .events = POLLOUT};
        if (SSL_get_error(ssl, 0) != SSL_ERROR_WANT_WRITE || atomic_load(&front->stopping)) {
            return false;
        }
        (void)poll(&wait, 1, SLICE_MS);
    }
    return true;
}

/* False: the connection is over. */
static bool to_tls(struct tls_front *front, int plain, SSL *ssl)
{
    char piece[PIECE];
    ssize_t got = recv(plain, piece, sizeof piece, MSG_DONTWAIT);
    return got > 0 && write_all(front, ssl, piece, (size_t)got);
}

static void pump(struct tls_front *front, SSL *ssl, int plain)
{
    fcntl(SSL_get_fd(ssl), F_SETFL, O_NONBLOCK);
    bool alive = true;
    while (alive && !atomic_load(&front->stopping)) {
        struct pollfd waits[] = {{.fd = SSL_get_fd(ssl), .events = POLLIN}, {.fd = plain, .events = POLLIN}};
        (void)poll(waits, 2, SLICE_MS);
        if (waits[1].revents) {
            alive = to_tls(front, plain, ssl);
        }
        if (alive && waits[0].revents) {
            alive = to_plain(ssl, plain);
        }
    }
    SSL_shutdown(ssl);
}

static void serve(struct tls_front *front, int fd)
{
    const struct timeval patience = {.tv_sec = 10};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    SSL *ssl = SSL_new(front->context);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1) {
        int plain = connect_plain(front->plain_port);
        if (plain >= 0) {
            pump(front, ssl, plain);
            close(plain);
        }
    }
    SSL_free(ssl);
    close(fd);
}

static void *run(void *owner)
{
    struct tls_front *front = owner;
    for (;;) {
        int fd = accept(front->listener, NULL, NULL);
        if (fd < 0) {
            return NULL;
        }
        serve(front, fd);
    }
}

static SSL_CTX *make_context(const struct tls_front_options *options)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    ck_assert_int_eq(SSL_CTX_use_certificate_chain_file(context, options->certificate), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey_file(context, options->key, SSL_FILETYPE_PEM), 1);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (options->ca) {
        ck_assert_int_eq(SSL_CTX_load_verify_file(context, options->ca), 1);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    if (options->suites) {
        SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
        ck_assert_int_eq(SSL_CTX_set_cipher_list(context, options->suites), 1);
    }
    return context;
}

struct tls_front *tls_front_start(const struct tls_front_options *options)
{
    signal(SIGPIPE, SIG_IGN);
    struct tls_front *front = calloc(1, sizeof *front);
    front->context = make_context(options);
    front->plain_port = options->plain_port;
    front->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    ck_assert_int_eq(bind(front->listener, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(front->listener, 4), 0);
    ck_assert_int_eq(getsockname(front->listener, (struct sockaddr *)&address, &size), 0);
    front->port = ntohs(address.sin_port);
    ck_assert_int_eq(pthread_create(&front->thread, NULL, run, front), 0);
    return front;
}

void tls_front_stop(struct tls_front *front)
{
    if (!front) {
        return;
    }
    atomic_store(&front->stopping, true);
    shutdown(front->listener, SHUT_RDWR);
    pthread_join(front->thread, NULL);
    close(front->listener);
    SSL_CTX_free(front->context);
    free(front);
}

uint16_t tls_front_port(const struct tls_front *front)
{
    return front->port;
}
