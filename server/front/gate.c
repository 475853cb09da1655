#include "front/gate.h"

#include "base/array.h"
#include "base/clock.h"

static bool names_a_bridge(struct peer *peer, struct err_text *why)
{
    const struct tls_peer *shown = io_peer(peer->io);
    if (shown->bridge[0] != '\0') {
        return true;
    }
    (void)err_set(why, ERR_REFUSED,
                  "certificate %s (%s) names no bridge: it needs exactly one URI urn:bourdon:bridge:NAME",
                  shown->serial, shown->subject);
    return false;
}

/* A reload since the handshake began may have brought a new revocation list. */
static bool is_still_trusted(struct peer *peer, struct err_text *why)
{
    struct listener *listener = peer->listener;
    if (peer->generation == listener->generation) {
        return true;
    }
    peer->generation = listener->generation;
    return io_judge(peer->io, listener->policy->tls, why) == ERR_OK;
}

static bool is_on_the_list(struct peer *peer, struct err_text *why)
{
    const char *bridge = io_peer(peer->io)->bridge;
    if (policy_allows(peer->listener->policy, bridge)) {
        return true;
    }
    (void)err_set(why, ERR_REFUSED,
                  "bridge %s is not among the allowed ones (bridges: in the server's configuration)", bridge);
    return false;
}

/* MODBUS/TCP Security: at most one role, one UTF8String. What breaks that was not issued for us.
 */
static bool has_a_sound_role(struct peer *peer, struct err_text *why)
{
    const struct tls_peer *shown = io_peer(peer->io);
    if (shown->role_count == 0 || (shown->role_count == 1 && shown->role[0] != '\0')) {
        return true;
    }
    (void)err_set(why, ERR_REFUSED,
                  "certificate %s (%s) has %s: issue one with one role that is a UTF8String, or with none",
                  shown->serial, shown->subject,
                  shown->role_count > 1 ? "several roles" : "a role that is not a UTF8String");
    return false;
}

bool gate_admits(struct peer *peer, struct err_text *why)
{
    static const struct {
        bool (*passes)(struct peer *peer, struct err_text *why);
        enum server_metric refused;
    } checks[] = {
        {names_a_bridge, SERVER_REFUSED_NO_NAME},
        {is_still_trusted, SERVER_REFUSED_HANDSHAKE},
        {is_on_the_list, SERVER_REFUSED_NOT_ALLOWED},
        {has_a_sound_role, SERVER_REFUSED_HANDSHAKE},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(checks); i++) {
        if (!checks[i].passes(peer, why)) {
            server_count(peer->listener->front->metrics, checks[i].refused, 1);
            return false;
        }
    }
    return true;
}

void gate_log_refused(struct peer *peer, const char *reason)
{
    uint64_t suppressed;
    if (log_limit_allow(&peer->listener->limit_refused, clock_mono_us(), &suppressed)) {
        log_warn("front", log_event("refused"), log_str("address", io_address(peer->io)),
                 log_str("reason", reason), log_u64("suppressed", suppressed));
    }
}
