#include "server.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"
#include "feed.h"
#include "file_limit.h"
#include "front/front.h"
#include "http.h"
#include "net/control.h"
#include "net/io.h"
#include "requests.h"
#include "server_restart.h"
#include "status.h"
#include "store_opening.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CERTIFICATE_CHECK_MS = 24 * 3600 * 1000 };
#define CERTIFICATE_WARN_US (30 * 24 * 3600 * CLOCK_US_PER_S)

struct server {
    const struct daemon *daemon;
    const char *config;
    struct server_options options;
    int exit_status;
    bool stopping;

    struct loop *loop;
    struct loop_signal *terminate, *interrupt, *hang_up;
    struct loop_timer *watchdog, *deadline, *certificate_check;

    struct server_metrics metrics;
    struct store_opening opening;
    struct store_thread *store_thread;
    struct policy *policy;
    struct front *front;

    struct status status;
    struct feed *feed;
    struct alarms *alarms;
    struct requests requests;
    struct http *http;
    struct control *control, *watch;
};

/* ---- certificates ---- */

static enum err load_keys(const struct server_options *options, struct tls_context **tls,
                          struct err_text *why)
{
    const struct tls_options tls_options = server_options_tls(options);
    return tls_context_new(&tls_options, tls, why);
}

static enum err make_policy(struct server *server, const struct server_options *options,
                            struct policy **policy, struct err_text *why)
{
    struct tls_context *tls;
    enum err result = load_keys(options, &tls, why);
    if (result != ERR_OK) {
        return result;
    }
    result = policy_new(options, tls, server->opening.known ? server->opening.store->id : NULL, policy);
    return result == ERR_OK ? ERR_OK : err_set(why, result, "out of memory");
}

static void use_policy(struct server *server, struct policy *policy)
{
    policy_unref(server->policy);
    server->policy = policy;
    front_use(server->front, &server->options, policy);
}

static void check_certificate(void *owner)
{
    struct server *server = owner;
    char end[CLOCK_TEXT_MAX];
    int64_t end_us = tls_context_not_after_us(server->policy->tls);
    int64_t left_us = end_us - clock_wall_us();
    metric_set(&server->status.certificate_end_us, end_us);
    if (left_us < CERTIFICATE_WARN_US) {
        LOG_AT(left_us < 0 ? LOG_ERROR : LOG_WARN, "server",
               log_event(left_us < 0 ? "certificate_expired" : "certificate_ends_soon"),
               log_str("certificate", server->options.certificate), log_str("end", clock_format(end_us, end)),
               log_str("do", "issue a new one, then send SIGHUP"));
    }
    loop_timer_start_ms(server->certificate_check, CERTIFICATE_CHECK_MS);
}

/* ---- stopping ---- */

static void all_drained(void *owner)
{
    struct server *server = owner;
    loop_stop(server->loop);
}

static void front_drained(void *owner)
{
    struct server *server = owner;
    (void)!loop_post(server->loop, all_drained, server); // out of memory: the deadline ends it
}

static void too_late(void *owner)
{
    struct server *server = owner;
    log_warn("server", log_event("stop_deadline"),
             log_str("consequence", "connections are closed; what is not acknowledged comes again"));
    loop_stop(server->loop);
}

static void begin_stop(void *owner)
{
    struct server *server = owner;
    if (server->stopping) {
        return;
    }
    server->stopping = true;
    notify_send("STOPPING=1");
    log_info("server", log_event("stopping"));
    loop_timer_start_ms(server->deadline, server->options.timers.stop_us / CLOCK_US_PER_MS);
    front_drain(server->front);
}

void server_stop(struct server *server)
{
    (void)!loop_post(server->loop, begin_stop, server);
}

static void give_up(struct server *server, enum err reason)
{
    server->exit_status = reason == ERR_CONFIG ? EXIT_USAGE : EXIT_FAILURE;
    begin_stop(server);
}

static void store_is_lost(void *owner)
{
    struct server *server = owner;
    give_up(server, store_thread_health(server->store_thread, NULL));
}

static void store_failed(void *owner)
{
    struct server *server = owner;
    if (loop_post(server->loop, store_is_lost, server) != ERR_OK) {
        abort(); // no memory even to say so: what is committed is safe, and nothing is acknowledged any more
    }
}

/* ---- reloading ---- */

static enum err load_again(struct server *server, struct server_options *options, struct policy **policy)
{
    enum err result = daemon_load(server->daemon, server->config, options);
    if (result != ERR_OK) {
        return result; // daemon_load() has said why
    }
    struct err_text why;
    result = make_policy(server, options, policy, &why);
    if (result == ERR_OK) {
        result = alarms_use(server->alarms, &options->alarms, &why);
        if (result != ERR_OK) {
            policy_unref(*policy);
        }
    }
    if (result != ERR_OK) {
        log_error("server", log_event("reload_error"), log_str("reason", why.text));
        options_free(server->daemon->table, options);
    }
    return result;
}

