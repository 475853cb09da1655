#include "front/rounds.h"

#include "base/clock.h"

static int64_t turn_of(int64_t time_us)
{
    return time_us / (LISTENER_TICK_MS * CLOCK_US_PER_MS);
}

static struct peer **slot_of(struct rounds *rounds, int64_t turn)
{
    return &rounds->slots[turn % ROUNDS_SLOTS];
}

void rounds_init(struct rounds *rounds, int64_t now_us)
{
    *rounds = (struct rounds){.turn = turn_of(now_us)};
}

void rounds_leave(struct peer *peer)
{
    if (peer->round == 0) {
        return;
    }
    struct peer **slot = slot_of(&peer->listener->rounds, peer->round);
    *(peer->round_previous ? &peer->round_previous->round_next : slot) = peer->round_next;
    if (peer->round_next) {
        peer->round_next->round_previous = peer->round_previous;
    }
    peer->round = 0;
}

void rounds_plan(struct peer *peer, int64_t due_us)
{
    struct rounds *rounds = &peer->listener->rounds;
    int64_t turn = turn_of(due_us);
    turn = turn > rounds->turn ? turn : rounds->turn + 1;
    turn = turn < rounds->turn + ROUNDS_SLOTS ? turn : rounds->turn + ROUNDS_SLOTS - 1;
    if (turn == peer->round) {
        return;
    }
    rounds_leave(peer);
    struct peer **slot = slot_of(rounds, turn);
    peer->round = turn;
    peer->round_previous = NULL;
    peer->round_next = *slot;
    if (*slot) {
        (*slot)->round_previous = peer;
    }
    *slot = peer;
}

struct peer *rounds_next(struct rounds *rounds, int64_t now_us)
{
    int64_t now = turn_of(now_us);
    while (!*slot_of(rounds, rounds->turn)) {
        if (rounds->turn >= now) {
            return NULL;
        }
        rounds->turn++;
    }
    struct peer *peer = *slot_of(rounds, rounds->turn);
    rounds_leave(peer);
    return peer;
}
