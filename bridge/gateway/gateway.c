#include "gateway/gateway.h"

#include "base/clock.h"
#include "gateway/exchange.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the two threads ---- */

struct call {
    struct gateway *gateway;
    void (*work)(struct gateway *gateway, void *argument);
    void *argument;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool done;
};

static void run_call(void *owner)
{
    struct call *call = owner;
    call->work(call->gateway, call->argument);
    pthread_mutex_lock(&call->mutex);
    call->done = true;
    pthread_cond_signal(&call->changed);
    pthread_mutex_unlock(&call->mutex);
}

void gateway_call(struct gateway *gateway, void (*work)(struct gateway *gateway, void *argument),
                  void *argument)
{
    struct call call = {.gateway = gateway,
                        .work = work,
                        .argument = argument,
                        .mutex = PTHREAD_MUTEX_INITIALIZER,
                        .changed = PTHREAD_COND_INITIALIZER};
    while (loop_post(gateway->loop, run_call, &call) != ERR_OK) {
        sched_yield(); /* a moment without memory */
    }
    pthread_mutex_lock(&call.mutex);
    while (!call.done) {
        pthread_cond_wait(&call.changed, &call.mutex);
    }
    pthread_mutex_unlock(&call.mutex);
    pthread_mutex_destroy(&call.mutex);
    pthread_cond_destroy(&call.changed);
}

/* `visit` may close the session it is given, and no other one. */
static void visit_sessions(struct gateway *gateway, void (*visit)(struct session *session, void *argument),
                           void *argument)
{
    for (struct session *session = gateway->sessions, *next; session; session = next) {
        next = session->next;
        visit(session, argument);
    }
}

/* ---- certificates ---- */

/* What tells one version of the revocation list from another; 0: there is none. */
static int64_t stamp_of_crl(const struct gateway_options *options)
{
    struct stat state;
    if (options->crl[0] == '\0' || stat(options->crl, &state) != 0) {
        return 0;
    }
    int64_t time_us = state.st_mtim.tv_sec * CLOCK_US_PER_S + state.st_mtim.tv_nsec / 1000;
    return time_us ^ (int64_t)state.st_ino << 20 ^ (int64_t)state.st_size << 40;
}

static void judge_session(struct session *session, void *tls)
{
    session_judge(session, tls);
}

static void use_context(struct gateway *gateway, struct tls_context *tls)
{
    tls_context_unref(gateway->tls);
    gateway->tls = tls;
    gateway->generation++;
    visit_sessions(gateway, judge_session, tls);
}

static void look_at_crl(struct gateway *gateway, int64_t now_us)
{
    if (!gateway->options || now_us - gateway->crl_looked_us < GATEWAY_CRL_LOOK_US) {
        return;
    }
    gateway->crl_looked_us = now_us;
    int64_t stamp = stamp_of_crl(gateway->options);
    if (stamp == gateway->crl_stamp || stamp == 0) {
        return;
    }
    struct tls_context *tls;
    struct err_text why = {.text = ""};
    gateway->crl_stamp = stamp;
    if (gateway_options_tls(gateway->options, &tls, &why) != ERR_OK) {
        log_error("gateway", log_event("crl_refused"), log_str("reason", why.text),
                  log_str("effect", "the old list stays in force"));
        return;
    }
    log_info("gateway", log_event("crl_reloaded"), log_str("crl", gateway->options->crl));
    use_context(gateway, tls);
}

/* ---- life ---- */

struct moment {
    int64_t now_us, wall_us;
};

static void tick_session(struct session *session, void *argument)
{
    const struct moment *moment = argument;
    session_tick(session, moment->now_us, moment->wall_us);
}

static void ticked(void *owner)
{
    struct gateway *gateway = owner;
    struct moment moment = {.now_us = clock_mono_us(), .wall_us = clock_wall_us()};
    exchange_take_answers(gateway);
    session_bury_all(gateway);
    visit_sessions(gateway, tick_session, &moment);
    look_at_crl(gateway, moment.now_us);
    loop_timer_start_ms(gateway->tick, GATEWAY_TICK_MS);
}

static void accepted(void *owner, int fd)
{
    session_accept(owner, fd);
}

/* The options that need no field. */
static void use_options(struct gateway *gateway, const struct gateway_options *options)
{
    gateway->limits = options->limits;
    gateway->old_values = options->audit.old_values;
    gateway->refuses_writes = options->audit.when_failing == AUDIT_REFUSES_WRITES;
    policy_unref(gateway->policy);
    gateway->policy = policy_ref(options->policy);
    rates_reset(&gateway->rates, gateway->policy, clock_mono_us());
    gateway->crl_stamp = stamp_of_crl(options);
    use_context(gateway, tls_context_ref(options->tls));
}

struct attachment {
    const struct gateway_options *options;
    struct field *field;
};

static void find_rules(struct session *session, void *argument)
{
    (void)argument;
    session_find_rules(session);
}

