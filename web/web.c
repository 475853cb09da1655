#include "web.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"
#include "live.h"
#include "net/io.h"
#include "relay.h"
#include "site.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEADLINES_MS = 1000 };

struct web {
    const struct daemon *daemon;
    const char *config;
    struct web_options options;
    struct loop *loop;
    struct loop_signal *terminate, *interrupt, *hang_up;
    struct loop_timer *watchdog, *deadlines;
    struct tls_context *tls; /* NULL = plain */
    struct readers *readers;
    struct events *events;
    struct live *live;
    struct site site;
    struct http *http;
    struct relays *relays;
    struct io_listener *listener;
};

/* ---- certificates ---- */

static enum err load_tls(const struct web_options *options, struct tls_context **tls, struct err_text *why)
{
    *tls = NULL;
    if (!web_options_have_tls(options)) {
        return ERR_OK;
    }
    const struct tls_options tls_options = {
        .side = TLS_SERVER,
        .ca = options->tls.ca,
        .certificate = options->tls.certificate,
        .key = options->tls.key,
        .crl = options->tls.crl,
    };
    return tls_context_new(&tls_options, tls, why);
}

static bool has_role(const struct option_list *roles, const char *role)
{
    char *const *names = roles->items;
    bool found = false;
    for (size_t i = 0; i < roles->count; i++) {
        found = found || strcmp(names[i], role) == 0;
    }
    return found;
}

static bool reader_allowed(void *owner, const struct tls_peer *peer, struct err_text *why)
{
    const struct web *web = owner;
    const struct option_list *roles = &web->options.tls.roles;
    enum err result = ERR_OK;
    if (roles->count > 0 && !has_role(roles, peer->role)) {
        result = err_set(why, ERR_REFUSED, "certificate %s (%.100s) has none of the roles that may read",
                         peer->serial, peer->subject);
    } else if (roles->count == 0 && peer->bridge[0] != '\0') {
        result = err_set(why, ERR_REFUSED, "certificate %s is that of the bridge %s, not a reader's",
                         peer->serial, peer->bridge);
    }
    return result == ERR_OK;
}

/* ---- running ---- */

static void stop(void *owner)
{
    struct web *web = owner;
    loop_stop(web->loop);
}

void web_stop(struct web *web)
{
    loop_stop(web->loop);
}

static void reload(void *owner)
{
    struct web *web = owner;
    struct web_options options;
    struct tls_context *tls;
    struct err_text why = {""};
    if (daemon_load(web->daemon, web->config, &options) != ERR_OK) {
        log_error("web", log_event("reload_refused"),
                  log_str("consequence", "the old configuration stays in force"));
        return;
    }
    enum err result = load_tls(&options, &tls, &why);
    options_free(web->daemon->table, &options);
    if (result != ERR_OK || !tls != !web->tls) {
        tls_context_unref(tls);
        log_error("web", log_event("reload_refused"),
                  log_str("reason", result != ERR_OK ? why.text : "tls comes and goes with a restart"));
        return;
    }
    tls_context_unref(web->tls);
    web->tls = tls;
    relays_end_all(web->relays); // a stream of events would outlive its reader's revocation
    log_info("web", log_event("reloaded"),
             log_str("of", "certificates; everything else takes effect at a restart"));
}

static void feed_watchdog(void *owner)
{
    struct web *web = owner;
    notify_send("WATCHDOG=1");
    loop_timer_start_ms(web->watchdog, notify_watchdog_us() / CLOCK_US_PER_MS);
}

static void enforce_deadlines(void *owner)
{
    struct web *web = owner;
    http_enforce_deadlines(web->http);
    loop_timer_start_ms(web->deadlines, DEADLINES_MS);
}

static enum err serve(void *owner, int fd)
{
    struct web *web = owner;
    return http_serve(web->http, fd);
}

static void accepted(void *owner, int fd)
{
    struct web *web = owner;
    if (web->tls) {
        relays_accept(web->relays, web->tls, fd);
    } else {
        (void)!http_serve(web->http, fd); // too many: it is closed
    }
}

/* ---- starting ---- */

