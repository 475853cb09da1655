#include "front/handshakes.h"

#include "base/clock.h"

size_t handshakes_share(size_t places, size_t listeners)
{
    return places < listeners ? 1 : places / listeners;
}

bool handshakes_has_place(const struct listener *listener)
{
    return listener->handshakes.count < atomic_load(&listener->front->handshakes);
}

void handshakes_add(struct peer *peer)
{
    struct handshakes *handshakes = &peer->listener->handshakes;
    handshakes->count++;
    peer->accepted_us = clock_mono_us();
    peer->older = handshakes->newest;
    *(peer->older ? &peer->older->newer : &handshakes->oldest) = peer;
    handshakes->newest = peer;
}

void handshakes_remove(struct peer *peer)
{
    struct handshakes *handshakes = &peer->listener->handshakes;
    handshakes->count--;
    *(peer->older ? &peer->older->newer : &handshakes->oldest) = peer->newer;
    *(peer->newer ? &peer->newer->older : &handshakes->newest) = peer->older;
    peer->older = NULL;
    peer->newer = NULL;
    admission_handshake_done(peer->listener->front->admission, peer->address);
}

/* The oldest one of the address that has most of them; NULL: none has two more than `few`. Looks at all only
 * if there is such an address, for many from many addresses are to cost little. */
static struct peer *one_of_a_crowd(struct listener *listener, size_t few)
{
    struct admission *admission = listener->front->admission;
    struct peer *found = NULL;
    size_t most = few + 1;
    size_t crowd = admission_most_handshakes(admission);
    struct peer *peer = crowd > most ? listener->handshakes.oldest : NULL;
    for (; peer && most < crowd; peer = peer->newer) {
        size_t count = admission_handshakes(admission, peer->address);
        if (count > most) {
            most = count;
            found = peer;
        }
    }
    return found;
}

static struct peer *slow_one(struct listener *listener, int64_t now_us)
{
    int64_t latest_us = now_us - HANDSHAKES_GRACE_MS * CLOCK_US_PER_MS;
    struct peer *peer = listener->handshakes.oldest;
    for (size_t i = 0; i < HANDSHAKES_LOOKS && peer && peer->accepted_us <= latest_us; i++) {
        if (io_waited_ms(peer->io) >= HANDSHAKES_GRACE_MS) {
            return peer;
        }
        peer = peer->newer;
    }
    return NULL;
}

bool handshakes_make_room(struct listener *listener, const struct sockaddr_storage *newcomer)
{
    uint64_t suppressed;
    int64_t now_us = clock_mono_us();
    size_t own = admission_handshakes_from(listener->front->admission, newcomer);
    struct peer *peer = one_of_a_crowd(listener, own);
    if (!peer) {
        peer = slow_one(listener, now_us);
    }
    if (!peer) {
        return false;
    }
    server_count(listener->front->metrics, SERVER_SLOW_HANDSHAKES, 1);
    if (log_limit_allow(&listener->limit_dropped, now_us, &suppressed)) {
        log_warn("front", log_event("handshake_dropped"), log_str("address", io_address(peer->io)),
                 log_ms("age_ms", now_us - peer->accepted_us),
                 log_u64("of_address", admission_handshakes(listener->front->admission, peer->address)),
                 log_u64("suppressed", suppressed));
    }
    peer_drop(peer);
    return true;
}
