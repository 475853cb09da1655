#include "front/front.h"

#include "front/handshakes.h"
#include "front/listener.h"

#include <stdlib.h>
#include <unistd.h>

struct front {
    struct front_context context;
    void (*drained)(void *owner);
    void *owner;
    struct listener **listeners;
    size_t count;
    uint16_t *ports;
    atomic_size_t undrained; /* listeners that still have peers */
};

static size_t thread_count(const struct server_options *configuration)
{
    long wanted = configuration->threads > 0 ? (long)configuration->threads : sysconf(_SC_NPROCESSORS_ONLN);
    if (wanted < 1) {
        return 1;
    }
    return wanted > FRONT_THREADS_MAX ? FRONT_THREADS_MAX : (size_t)wanted;
}

static struct admission_limits limits_of(const struct server_options *configuration)
{
    return (struct admission_limits){
        .connections = (size_t)configuration->limits.connections,
        .per_address = (size_t)configuration->limits.connections_per_address,
    };
}

static void share_handshakes(struct front *front, const struct server_options *configuration,
                             size_t listeners)
{
    size_t share = handshakes_share((size_t)configuration->limits.handshakes, listeners);
    atomic_store(&front->context.handshakes, share);
}

static void listener_drained(void *owner)
{
    struct front *front = owner;
    if (atomic_fetch_sub(&front->undrained, 1) == 1) {
        front->drained(front->owner);
    }
}

/* ---- making ---- */

static enum err make_shared(struct front *front, const struct front_options *options, struct err_text *why)
{
    struct admission_limits limits = limits_of(options->configuration);
    front->context = (struct front_context){
        .admission = admission_new(&limits, options->metrics),
        .roster = roster_new(),
        .store = options->store,
        .metrics = options->metrics,
        .observer = options->observer,
        .drained = listener_drained,
        .owner = front,
    };
    share_handshakes(front, options->configuration, thread_count(options->configuration));
    bool made = front->context.admission && front->context.roster;
    return made ? ERR_OK : err_set(why, ERR_NO_MEMORY, "out of memory");
}

/* The listeners share their ports, so they would also share them with another server, and with it the
 * bridges. */
static enum err check_free(const struct option_list *addresses, struct err_text *why)
{
    char *const *texts = addresses->items;
    enum err result = ERR_OK;
    for (size_t i = 0; i < addresses->count && result == ERR_OK; i++) {
        char host[IO_HOST_MAX];
        char port[IO_PORT_MAX];
        result = io_split_address(texts[i], host, port)
                     ? io_listen_check(host, port, why)
                     : err_set(why, ERR_CONFIG, "listen: \"%s\" is not host:port", texts[i]);
    }
    return result;
}

static enum err make_listeners(struct front *front, const struct front_options *options, struct err_text *why)
{
    const struct option_list *addresses = &options->configuration->listen;
    size_t count = thread_count(options->configuration);
    front->ports = calloc(addresses->count, sizeof *front->ports);
    front->listeners = calloc(count, sizeof(struct listener *));
    if (!front->ports || !front->listeners) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    enum err result = check_free(addresses, why);
    while (result == ERR_OK && front->count < count) {
        result = listener_new(&front->context, options->policy, addresses, front->ports,
                              &front->listeners[front->count], why);
        front->count += result == ERR_OK;
    }
    atomic_store(&front->undrained, front->count);
    return result;
}

enum err front_new(const struct front_options *options, struct front **out, struct err_text *why)
{
    *out = NULL;
    struct front *front = calloc(1, sizeof *front);
    if (!front) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    front->drained = options->drained;
    front->owner = options->owner;
    enum err result = make_shared(front, options, why);
    if (result == ERR_OK) {
        result = make_listeners(front, options, why);
    }
    if (result != ERR_OK) {
        front_free(front);
        return result;
    }
    *out = front;
    return ERR_OK;
}

enum err front_start(struct front *front, struct err_text *why)
{
    enum err result = ERR_OK;
    for (size_t i = 0; i < front->count && result == ERR_OK; i++) {
        result = listener_start(front->listeners[i], why);
    }
    return result;
}

/* ---- at work ---- */

void front_use(struct front *front, const struct server_options *configuration, struct policy *policy)
{
    struct admission_limits limits = limits_of(configuration);
    admission_set_limits(front->context.admission, &limits);
    share_handshakes(front, configuration, front->count);
    for (size_t i = 0; i < front->count; i++) {
        if (listener_post_policy(front->listeners[i], policy) != ERR_OK) {
            log_error("front", log_event("reload_incomplete"), log_str("reason", err_name(ERR_NO_MEMORY)),
                      log_str("do", "send SIGHUP again"));
        }
    }
}

void front_drain(struct front *front)
{
    for (size_t i = 0; i < front->count; i++) {
        (void)!listener_post_drain(front->listeners[i]); // out of memory: the owner's deadline ends it
    }
}

void front_stop(struct front *front)
{
    for (size_t i = 0; i < front->count; i++) {
        listener_stop(front->listeners[i]);
    }
}

void front_free(struct front *front)
{
    if (!front) {
        return;
    }
    for (size_t i = 0; i < front->count; i++) {
        listener_free(front->listeners[i]);
    }
    free(front->listeners);
    free(front->ports);
    roster_free(front->context.roster);
    admission_free(front->context.admission);
    free(front);
}

struct roster *front_roster(struct front *front)
{
    return front->context.roster;
}

size_t front_threads(const struct front *front)
{
    return front->count;
}

uint16_t front_port(const struct front *front, size_t index)
{
    return front->ports[index];
}
