#include "net/stream.h"

#include "net/socket.h"
#include "net/tls_session.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum err stream_open(struct stream *stream, int fd, struct tls_context *tls, const char *address,
                     const char *server_name)
{
    *stream = (struct stream){.fd = fd};
    if (!tls) {
        return ERR_OK;
    }
    stream->tls = tls_session_new(tls, fd, address, server_name);
    if (!stream->tls) {
        stream_close(stream);
        return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

void stream_close(struct stream *stream)
{
    if (stream->fd >= 0) {
        close(stream->fd);
        stream->fd = -1;
    }
}

void stream_fini(struct stream *stream)
{
    stream_close(stream);
    tls_session_free(stream->tls);
    stream->tls = NULL;
}

enum stream_status stream_handshake(struct stream *stream)
{
    return stream->tls ? tls_session_handshake(stream->tls) : STREAM_OK;
}

static enum stream_status plain_failed(struct stream *stream, enum stream_status wait)
{
    if (errno == EAGAIN || errno == EINTR) {
        return wait;
    }
    stream->error_number = errno;
    return STREAM_BROKEN;
}

enum stream_status stream_read(struct stream *stream, void *space, size_t size, size_t *got)
{
    if (stream->tls) {
        return tls_session_read(stream->tls, space, size, got);
    }
    ssize_t received = recv(stream->fd, space, size, 0);
    if (received < 0) {
        return plain_failed(stream, STREAM_WANT_READ);
    }
    *got = (size_t)received;
    return received > 0 ? STREAM_OK : STREAM_END;
}

void stream_read_ahead(struct stream *stream)
{
    if (stream->tls) {
        tls_session_read_ahead(stream->tls);
    }
}

bool stream_holds_bytes(const struct stream *stream)
{
    return stream->tls && tls_session_holds_bytes(stream->tls);
}

enum stream_status stream_write(struct stream *stream, struct bytes bytes, size_t *written)
{
    if (stream->tls) {
        return tls_session_write(stream->tls, bytes, written);
    }
    ssize_t sent = send(stream->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
    if (sent < 0) {
        return plain_failed(stream, STREAM_WANT_WRITE);
    }
    *written = (size_t)sent;
    return STREAM_OK;
}

enum stream_status stream_finish(struct stream *stream)
{
    enum stream_status status = stream->tls ? tls_session_finish(stream->tls) : STREAM_OK;
    if (status == STREAM_OK) {
        stream_half_close(stream);
    }
    return status;
}

void stream_half_close(struct stream *stream)
{
    shutdown(stream->fd, SHUT_WR);
}

size_t stream_discard(struct stream *stream)
{
    uint8_t space[STREAM_READ_SIZE];
    ssize_t got = recv(stream->fd, space, sizeof space, 0);
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR ? STREAM_DISCARD_LATER : 0;
    }
    return (size_t)got;
}

bool stream_sent_alert(const struct stream *stream)
{
    return stream->tls && tls_session_sent_alert(stream->tls);
}

enum err stream_failure(const struct stream *stream, struct err_text *why)
{
    return stream->tls ? tls_session_failure(stream->tls, why) : socket_explain(stream->error_number, why);
}

const struct tls_peer *stream_peer(const struct stream *stream)
{
    return stream->tls ? tls_session_peer(stream->tls) : NULL;
}

enum err stream_judge(struct stream *stream, const struct tls_context *tls, struct err_text *why)
{
    return stream->tls ? tls_session_judge(stream->tls, tls, why) : ERR_OK;
}

const char *stream_cipher(const struct stream *stream)
{
    return stream->tls ? tls_session_cipher(stream->tls) : "";
}
