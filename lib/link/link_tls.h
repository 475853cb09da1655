/*
 * link_tls: MODBUS/TCP Security as a client: our own strict framing over TLS.
 *
 * The server is who its certificate says, by the name or address of the URL, or is the pinned one
 * (net/tls.h); a role in its certificate means nothing. With TLS 1.3 a server judges our certificate only
 * after we think the connection open: after a connection that was lost before its first answer, the next one
 * is called connected only when no alert has come for LINK_TLS_SETTLE_MS.
 */
#ifndef BOURDON_LINK_LINK_TLS_H
#define BOURDON_LINK_LINK_TLS_H

#include "link/link.h"

enum { LINK_TLS_SETTLE_MS = 500 };

/* As link_new(), for URLs of LINK_TLS. ERR_CONFIG: there is no context. */
MUST_USE enum err link_tls_new(const struct link_setup *setup, struct link **link, struct err_text *why);

#endif
