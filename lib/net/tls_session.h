/*
 * tls_session: one TLS connection over a non-blocking socket. Inside lib/net only; one thread.
 *
 * A session is open once tls_session_handshake() gave STREAM_OK: then the peer has shown a certificate that
 * passed every check of net/tls.h, and the protocol is agreed. After STREAM_BROKEN nothing more may be done
 * but read (an alert may still be waiting) and free.
 */
#ifndef BOURDON_NET_TLS_SESSION_H
#define BOURDON_NET_TLS_SESSION_H

#include "net/stream.h"
#include "net/tls_context.h"

struct tls_session;

/* Sets the checks of every session on the context, once. */
enum err tls_session_prepare(struct tls_context *context, struct err_text *why);

/* Takes its own reference to the context; borrows the descriptor and the texts. NULL: out of memory. */
struct tls_session *tls_session_new(struct tls_context *context, int fd, const char *address,
                                    const char *server_name);
void tls_session_free(struct tls_session *session); /* NULL is fine */

enum stream_status tls_session_handshake(struct tls_session *session);
enum stream_status tls_session_read(struct tls_session *session, void *space, size_t size, size_t *got);
/* From now on bytes that wait in the socket are taken in one go, more than a record if there are more. */
void tls_session_read_ahead(struct tls_session *session);
/* Whether bytes were taken from the socket that tls_session_read() has not given out. */
bool tls_session_holds_bytes(const struct tls_session *session);
enum stream_status tls_session_write(struct tls_session *session, struct bytes bytes, size_t *written);
enum stream_status tls_session_finish(struct tls_session *session); /* sends close_notify */

bool tls_session_sent_alert(const struct tls_session *session);
enum err tls_session_failure(const struct tls_session *session, struct err_text *why);
const struct tls_peer *tls_session_peer(const struct tls_session *session); /* NULL before it is open */
/* As io_judge() in net/io.h. */
enum err tls_session_judge(struct tls_session *session, const struct tls_context *context,
                           struct err_text *why);
const char *tls_session_cipher(const struct tls_session *session);

#endif
