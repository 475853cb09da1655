/*
 * stream: bytes over a non-blocking socket, plain or TLS, behind five answers that tell the caller what to do
 * next. Inside lib/net and lib/link; one thread.
 */
#ifndef BOURDON_NET_STREAM_H
#define BOURDON_NET_STREAM_H

#include "base/buffer.h"
#include "net/tls.h"

enum stream_status {
    STREAM_OK,         /* done, or some of it */
    STREAM_WANT_READ,  /* try the same again when the socket is readable */
    STREAM_WANT_WRITE, /* try the same again when the socket is writable */
    STREAM_END,        /* the peer ended cleanly; nothing more will come */
    STREAM_BROKEN,     /* over: stream_failure() says why */
};

/* At least the largest TLS record (RFC 8446, section 5.1): without stream_read_ahead() reads of this size
 * leave nothing inside OpenSSL that the readiness of the socket would not show. */
enum { STREAM_READ_SIZE = 16 * 1024 };

struct tls_session;

struct stream {
    int fd;                  /* -1 = none */
    int error_number;        /* of the last failed call, plain */
    struct tls_session *tls; /* NULL = plain */
};

/* Takes `fd` over. The texts are borrowed until stream_close(). ERR_NO_MEMORY closes the descriptor. */
MUST_USE enum err stream_open(struct stream *stream, int fd, struct tls_context *tls, const char *address,
                              const char *server_name);
/* Closes the descriptor; what stream_peer() gave stays valid until stream_fini(). Both accept an empty one.
 */
void stream_close(struct stream *stream);
void stream_fini(struct stream *stream);

enum stream_status stream_handshake(struct stream *stream);
/* `size` >= STREAM_READ_SIZE. */
enum stream_status stream_read(struct stream *stream, void *space, size_t size, size_t *got);
/* Fewer calls of the system for each read, at a price: bytes may be held that the readiness of the socket
 * does not show. Who asks for it looks at stream_holds_bytes() after each read. */
void stream_read_ahead(struct stream *stream);
/* Whether another read may give something without the socket being readable. */
bool stream_holds_bytes(const struct stream *stream);
/* A repeated write starts with the same bytes and is not shorter. */
enum stream_status stream_write(struct stream *stream, struct bytes bytes, size_t *written);
/* Says goodbye: close_notify for TLS, and no more writing. */
enum stream_status stream_finish(struct stream *stream);

/* No more writing, without a goodbye. */
void stream_half_close(struct stream *stream);

/* Reads some bytes off the socket and throws them away: how many, 0 at the end (of whatever kind), or
 * STREAM_DISCARD_LATER when there are none now. */
#define STREAM_DISCARD_LATER SIZE_MAX
size_t stream_discard(struct stream *stream);

/* Whether the failure was found here and the peer was sent an alert that tells it. */
bool stream_sent_alert(const struct stream *stream);
enum err stream_failure(const struct stream *stream, struct err_text *why);
const struct tls_peer *stream_peer(const struct stream *stream);
enum err stream_judge(struct stream *stream, const struct tls_context *tls, struct err_text *why);
const char *stream_cipher(const struct stream *stream);

#endif
