/*
 * io: one stream connection, plain or TLS, as a few events in the loop's thread.
 *
 *   connecting ──▶ handshaking ──▶ open ──▶ closed           plain connections skip handshaking
 *        └──────────────┴────────────┴──▶ closed             each waiting state is bounded by `handshake_ms`
 *
 * The owner gets `opened` once, `received` for bytes, `drained` when everything written has left, and
 * `closed` exactly once at the end (also if it never opened, never after io_free()). All of them come from
 * the loop, never out of a call of the owner. Reasons are in an operator's words: a refused certificate says
 * which certificate, which check, what to do. An end of stream without close_notify is ERR_CLOSED with a
 * reason that says so. Everything on one loop's thread.
 *
 * In TLS 1.3 a client is `opened` before the server has judged its certificate: a refusal arrives as `closed`
 * with the alert in plain words. Who sends a fatal alert lingers, at most a second, so that it reaches the
 * peer: `closed` comes after that.
 */
#ifndef BOURDON_NET_IO_H
#define BOURDON_NET_IO_H

#include "base/buffer.h"
#include "net/loop.h"
#include "net/tls.h"

struct io;

struct io_events {
    void (*opened)(void *owner);
    /* Bytes that arrived; all are taken. The slice is valid during the call. */
    void (*received)(void *owner, struct bytes bytes);
    /* Every byte written has been handed to the kernel. After any write, also one that left at once. May be
     * NULL. */
    void (*drained)(void *owner);
    /* The end. code: ERR_OK for a clean close by the peer, else the class; io_free() is still to be called.
     */
    void (*closed)(void *owner, enum err code, const char *reason);
};

struct io_options {
    struct loop *loop;
    struct tls_context *tls; /* NULL = plain; the io takes its own reference */
    const char *server_name; /* TLS client: DNS name or IP address that the server's certificate must bear */
    const struct io_events *events; /* static */
    void *owner;
    int64_t handshake_ms; /* bound on connecting plus handshake */
    size_t out_limit;     /* bytes that may wait to be sent */
    /* TLS: handshakes are computed in other threads (loop_work), so that they hold up no open connection of
     * the loop, and use all cores. They cost some waking of threads each. */
    bool handshake_apart;
};

/* Starts to connect to the first address that answers. ERR_NO_MEMORY only: everything else arrives as
 * `closed`. */
MUST_USE enum err io_connect(const struct io_options *options, const struct loop_addresses *addresses,
                             struct io **io);

/* Takes over an accepted descriptor (closed by us in any case). */
MUST_USE enum err io_accept(const struct io_options *options, int fd, struct io **io);

/* Queues bytes (copied). ERR_LIMIT: passes out_limit, nothing was queued. ERR_CLOSED: not open. */
MUST_USE enum err io_write(struct io *io, struct bytes bytes);
size_t io_waiting(const struct io *io); /* bytes queued and not yet handed to the kernel */

/* Stops and resumes reading: back-pressure towards the peer. */
void io_pause(struct io *io);
void io_resume(struct io *io);

/* Sends what is queued and close_notify, then `closed`; gives up after `linger_ms`. */
void io_shutdown(struct io *io, int64_t linger_ms);

/* Closes at once if still open, without `closed`, and releases. NULL is fine. May be called in a callback. */
void io_free(struct io *io);

/* TLS: the verified peer, valid from `opened` until io_free(); plain: NULL. */
const struct tls_peer *io_peer(const struct io *io);
/* Judges the certificates that the peer of an open connection showed once more, by another context: after a
 * reload, one may be revoked or its authority gone. ERR_REFUSED with the reason; the connection stays open.
 */
MUST_USE enum err io_judge(struct io *io, const struct tls_context *tls, struct err_text *why);
/* "192.0.2.7:40112" or "[2001:db8::7]:40112"; of the address being connected to, or the one accepted from. */
const char *io_address(const struct io *io);
/* "TLSv1.3 TLS_AES_128_GCM_SHA256", "" if plain or not open. */
const char *io_cipher(const struct io *io);

/* How long the peer of an accepted connection has kept us waiting, in ms: since it came, or we last sent
 * something; 0 while there is more of it to be read than a scrap, so not for what waits for us. */
int64_t io_waited_ms(const struct io *io);

/* A listening TCP socket: accepted(owner, fd) for each connection, which the callee owns. */
struct io_listener;
MUST_USE enum err io_listen(struct loop *loop, const char *host, const char *port, bool reuse_port,
                            void (*accepted)(void *owner, int fd), void *owner, struct io_listener **listener,
                            struct err_text *why);
/* Whether the address is free. To be asked before the first io_listen() with `reuse_port`, which is for the
 * threads of one program: a second program would silently get half of the connections. */
MUST_USE enum err io_listen_check(const char *host, const char *port, struct err_text *why);
uint16_t io_listener_port(const struct io_listener *listener); /* the port really bound, for port 0 */
void io_listener_free(struct io_listener *listener);

/* Splits "host:port", "[v6]:port"; writes host and port, a number from 0 to 65535 without leading zeros.
 * False if it is neither. */
enum { IO_HOST_MAX = 256, IO_PORT_MAX = 16 };
bool io_split_address(const char *text, char *host, char *port);

#endif