static enum err make_loop(struct web *web, struct err_text *why)
{
    web->loop = loop_new();
    if (!web->loop) {
        return err_set(why, ERR_NO_MEMORY, "cannot make an event loop");
    }
    web->terminate = loop_signal_new(web->loop, SIGTERM, stop, web);
    web->interrupt = loop_signal_new(web->loop, SIGINT, stop, web);
    web->hang_up = loop_signal_new(web->loop, SIGHUP, reload, web);
    web->watchdog = loop_timer_new(web->loop, feed_watchdog, web);
    web->deadlines = loop_timer_new(web->loop, enforce_deadlines, web);
    bool made = web->terminate && web->interrupt && web->hang_up && web->watchdog && web->deadlines;
    return made ? ERR_OK : err_set(why, ERR_NO_MEMORY, "cannot make signals and timers");
}

static enum err make_sources(struct web *web, struct err_text *why)
{
    web->readers = readers_new(web_options_store_path(&web->options), web->options.limits.query_us);
    web->events = events_new((size_t)web->options.limits.events);
    if (!web->readers || !web->events) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    if (web->options.watch[0] == '\0') {
        return ERR_OK;
    }
    return live_start(web->options.watch, web->events, &web->live, why);
}

static enum err start_http(struct web *web, struct err_text *why)
{
    const struct http_site site = {.owner = &web->site, .answer = site_answer};
    web->site = (struct site){
        .api = {.readers = web->readers, .watch = web->options.watch, .live = web->live},
        .events = web->events,
        .hosts = web->options.hosts.items,
        .host_count = web->options.hosts.count,
    };
    return http_start((unsigned)web->options.limits.connections, &site, &web->http, why);
}

static enum err start_listening(struct web *web, struct err_text *why)
{
    char host[IO_HOST_MAX];
    char port[IO_PORT_MAX];
    const struct relay_options options = {
        .loop = web->loop, .allowed = reader_allowed, .serve = serve, .owner = web};
    web->relays = relays_new(&options);
    if (!web->relays) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    if (!io_split_address(web->options.listen, host, port)) {
        return err_set(why, ERR_CONFIG, "listen: \"%s\" is not host:port", web->options.listen);
    }
    return io_listen(web->loop, host, port, false, accepted, web, &web->listener, why);
}

static enum err load_certificates(struct web *web, struct err_text *why)
{
    return load_tls(&web->options, &web->tls, why);
}

static enum err start(struct web *web, struct err_text *why)
{
    static enum err (*const steps[])(struct web *, struct err_text *) = {
        make_loop, load_certificates, make_sources, start_http, start_listening,
    };
    enum err result = ERR_OK;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && result == ERR_OK; i++) {
        result = steps[i](web, why);
    }
    return result;
}

enum err web_new(const struct daemon *daemon, const char *config, struct web_options *options,
                 struct web **out, struct err_text *why)
{
    *out = NULL;
    struct web *web = calloc(1, sizeof *web);
    if (!web) {
        options_free(daemon->table, options);
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    web->daemon = daemon;
    web->config = config;
    web->options = *options;
    enum err result = start(web, why);
    if (result != ERR_OK) {
        web_free(web);
        return result;
    }
    *out = web;
    return ERR_OK;
}

int web_run(struct web *web)
{
    log_info("web", log_event("started"), log_str("version", BOURDON_VERSION),
             log_str("store", web->options.store));
    log_info("web", log_event("listening"), log_str("address", web->options.listen),
             log_u64("port", web_port(web)), log_bool("tls", web->tls != NULL));
    if (notify_watchdog_us() > 0) {
        loop_timer_start_ms(web->watchdog, 0);
    }
    loop_timer_start_ms(web->deadlines, DEADLINES_MS);
    notify_send("READY=1");
    loop_run(web->loop);
    notify_send("STOPPING=1");
    log_info("web", log_event("stopped"));
    return EXIT_SUCCESS;
}

void web_free(struct web *web)
{
    if (!web) {
        return;
    }
    io_listener_free(web->listener);
    relays_free(web->relays);
    if (web->events) {
        events_close(web->events);
    }
    http_stop(web->http);
    live_stop(web->live);
    events_free(web->events);
    readers_free(web->readers);
    tls_context_unref(web->tls);
    loop_signal_free(web->terminate);
    loop_signal_free(web->interrupt);
    loop_signal_free(web->hang_up);
    loop_timer_free(web->watchdog);
    loop_timer_free(web->deadlines);
    loop_free(web->loop);
    options_free(web->daemon->table, &web->options);
    free(web);
}

uint16_t web_port(const struct web *web)
{
    return io_listener_port(web->listener);
}
