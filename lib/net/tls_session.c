#include "net/tls_session.h"

#include "net/socket.h"
#include "net/tls_explain.h"
#include "net/tls_identity.h"
#include "net/tls_verify.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CIPHER_TEXT_MAX = 64 };

struct tls_session {
    SSL *ssl;
    struct tls_context *context;
    struct tls_scene scene;
    struct tls_peer peer;
    char cipher[CIPHER_TEXT_MAX];
    bool open;
    bool judged; /* by a callback below, which wrote `why`; OpenSSL then sends the alert */
    bool sent_alert;
    enum err failure; /* ERR_OK as long as nothing failed */
    struct err_text why;
};

static enum stream_status fail(struct tls_session *session, enum err failure)
{
    session->failure = failure;
    return STREAM_BROKEN;
}

static void judge_peer(struct tls_session *session, enum err failure)
{
    session->failure = failure;
    session->judged = true;
}

/* --- what OpenSSL asks during the handshake ----------------------------------------------------------- */

static int certificate_checked(int good, X509_STORE_CTX *checks)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(checks, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_session *session = SSL_get_app_data(ssl);
    if (tls_verify_passes(good != 0, checks, session->context)) {
        return 1;
    }
    const X509 *culprit = X509_STORE_CTX_get_current_cert(checks);
    const X509 *leaf = X509_STORE_CTX_get0_cert(checks);
    const struct tls_refusal refusal = {
        .check = X509_STORE_CTX_get_error(checks),
        .depth = culprit ? X509_STORE_CTX_get_error_depth(checks) : 0,
        .leaf = leaf,
        .culprit = culprit ? culprit : leaf,
    };
    judge_peer(session, tls_explain_refusal(&session->scene, &refusal, &session->why));
    return 0;
}

/* Without the extension OpenSSL would not ask alpn_offered() and go on. */
static int hello_arrived(SSL *ssl, int *alert, void *owner)
{
    (void)owner;
    const unsigned char *data;
    size_t size;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &data, &size) ==
        1) {
        return SSL_CLIENT_HELLO_SUCCESS;
    }
    struct tls_session *session = SSL_get_app_data(ssl);
    judge_peer(session, tls_explain_alpn(&session->scene, &session->why));
    *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    return SSL_CLIENT_HELLO_ERROR;
}

