/*
 * policy: what new connections are judged by: the TLS context, the names that are allowed, and what a session
 * is told first. Immutable once made and counted: a reload makes a new one. Any thread.
 */
#ifndef BOURDON_SERVER_FRONT_POLICY_H
#define BOURDON_SERVER_FRONT_POLICY_H

#include "net/tls.h"
#include "server_options.h"
#include "tunnel/frame.h"

#include <stdatomic.h>

enum { POLICY_TESTS_PER_S = 10 }; /* of all sessions: beyond this many, t3 grows */

struct policy {
    atomic_uint references;
    struct tls_context *tls;
    struct frame_hello hello; /* without the time; t3 of the first sessions */
    bool knows_store;         /* else there is nothing to say hello with */
    uint32_t t3_max_ms;
    int64_t handshake_ms;
    bool any_name;
    size_t name_count;
    char **names; /* sorted */
};

/* Takes over the caller's reference of `tls`, also on failure. `store_id` has STORE_ID_SIZE bytes; NULL: the
 * store has not been reached yet. */
MUST_USE enum err policy_new(const struct server_options *options, struct tls_context *tls,
                             const uint8_t *store_id, struct policy **policy);
struct policy *policy_ref(struct policy *policy);
void policy_unref(struct policy *policy); /* NULL is fine */

/*
 * t3 of a session that opens as one of `sessions`. It grows with the square of them, so that all sessions
 * together, however many, send at most 2 POLICY_TESTS_PER_S TESTs a second, and one each t3_max_ms for each
 * whose t3 has grown to that.
 */
uint32_t policy_t3_ms(const struct policy *policy, size_t sessions);

bool policy_allows(const struct policy *policy, const char *bridge);

#endif