void server_reload(struct server *server)
{
    struct server_options options;
    struct policy *policy;
    if (server->stopping) {
        return;
    }
    notify_send("RELOADING=1");
    if (load_again(server, &options, &policy) != ERR_OK) {
        log_error("server", log_event("reload_refused"),
                  log_str("consequence", "the old configuration stays in force"));
    } else {
        server_restart_keep(&server->options, &options);
        options_free(server->daemon->table, &server->options);
        server->options = options;
        use_policy(server, policy);
        check_certificate(server);
        log_info("server", log_event("reloaded"));
    }
    notify_send("READY=1");
}

static void hang_up_arrived(void *owner)
{
    server_reload(owner);
}

/* ---- watching ---- */

static void feed_watchdog(void *owner)
{
    struct server *server = owner;
    if (store_thread_health(server->store_thread, NULL) != ERR_TIMEOUT) {
        notify_send("WATCHDOG=1");
    }
    loop_timer_start_ms(server->watchdog, notify_watchdog_us() / CLOCK_US_PER_MS);
}

static enum err health(void *owner, struct err_text *why)
{
    struct server *server = owner;
    return store_thread_health(server->store_thread, why);
}

static enum err write_metrics(void *owner, struct buffer *out)
{
    struct server *server = owner;
    return status_metrics(&server->status, out);
}

static void answer_control(void *owner, const char *request, struct buffer *out)
{
    struct server *server = owner;
    requests_control(&server->requests, request, out);
}

static void answer_watch(void *owner, const char *request, struct buffer *out)
{
    struct server *server = owner;
    requests_watch(&server->requests, request, out);
}

/* The alarms' thread. */
static void alarm_changed(void *owner, struct bytes line)
{
    struct server *server = owner;
    feed_line(server->feed, line);
}

/* A listener's thread. */
static void batch_answered(void *owner, const struct observed_batch *batch)
{
    struct server *server = owner;
    feed_batch(server->feed, batch);
    alarms_observe(server->alarms, batch);
}

/* ---- starting ---- */

static enum err make_loop(struct server *server, struct err_text *why)
{
    server->loop = loop_new();
    if (!server->loop) {
        return err_set(why, ERR_NO_MEMORY, "cannot make an event loop");
    }
    server->terminate = loop_signal_new(server->loop, SIGTERM, begin_stop, server);
    server->interrupt = loop_signal_new(server->loop, SIGINT, begin_stop, server);
    server->hang_up = loop_signal_new(server->loop, SIGHUP, hang_up_arrived, server);
    server->watchdog = loop_timer_new(server->loop, feed_watchdog, server);
    server->deadline = loop_timer_new(server->loop, too_late, server);
    server->certificate_check = loop_timer_new(server->loop, check_certificate, server);
    bool made = server->terminate && server->interrupt && server->hang_up && server->watchdog &&
                server->deadline && server->certificate_check;
    return made ? ERR_OK : err_set(why, ERR_NO_MEMORY, "cannot make signals and timers");
}

/* From now on bridges are greeted. */
static enum err greet_bridges(struct server *server, struct err_text *why)
{
    struct policy *policy;
    enum err result = store_opening_check(&server->opening, &server->options.limits, why);
    if (result != ERR_OK) {
        return result;
    }
    struct tls_context *tls = tls_context_ref(server->policy->tls);
    result = policy_new(&server->options, tls, server->opening.store->id, &policy);
    if (result != ERR_OK) {
        return err_set(why, result, "out of memory");
    }
    use_policy(server, policy);
    return ERR_OK;
}

static void store_arrived(void *owner)
{
    struct server *server = owner;
    struct err_text why = {""};
    server->opening.known = true;
    store_opening_log(&server->opening);
    enum err result = server->stopping ? ERR_OK : greet_bridges(server, &why);
    if (result != ERR_OK) {
        log_error("server", log_event("cannot_serve"), log_str("reason", why.text));
        give_up(server, result);
    }
}

static enum err start_store(struct server *server, struct err_text *why)
{
    server->opening = (struct store_opening){
        .where = server->options.store, .loop = server->loop, .arrived = store_arrived, .owner = server};
    enum err result = store_opening_begin(&server->opening, &server->options.limits, why);
    if (result != ERR_OK) {
        return result;
    }
    const struct store_thread_options options = {
        .store = server->opening.store,
        .away = *why,
        .open = store_opening_try,
        .opening = &server->opening,
        .metrics = &server->metrics,
        .retention = {.age_us = server->options.retention.age_us, .bytes = server->options.retention.bytes},
        .queue_bytes = (size_t)server->options.limits.queue_bytes,
        .failed = store_failed,
        .owner = server,
    };
    return store_thread_start(&options, &server->store_thread, why);
}

/* Before the store is opened: keys that cannot be used leave no empty store behind. */
static enum err check_keys(struct server *server, struct err_text *why)
{
    struct tls_context *tls = NULL;
    enum err result = load_keys(&server->options, &tls, why);
    tls_context_unref(tls);
    return result;
}