static int alpn_offered(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_size,
                        const unsigned char *offered, unsigned int offered_size, void *owner)
{
    (void)owner;
    struct tls_session *session = SSL_get_app_data(ssl);
    const char *ours = session->context->alpn;
    size_t ours_size = strlen(ours);
    for (unsigned int at = 0; at < offered_size && offered[at] < offered_size - at; at += 1U + offered[at]) {
        if (offered[at] == ours_size && memcmp(offered + at + 1, ours, ours_size) == 0) {
            *chosen = offered + at + 1;
            *chosen_size = offered[at];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    judge_peer(session, tls_explain_alpn(&session->scene, &session->why));
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* OpenSSL does not answer everything with an alert: what is no TLS at all gets none. */
static void something_happened(const SSL *ssl, int where, int value)
{
    bool fatal = value >> 8 == SSL3_AL_FATAL;
    if ((where & SSL_CB_WRITE_ALERT) == SSL_CB_WRITE_ALERT && fatal) {
        struct tls_session *session = SSL_get_app_data(ssl);
        session->sent_alert = true;
    }
}

static enum err offer_alpn(struct tls_context *context, struct err_text *why)
{
    unsigned char offer[1 + TLS_ALPN_MAX];
    size_t size = strlen(context->alpn);
    offer[0] = (unsigned char)size;
    memcpy(offer + 1, context->alpn, size);
    bool offered = SSL_CTX_set_alpn_protos(context->ssl, offer, (unsigned)size + 1) == 0;
    return offered ? ERR_OK : err_set(why, ERR_NO_MEMORY, "TLS: out of memory");
}

enum err tls_session_prepare(struct tls_context *context, struct err_text *why)
{
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, certificate_checked);
    SSL_CTX_set_info_callback(context->ssl, something_happened);
    size_t size = strlen(context->alpn);
    if (size == 0) {
        return ERR_OK;
    }
    if (size > TLS_ALPN_MAX) {
        return err_set(why, ERR_LIMIT, "TLS: the name of a protocol has at most %d bytes", TLS_ALPN_MAX);
    }
    if (context->side == TLS_CLIENT) {
        return offer_alpn(context, why);
    }
    SSL_CTX_set_client_hello_cb(context->ssl, hello_arrived, NULL);
    SSL_CTX_set_alpn_select_cb(context->ssl, alpn_offered, NULL);
    return ERR_OK;
}

/* --- life --------------------------------------------------------------------------------------------- */

static bool set_up(struct tls_session *session, int fd)
{
    SSL *ssl = session->ssl;
    if (!ssl || SSL_set_fd(ssl, fd) != 1 || SSL_set_app_data(ssl, session) != 1) {
        return false;
    }
    if (session->context->side == TLS_SERVER) {
        SSL_set_accept_state(ssl);
        return true;
    }
    SSL_set_connect_state(ssl);
    if (!tls_verify_expect(ssl, session->context, session->scene.server_name)) {
        session->failure = err_set(&session->why, ERR_CONFIG, "'%s' is no name that a certificate could bear",
                                   session->scene.server_name);
    }
    return true;
}

struct tls_session *tls_session_new(struct tls_context *context, int fd, const char *address,
                                    const char *server_name)
{
    struct tls_session *session = calloc(1, sizeof *session);
    if (!session) {
        return NULL;
    }
    session->context = tls_context_ref(context);
    session->scene = (struct tls_scene){
        .context = context, .address = address, .server_name = server_name ? server_name : ""};
    session->ssl = SSL_new(context->ssl);
    if (!set_up(session, fd)) {
        tls_session_free(session);
        return NULL;
    }
    return session;
}

void tls_session_free(struct tls_session *session)
{
    if (!session) {
        return;
    }
    SSL_free(session->ssl);
    tls_context_unref(session->context);
    free(session);
}

/* --- the five answers --------------------------------------------------------------------------------- */

/* What was found before is the cause of it. */
static enum stream_status system_failed(struct tls_session *session, int error_number)
{
    if (session->failure != ERR_OK) {
        return STREAM_BROKEN;
    }
    return fail(session, socket_explain(error_number, &session->why));
}

static enum stream_status protocol_failed(struct tls_session *session)
{
    if (session->judged) {
        return STREAM_BROKEN;
    }
    enum err failure = tls_explain_queue(&session->scene, &session->why);
    if (failure == ERR_CLOSED && !session->open) {
        failure = err_set(&session->why, ERR_CLOSED,
                          "%s closed the connection during the TLS handshake; the log there may say why",
                          session->scene.address);
    }
    return fail(session, failure);
}

static enum stream_status goodbye_arrived(struct tls_session *session)
{
    if (session->open) {
        return STREAM_END;
    }
    return fail(session,
                err_set(&session->why, ERR_CLOSED, "%s gave up the TLS handshake", session->scene.address));
}

/* OpenSSL looks at what earlier calls left behind. */
static void forget_errors(void)
{
    ERR_clear_error();
    errno = 0;
}

/* What a call of OpenSSL that did not succeed wants. `errno` is still that of the call. */
static enum stream_status judge(struct tls_session *session, int returned)
{
    int error_number = errno;
    switch (SSL_get_error(session->ssl, returned)) {
    case SSL_ERROR_WANT_READ:
        return STREAM_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return STREAM_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return goodbye_arrived(session);
    case SSL_ERROR_SYSCALL:
        return system_failed(session, error_number);
    default:
        return protocol_failed(session);
    }
}

/* OpenSSL has checked all this already: these are the last gates before a peer is believed. */
static enum stream_status admit(struct tls_session *session)
{
    const X509 *certificate = SSL_get0_peer_certificate(session->ssl);
    if (!certificate || SSL_get_verify_result(session->ssl) != X509_V_OK) {
        return fail(session, err_set(&session->why, ERR_REFUSED, "%s showed no certificate that was verified",
                                     session->scene.address));
    }
    const unsigned char *alpn = NULL;
    unsigned int alpn_size = 0;
    SSL_get0_alpn_selected(session->ssl, &alpn, &alpn_size);
    const char *ours = session->context->alpn;
    if (alpn_size != strlen(ours) || (alpn_size > 0 && memcmp(alpn, ours, alpn_size) != 0)) {
        return fail(session, tls_explain_alpn(&session->scene, &session->why));
    }
    tls_identity_read(certificate, &session->peer);
    snprintf(session->cipher, sizeof session->cipher, "%s %s", SSL_get_version(session->ssl),
             SSL_get_cipher_name(session->ssl));
    session->open = true;
    return STREAM_OK;
}

enum stream_status tls_session_handshake(struct tls_session *session)
{
    if (session->failure != ERR_OK) {
        return STREAM_BROKEN;
    }
    forget_errors();
    int returned = SSL_do_handshake(session->ssl);
    return returned == 1 ? admit(session) : judge(session, returned);
}

enum stream_status tls_session_read(struct tls_session *session, void *space, size_t size, size_t *got)
{
    forget_errors();
    int returned = SSL_read_ex(session->ssl, space, size, got);
    return returned == 1 ? STREAM_OK : judge(session, returned);
}

void tls_session_read_ahead(struct tls_session *session)
{
    SSL_set_read_ahead(session->ssl, 1);
}

bool tls_session_holds_bytes(const struct tls_session *session)
{
    return SSL_has_pending(session->ssl) == 1;
}

enum stream_status tls_session_write(struct tls_session *session, struct bytes bytes, size_t *written)
{
    if (session->failure != ERR_OK) {
        return STREAM_BROKEN;
    }
    forget_errors();
    int returned = SSL_write_ex(session->ssl, bytes.data, bytes.size, written);
    return returned == 1 ? STREAM_OK : judge(session, returned);
}

enum stream_status tls_session_finish(struct tls_session *session)
{
    if (session->failure != ERR_OK) {
        return STREAM_BROKEN;
    }
    forget_errors();
    int returned = SSL_shutdown(session->ssl);
    return returned >= 0 ? STREAM_OK : judge(session, returned); // 0: ours is sent, the peer's has not come
}

/* --- what is known ------------------------------------------------------------------------------------ */

bool tls_session_sent_alert(const struct tls_session *session)
{
    return session->sent_alert;
}

enum err tls_session_failure(const struct tls_session *session, struct err_text *why)
{
    *why = session->why;
    return session->failure;
}

const struct tls_peer *tls_session_peer(const struct tls_session *session)
{
    return session->open ? &session->peer : NULL;
}

const char *tls_session_cipher(const struct tls_session *session)
{
    return session->cipher;
}

/* --- once more, later --------------------------------------------------------------------------------- */

static enum err prepare_checks(X509_STORE_CTX *checks, const struct tls_session *session,
                               const struct tls_context *context)
{
    X509 *leaf = SSL_get0_peer_certificate(session->ssl);
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(session->ssl);
    if (!leaf || X509_STORE_CTX_init(checks, SSL_CTX_get_cert_store(context->ssl), leaf, chain) != 1 ||
        X509_STORE_CTX_set_default(checks, context->side == TLS_SERVER ? "ssl_client" : "ssl_server") != 1 ||
        X509_STORE_CTX_set_ex_data(checks, SSL_get_ex_data_X509_STORE_CTX_idx(), session->ssl) != 1) {
        return ERR_NO_MEMORY;
    }
    X509_VERIFY_PARAM *rules = X509_STORE_CTX_get0_param(checks);
    X509_VERIFY_PARAM_set_depth(rules, SSL_CTX_get_verify_depth(context->ssl));
    X509_VERIFY_PARAM_set_auth_level(rules, SSL_CTX_get_security_level(context->ssl));
    X509_STORE_CTX_set_verify_cb(checks, certificate_checked);
    return ERR_OK;
}

enum err tls_session_judge(struct tls_session *session, const struct tls_context *context,
                           struct err_text *why)
{
    X509_STORE_CTX *checks = X509_STORE_CTX_new();
    enum err result = checks ? prepare_checks(checks, session, context) : ERR_NO_MEMORY;
    if (result != ERR_OK) {
        (void)err_set(why, result, "cannot check the certificate of %s again", session->scene.address);
    } else if (X509_verify_cert(checks) != 1) {
        result = err_set(why, ERR_REFUSED, "%s", session->why.text);
    }
    X509_STORE_CTX_free(checks);
    ERR_clear_error();
    // The connection itself has not failed: it may still say goodbye.
    session->failure = ERR_OK;
    session->judged = false;
    return result;
}
