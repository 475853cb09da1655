#include "front/peer_rivals.h"

#include "base/clock.h"
#include "front/ingest.h"

#include <stddef.h>

static void log_rival(struct peer *peer, enum log_level level, const char *event, const char *meaning)
{
    uint64_t suppressed;
    if (roster_may_log(peer->listener->front->roster, peer->bridge, clock_mono_us(), &suppressed)) {
        LOG_AT(level, "front", log_event(event), log_str("bridge", peer->bridge->name),
               log_hex("epoch", peer->session.epoch, BATCH_EPOCH_SIZE),
               log_str("address", io_address(peer->io)), log_str("meaning", meaning),
               log_u64("suppressed", suppressed));
    }
}

static void refuse_clone(struct peer *peer)
{
    server_count(peer->listener->front->metrics, SERVER_CLONES, 1);
    log_rival(peer, LOG_ERROR, "clone_refused",
              "two bridges run with this name and copies of one spool: the one that is connected stays, this "
              "one is refused; stop one of them");
    peer_goodbye(
        peer, BYE_FENCED,
        "another bridge with this name and a copy of this spool is connected and answers: one of the "
        "two is a clone; stop it, or give it a certificate and a spool of its own");
}

static void supersede(struct peer *peer, const char *text)
{
    server_count(peer->listener->front->metrics, SERVER_SUPERSEDED, 1);
    peer_goodbye(peer, BYE_SUPERSEDED, text);
}

static void hear_of_place(struct peer *peer, unsigned news)
{
    if (news & ROSTER_ADMITTED) {
        ingest_look_up(peer);
    }
    if (news & ROSTER_CHALLENGED) {
        receiver_probe(peer->receiver);
    }
}

void peer_rivals_hear(struct peer *peer)
{
    unsigned news = atomic_exchange(&peer->news, 0);
    if (peer->state != PEER_SESSION || news == 0) {
        return;
    }
    peer->challenge_until_us = news & (ROSTER_REFUSED | ROSTER_ADMITTED) ? 0 : peer->challenge_until_us;
    if (news & ROSTER_SUPERSEDED) {
        supersede(peer, "the same bridge with the same spool has connected anew");
    } else if (news & ROSTER_CROWDED) {
        supersede(peer, "too many sessions of this bridge with other spools");
    } else if (news & ROSTER_REFUSED) {
        refuse_clone(peer);
    } else {
        hear_of_place(peer, news);
    }
}

static void news_here(void *owner)
{
    struct peer *peer = owner;
    peer_rivals_hear(peer);
    peer_settle(peer);
    // The roster's reference, not the one release() gave back.
    peer_unref(peer); // NOLINT(clang-analyzer-unix.Malloc)
}

void peer_rivals_tell(struct roster_session *session, enum roster_news news)
{
    struct peer *peer = (struct peer *)((char *)session - offsetof(struct peer, session));
    atomic_fetch_or(&peer->news, (unsigned)news);
    atomic_fetch_add(&peer->references, 1);
    if (loop_post(peer->listener->loop, news_here, peer) != ERR_OK) {
        atomic_store(&peer->listener->missed, true); // out of memory: the next tick hears of it
        peer_unref(peer);
    }
}

void peer_rivals_press(struct peer *peer, int64_t now_us)
{
    if (peer->challenge_until_us == 0 || now_us < peer->challenge_until_us) {
        return;
    }
    peer->challenge_until_us = 0;
    if (roster_take_over(peer->listener->front->roster, &peer->session)) {
        log_rival(peer, LOG_WARN, "session_superseded", "its older connection no longer answered");
        ingest_look_up(peer);
    }
}