static void attach(struct gateway *gateway, void *argument)
{
    const struct attachment *attachment = argument;
    use_options(gateway, attachment->options);
    visit_sessions(gateway, find_rules, NULL);
    gateway->options = attachment->options;
    for (size_t i = 0; i < GATEWAY_UNITS; i++) {
        const struct gateway_target *target = &attachment->options->targets[i];
        struct live_queue *queue = target->known ? field_live(attachment->field, target->link) : NULL;
        gateway->routes[i] = (struct gateway_route){.queue = queue, .unit = target->unit};
        if (queue) {
            live_queue_serve(queue, &exchange_events, gateway);
        }
    }
}

void gateway_attach(struct gateway *gateway, const struct gateway_options *options, struct field *field)
{
    if (gateway) {
        struct attachment attachment = {.options = options, .field = field};
        gateway_call(gateway, attach, &attachment);
        audit_reopen(gateway->audit);
    }
}

static void detach(struct gateway *gateway, void *argument)
{
    (void)argument;
    gateway->options = NULL;
    memset(gateway->routes, 0, sizeof gateway->routes);
}

void gateway_detach(struct gateway *gateway)
{
    if (gateway) {
        gateway_call(gateway, detach, NULL);
    }
}

static enum err listen_to_one(struct gateway *gateway, const char *address, struct err_text *why)
{
    char host[IO_HOST_MAX];
    char port[IO_PORT_MAX];
    if (!gateway_options_split(address, host, port)) {
        return err_set(why, ERR_CONFIG, "gateway: \"%s\" is no address", address);
    }
    struct io_listener **listener = &gateway->listeners[gateway->listener_count];
    enum err result = io_listen(gateway->loop, host, port, false, accepted, gateway, listener, why);
    if (result != ERR_OK) {
        return err_prefix(why, result, "gateway");
    }
    gateway->listener_count++;
    log_info("gateway", log_event("listening"), log_str("address", address),
             log_u64("port", io_listener_port(*listener)));
    return ERR_OK;
}

static enum err make_parts(struct gateway *gateway, const struct gateway_options *options,
                           struct err_text *why)
{
    gateway->loop = loop_new();
    gateway->tick = gateway->loop ? loop_timer_new(gateway->loop, ticked, gateway) : NULL;
    if (!gateway->tick) {
        return err_set(why, ERR_NO_MEMORY, "gateway: out of memory");
    }
    use_options(gateway, options);
    enum err result = audit_open(options->audit.file, options->audit.heads_every_us, &gateway->audit, why);
    const char *const *addresses = options->listen.items;
    for (size_t i = 0; i < options->listen.count && result == ERR_OK; i++) {
        result = listen_to_one(gateway, addresses[i], why);
    }
    return result;
}

static void *run(void *owner)
{
    struct gateway *gateway = owner;
    loop_run(gateway->loop);
    return NULL;
}

enum err gateway_start(const struct gateway_options *options, struct gateway **out, struct err_text *why)
{
    struct gateway *gateway = calloc(1, sizeof *gateway);
    *out = NULL;
    if (!gateway) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    pthread_mutex_init(&gateway->mutex, NULL);
    live_list_init(&gateway->answered);
    gateway->refused_limit = (struct log_limit){.burst = 20, .interval_us = 60 * CLOCK_US_PER_S};
    enum err result = make_parts(gateway, options, why);
    if (result == ERR_OK) {
        loop_timer_start_ms(gateway->tick, GATEWAY_TICK_MS);
        int code = pthread_create(&gateway->thread, NULL, run, gateway);
        gateway->running = code == 0;
        result = code == 0 ? ERR_OK : err_errno(why, code, "cannot start the gateway's thread");
    }
    if (result != ERR_OK) {
        gateway_stop(gateway);
        return result;
    }
    *out = gateway;
    return ERR_OK;
}

static void close_session(struct session *session, void *argument)
{
    session_close(session, argument);
}

static void close_everything(struct gateway *gateway, void *argument)
{
    for (size_t i = 0; i < gateway->listener_count; i++) {
        io_listener_free(gateway->listeners[i]);
    }
    gateway->listener_count = 0;
    visit_sessions(gateway, close_session, argument);
}

void gateway_stop(struct gateway *gateway)
{
    if (!gateway) {
        return;
    }
    static char reason[] = "the bridge stops";
    if (gateway->running) {
        gateway_call(gateway, close_everything, reason);
        loop_stop(gateway->loop);
        pthread_join(gateway->thread, NULL);
    } else {
        close_everything(gateway, reason);
    }
    loop_timer_free(gateway->tick);
    loop_free(gateway->loop);
    exchange_take_answers(gateway);
    session_bury_all(gateway);
    exchange_free_all(gateway);
    audit_close(gateway->audit);
    tls_context_unref(gateway->tls);
    policy_unref(gateway->policy);
    pthread_mutex_destroy(&gateway->mutex);
    free(gateway);
}

uint16_t gateway_port(const struct gateway *gateway)
{
    return io_listener_port(gateway->listeners[0]);
}