static enum err start_observers(struct server *server, struct err_text *why)
{
    server->feed = feed_new(server->loop);
    if (!server->feed) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    return alarms_start(&server->options.alarms, &server->metrics, alarm_changed, server, &server->alarms,
                        why);
}

static enum err make_front(struct server *server, struct err_text *why)
{
    enum err result = make_policy(server, &server->options, &server->policy, why);
    if (result != ERR_OK) {
        return result;
    }
    const struct front_options options = {
        .configuration = &server->options,
        .policy = server->policy,
        .store = server->store_thread,
        .metrics = &server->metrics,
        .observer = {.answered = batch_answered, .owner = server},
        .drained = front_drained,
        .owner = server,
    };
    return front_new(&options, &server->front, why);
}

static enum err start_http(struct server *server, struct err_text *why)
{
    const struct http_source source = {.owner = server, .health = health, .metrics = write_metrics};
    char host[IO_HOST_MAX];
    char port[IO_PORT_MAX];
    if (server->options.http[0] == '\0') {
        return ERR_OK;
    }
    if (!io_split_address(server->options.http, host, port)) {
        return err_set(why, ERR_CONFIG, "http: \"%s\" is not host:port", server->options.http);
    }
    return http_start(host, port, &source, &server->http, why);
}

static enum err start_watching(struct server *server, struct err_text *why)
{
    server->status.metrics = &server->metrics;
    server->status.roster = front_roster(server->front);
    server->status.store = server->store_thread;
    server->status.started_us = clock_wall_us();
    server->requests =
        (struct requests){.status = &server->status, .feed = server->feed, .alarms = server->alarms};
    enum err result = start_http(server, why);
    if (result == ERR_OK && server->options.control[0] != '\0') {
        result = control_start(server->loop, server->options.control, answer_control, server,
                               &server->control, why);
    }
    if (result == ERR_OK && server->options.watch[0] != '\0') {
        result =
            control_start(server->loop, server->options.watch, answer_watch, server, &server->watch, why);
        feed_use(server->feed, server->watch);
    }
    return result;
}

static enum err start_front(struct server *server, struct err_text *why)
{
    return front_start(server->front, why);
}

static enum err start(struct server *server, struct err_text *why)
{
    static enum err (*const steps[])(struct server *, struct err_text *) = {
        make_loop, check_keys, start_store, start_observers, make_front, start_watching, start_front,
    };
    enum err result = ERR_OK;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && result == ERR_OK; i++) {
        result = steps[i](server, why);
    }
    return result;
}

enum err server_new(const struct daemon *daemon, const char *config, struct server_options *options,
                    struct server **out, struct err_text *why)
{
    *out = NULL;
    struct server *server = calloc(1, sizeof *server);
    if (!server) {
        options_free(daemon->table, options);
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    server->daemon = daemon;
    server->config = config;
    server->options = *options;
    file_limit_raise(options->limits.connections);
    enum err result = start(server, why);
    if (result != ERR_OK) {
        server_free(server);
        return result;
    }
    *out = server;
    return ERR_OK;
}

static void log_listening(const struct server *server)
{
    char *const *addresses = server->options.listen.items;
    for (size_t i = 0; i < server->options.listen.count; i++) {
        log_info("server", log_event("listening"), log_str("address", addresses[i]),
                 log_u64("port", front_port(server->front, i)),
                 log_u64("threads", front_threads(server->front)));
    }
    if (server->http) {
        log_info("server", log_event("http_listening"), log_str("address", server->options.http),
                 log_u64("port", http_port(server->http)));
    }
}

int server_run(struct server *server)
{
    log_info("server", log_event("started"), log_str("version", BOURDON_VERSION));
    if (server->opening.known) {
        store_opening_log(&server->opening);
    }
    log_listening(server);
    check_certificate(server);
    if (notify_watchdog_us() > 0) {
        loop_timer_start_ms(server->watchdog, 0);
    }
    notify_send("READY=1");
    loop_run(server->loop);
    log_info("server", log_event("stopped"), log_i64("exit_status", server->exit_status));
    return server->exit_status;
}

void server_free(struct server *server)
{
    if (!server) {
        return;
    }
    control_stop(server->control);
    control_stop(server->watch);
    http_stop(server->http);
    if (server->front) {
        front_stop(server->front);
    }
    store_thread_stop(server->store_thread);
    front_free(server->front);
    policy_unref(server->policy);
    store_close(server->opening.store);
    alarms_stop(server->alarms);
    feed_free(server->feed);
    loop_signal_free(server->terminate);
    loop_signal_free(server->interrupt);
    loop_signal_free(server->hang_up);
    loop_timer_free(server->watchdog);
    loop_timer_free(server->deadline);
    loop_timer_free(server->certificate_check);
    loop_free(server->loop);
    options_free(server->daemon->table, &server->options);
    free(server);
}

uint16_t server_port(const struct server *server, size_t index)
{
    return front_port(server->front, index);
}

uint16_t server_http_port(const struct server *server)
{
    return server->http ? http_port(server->http) : 0;
}
