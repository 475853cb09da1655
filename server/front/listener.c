#include "front/listener.h"

#include "base/clock.h"
#include "front/ingest.h"
#include "front/peer.h"
#include "front/rounds.h"

#include <stdio.h>
#include <stdlib.h>

/* Lines a minute and listener of what anybody can cause. */
static const struct log_limit limit = {.burst = 20, .interval_us = 60 * CLOCK_US_PER_S};

static void accepted(void *owner, int fd)
{
    peer_accept(owner, fd);
}

static void answered(void *owner, struct store_queue *queue)
{
    (void)owner;
    ingest_answered(queue);
}

/* `visit` may release the peer, but no other one. */
static void visit_peers(struct listener *listener, void (*visit)(struct peer *peer, int64_t now_us))
{
    int64_t now_us = clock_mono_us();
    for (struct peer *peer = listener->peers; peer;) {
        struct peer *next = peer->next;
        visit(peer, now_us);
        peer = next;
    }
}

static void ticked(void *owner)
{
    struct listener *listener = owner;
    int64_t now_us = clock_mono_us();
    for (struct peer *peer; (peer = rounds_next(&listener->rounds, now_us));) {
        peer_tick(peer, now_us);
    }
    if (atomic_exchange(&listener->missed, false)) {
        visit_peers(listener, peer_tick);
    }
    loop_timer_start_ms(listener->tick, LISTENER_TICK_MS);
}

/* ---- from the main thread ---- */

struct new_policy {
    struct listener *listener;
    struct policy *policy;
};

static void judge_peer(struct peer *peer, int64_t now_us)
{
    (void)now_us;
    peer_judge(peer);
}

static void policy_arrived(void *owner)
{
    struct new_policy *message = owner;
    struct listener *listener = message->listener;
    policy_unref(listener->policy);
    listener->policy = message->policy;
    listener->generation++;
    free(message);
    visit_peers(listener, judge_peer);
}

enum err listener_post_policy(struct listener *listener, struct policy *policy)
{
    struct new_policy *message = malloc(sizeof *message);
    if (!message) {
        return ERR_NO_MEMORY;
    }
    *message = (struct new_policy){.listener = listener, .policy = policy_ref(policy)};
    enum err result = loop_post(listener->loop, policy_arrived, message);
    if (result != ERR_OK) {
        policy_unref(policy);
        free(message);
    }
    return result;
}

static void close_sockets(struct listener *listener)
{
    for (size_t i = 0; i < listener->socket_count; i++) {
        io_listener_free(listener->sockets[i]);
    }
    free(listener->sockets);
    listener->sockets = NULL;
    listener->socket_count = 0;
}

void listener_peer_left(struct listener *listener)
{
    if (listener->draining && !listener->peers) {
        listener->front->drained(listener->front->owner);
    }
}

static void drain_peer(struct peer *peer, int64_t now_us)
{
    (void)now_us;
    peer_drain(peer);
}

static void drain(void *owner)
{
    struct listener *listener = owner;
    bool empty = !listener->peers;
    listener->draining = true;
    close_sockets(listener);
    visit_peers(listener, drain_peer);
    if (empty) {
        listener->front->drained(listener->front->owner);
    }
}

enum err listener_post_drain(struct listener *listener)
{
    return loop_post(listener->loop, drain, listener);
}

/* ---- making ---- */

static enum err bind_one(struct listener *listener, const char *address, uint16_t *port, struct err_text *why)
{
    char host[IO_HOST_MAX];
    char text[IO_PORT_MAX];
    if (!io_split_address(address, host, text)) {
        return err_set(why, ERR_CONFIG, "listen: \"%s\" is not host:port", address);
    }
    if (*port != 0) {
        snprintf(text, sizeof text, "%u", (unsigned)*port);
    }
    struct io_listener **socket = &listener->sockets[listener->socket_count];
    enum err result = io_listen(listener->loop, host, text, true, accepted, listener, socket, why);
    if (result == ERR_OK) {
        listener->socket_count++;
        *port = io_listener_port(*socket);
    }
    return result;
}

static enum err bind_all(struct listener *listener, const struct option_list *addresses, uint16_t *ports,
                         struct err_text *why)
{
    listener->sockets = calloc(addresses->count, sizeof *listener->sockets);
    if (!listener->sockets) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    char *const *texts = addresses->items;
    enum err result = ERR_OK;
    for (size_t i = 0; i < addresses->count && result == ERR_OK; i++) {
        result = bind_one(listener, texts[i], &ports[i], why);
    }
    return result;
}

static enum err make_parts(struct listener *listener, struct err_text *why)
{
    listener->loop = loop_new();
    listener->decoder = batch_decoder_new();
    listener->catalogs = catalogs_new();
    if (!listener->loop || !listener->decoder || !listener->catalogs) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    listener->tick = loop_timer_new(listener->loop, ticked, listener);
    listener->inbox = store_inbox_new(listener->loop, answered, listener);
    return listener->tick && listener->inbox ? ERR_OK : err_set(why, ERR_NO_MEMORY, "out of memory");
}

enum err listener_new(struct front_context *front, struct policy *policy, const struct option_list *addresses,
                      uint16_t *ports, struct listener **out, struct err_text *why)
{
    *out = NULL;
    struct listener *listener = malloc(sizeof *listener);
    if (!listener) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    *listener = (struct listener){
        .front = front,
        .policy = policy_ref(policy),
        .limit_turned_away = limit,
        .limit_dropped = limit,
        .limit_refused = limit,
        .limit_malformed = limit,
        .limit_conflict = limit,
    };
    rounds_init(&listener->rounds, clock_mono_us());
    enum err result = make_parts(listener, why);
    if (result == ERR_OK) {
        result = bind_all(listener, addresses, ports, why);
    }
    if (result != ERR_OK) {
        listener_free(listener);
        return result;
    }
    *out = listener;
    return ERR_OK;
}

static void *run(void *owner)
{
    struct listener *listener = owner;
    loop_run(listener->loop);
    return NULL;
}

enum err listener_start(struct listener *listener, struct err_text *why)
{
    loop_timer_start_ms(listener->tick, LISTENER_TICK_MS);
    int code = pthread_create(&listener->thread, NULL, run, listener);
    if (code != 0) {
        return err_errno(why, code, "cannot start a listener's thread");
    }
    listener->running = true;
    return ERR_OK;
}

void listener_stop(struct listener *listener)
{
    if (listener->running) {
        loop_stop(listener->loop);
        pthread_join(listener->thread, NULL);
        listener->running = false;
    }
    listener->draining = false;
    while (listener->peers) {
        peer_drop(listener->peers);
    }
    close_sockets(listener);
}

void listener_free(struct listener *listener)
{
    if (!listener) {
        return;
    }
    listener_stop(listener);
    if (listener->inbox) {
        store_inbox_deliver_rest(listener->inbox); // lets go of the peers that waited for them
    }
    store_inbox_free(listener->inbox);
    loop_timer_free(listener->tick);
    batch_decoder_free(listener->decoder);
    catalogs_free(listener->catalogs);
    loop_free(listener->loop);
    policy_unref(listener->policy);
    free(listener);
}
