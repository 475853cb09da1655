#include "bridge.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"
#include "bridge_report.h"
#include "bridge_state.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- options as the stages want them ---- */

static int64_t longest_exchange_us(const struct field_options *field)
{
    int64_t longest_us = 0;
    const struct link_options *links = field->links.items;
    for (size_t i = 0; i < field->links.count; i++) {
        longest_us = links[i].response_timeout_us > longest_us ? links[i].response_timeout_us : longest_us;
    }
    return longest_us;
}

static struct spool_configuration spool_configuration(const struct bridge_options *options)
{
    return (struct spool_configuration){
        .catalog = options->catalog,
        .batch =
            {
                .max_readings = (size_t)options->batch.max_readings,
                .max_age_us = options->batch.max_age_us,
            },
        .bounds =
            {
                .max_bytes = options->spool.max_size,
                .max_age_us = options->spool.max_age_us,
                .min_free = options->spool.min_free,
                .policy = (enum room_policy)options->spool.when_full,
            },
        .in_flight_us = longest_exchange_us(&options->field),
    };
}

static struct uplink_options uplink_options(const struct bridge_options *options)
{
    return (struct uplink_options){
        .bridge = options->bridge.name,
        .tls = options->tls,
        .endpoints = options->server.endpoints.items,
        .endpoint_count = options->server.endpoints.count,
        .connect_ms = options->server.connect_us / CLOCK_US_PER_MS,
        .retry_first_ms = (uint32_t)(options->server.retry_first_us / CLOCK_US_PER_MS),
        .retry_cap_ms = (uint32_t)(options->server.retry_max_us / CLOCK_US_PER_MS),
        .fail_back_ms = options->server.fail_back_us / CLOCK_US_PER_MS,
        .backfill =
            {
                .rate = options->backfill.rate,
                .window_share = options->backfill.window_share,
            },
    };
}

static void free_options(const struct bridge *bridge, struct bridge_options *options)
{
    bridge_options_release(options);
    options_free(bridge->daemon->table, options);
}

/* ---- stopping ---- */

/* What clients of the gateway have asked comes back first. */
static void stop_field(struct bridge *bridge)
{
    gateway_detach(bridge->gateway);
    field_stop(bridge->field, bridge->options.bridge.shutdown_us);
    bridge->field = NULL;
}

static void stop_gateway(struct bridge *bridge)
{
    gateway_stop(bridge->gateway);
    bridge->gateway = NULL;
}

static void stop_now(struct bridge *bridge)
{
    bridge->state = BRIDGE_STOPPED;
    loop_stop(bridge->loop);
}

static void on_drained(void *owner)
{
    stop_now(owner);
}

static void on_deadline(void *owner)
{
    struct bridge *bridge = owner;
    log_warn("bridge", log_event("deadline"),
             log_str("effect", "not everything was acknowledged in time: it "
                               "stays in the spool and is sent at the next "
                               "start"));
    stop_now(bridge);
}

static void on_stop_signal(void *owner)
{
    struct bridge *bridge = owner;
    if (bridge->state != BRIDGE_RUNNING) {
        return;
    }
    log_info("bridge", log_event("stopping"));
    notify_send("STOPPING=1\nSTATUS=waiting for acknowledgements");
    bridge->state = BRIDGE_FLUSHING;
    loop_timer_start_ms(bridge->deadline_timer, bridge->options.bridge.shutdown_us / CLOCK_US_PER_MS);
    stop_field(bridge);
    stop_gateway(bridge);
    const struct spool_request flush = {.kind = SPOOL_REQUEST_FLUSH};
    if (spool_thread_request(bridge->spool, &flush, 1) != ERR_OK) {
        stop_now(bridge); /* spool_thread_stop() flushes too, only nobody waits for the acks then */
    }
}

/* ---- from the spool ---- */

static void on_joined(void *owner, const struct spool_joined *joined)
{
    struct bridge *bridge = owner;
    uplink_joined(bridge->uplink, joined);
}

static void on_committed(void *owner, struct spool_batches *batches, uint64_t skipped_first,
                         uint64_t skipped_last)
{
    struct bridge *bridge = owner;
    uplink_committed(bridge->uplink, batches, skipped_first, skipped_last);
}

static void on_backlog(void *owner, uint32_t session, struct spool_batches *batches, uint64_t next)
{
    struct bridge *bridge = owner;
    uplink_backlog(bridge->uplink, session, batches, next);
}

static void on_flushed(void *owner)
{
    struct bridge *bridge = owner;
    if (bridge->state == BRIDGE_FLUSHING) {
        bridge->state = BRIDGE_DRAINING;
        uplink_drain(bridge->uplink, on_drained, bridge);
    }
}

static void on_failed(void *owner, enum err code, const char *reason)
{
    struct bridge *bridge = owner;
    (void)code;
    (void)reason; /* the spool's thread has said it */
    bridge->failed = true;
    stop_now(bridge);
}

static const struct spool_events spool_events = {
    .joined = on_joined,
    .committed = on_committed,
    .backlog = on_backlog,
    .flushed = on_flushed,
    .failed = on_failed,
};

/* ---- reloading ---- */

static bool must_stay(const struct bridge_options *old, const struct bridge_options *new,
                      struct err_text *why)
{
    if (strcmp(old->bridge.name, new->bridge.name) != 0) {
        err_set(why, ERR_CONFIG, "bridge.name cannot change while the bridge runs: start it again");
        return true;
    }
    if (strcmp(old->bridge.spool, new->bridge.spool) != 0) {
        err_set(why, ERR_CONFIG, "bridge.spool cannot change while the bridge runs: start it again");
        return true;
    }
    if (!gateway_options_may_replace(&old->gateway, &new->gateway)) {
        err_set(why, ERR_CONFIG,
                "gateway.listen and gateway.audit.file cannot change while the bridge runs: start it again");
        return true;
    }
    return false;
}

/* What the next reload compares with, and status shows, is what is in force. */
static void keep_until_restart(struct bridge_options *old, struct bridge_options *new)
{
    char *loaded = new->bridge.control;
    if (strcmp(old->bridge.control, loaded) != 0) {
        log_warn("bridge", log_event("needs_restart"), log_str("key", "bridge.control"));
    }
    if (old->spool.ack_log != new->spool.ack_log) {
        log_warn("bridge", log_event("needs_restart"), log_str("key", "spool.ack_log"));
    }
    new->bridge.control = old->bridge.control;
    old->bridge.control = loaded;
    new->spool.ack_log = old->spool.ack_log;
}

static enum err start_field(struct bridge *bridge, struct err_text *why)
{
    struct reading_sink spool = spool_thread_sink(bridge->spool);
    board_free(bridge->board);
    bridge->board = NULL;
    enum err result = board_new(bridge->options.catalog, &spool, &bridge->board);
    if (result != ERR_OK) {
        return err_set(why, result, "out of memory");
    }
    struct reading_sink sink = board_sink(bridge->board);
    result = field_start(&bridge->options.field, bridge->options.catalog, &sink, &bridge->field, why);
    if (result == ERR_OK) {
        gateway_attach(bridge->gateway, &bridge->options.gateway, bridge->field);
    }
    return result;
}

static enum err start_gateway(struct bridge *bridge, struct err_text *why)
{
    const struct gateway_options *options = &bridge->options.gateway;
    return gateway_options_given(options) ? gateway_start(options, &bridge->gateway, why) : ERR_OK;
}

/* Nobody polls while the catalog changes: readings are indices into it. */
static enum err swap(struct bridge *bridge, struct bridge_options *new, struct err_text *why)
{
    struct spool_configuration configuration = spool_configuration(new);
    stop_field(bridge);
    enum err result = spool_thread_configure(bridge->spool, &configuration, why);
    if (result != ERR_OK) {
        return result;
    }
    struct bridge_options old = bridge->options;
    keep_until_restart(&old, new);
    bridge->options = *new;
    struct uplink_options uplink = uplink_options(&bridge->options);
    uplink_configure(bridge->uplink, &uplink);
    free_options(bridge, &old);
    return ERR_OK;
}

static void reload(struct bridge *bridge)
{
    struct bridge_options new = {.tls = NULL};
    struct err_text why = {{0}};
    enum err result = daemon_load(bridge->daemon, bridge->config, &new);
    if (result != ERR_OK) {
        log_error("bridge", log_event("reload_refused"), log_str("config", bridge->config),
                  log_str("effect", "the old configuration stays in force"));
        return;
    }
    result = must_stay(&bridge->options, &new, &why) ? ERR_CONFIG : swap(bridge, &new, &why);
    if (result != ERR_OK) {
        log_error("bridge", log_event("reload_refused"), log_str("config", bridge->config),
                  log_str("reason", why.text), log_str("effect", "the old configuration stays in force"));
        free_options(bridge, &new);
    }
    if (!bridge->field && start_field(bridge, &why) != ERR_OK) {
        log_error("bridge", log_event("field_failed"), log_str("reason", why.text));
        bridge->failed = true;
        stop_now(bridge);
    } else if (result == ERR_OK) {
        log_info("bridge", log_event("reloaded"), log_str("config", bridge->config));
    }
}

static void on_reload_signal(void *owner)
{
    struct bridge *bridge = owner;
    char state[64];
    if (bridge->state != BRIDGE_RUNNING) {
        return;
    }
    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono_us());
    notify_send(state);
    reload(bridge);
    notify_send("READY=1");
}

/* ---- life ---- */

static void on_watchdog(void *owner)
{
    struct bridge *bridge = owner;
    notify_send("WATCHDOG=1");
    loop_timer_start_ms(bridge->watchdog_timer, notify_watchdog_us() / CLOCK_US_PER_MS);
}

static enum err make_loop(struct bridge *bridge, struct err_text *why)
{
    bridge->loop = loop_new();
    if (!bridge->loop) {
        return err_set(why, ERR_NO_MEMORY, "cannot make an event loop");
    }
    bridge->stop_signals[0] = loop_signal_new(bridge->loop, SIGTERM, on_stop_signal, bridge);
    bridge->stop_signals[1] = loop_signal_new(bridge->loop, SIGINT, on_stop_signal, bridge);
    bridge->reload_signal = loop_signal_new(bridge->loop, SIGHUP, on_reload_signal, bridge);
    bridge->deadline_timer = loop_timer_new(bridge->loop, on_deadline, bridge);
    bridge->watchdog_timer = loop_timer_new(bridge->loop, on_watchdog, bridge);
    bool all = bridge->stop_signals[0] && bridge->stop_signals[1] && bridge->reload_signal &&
               bridge->deadline_timer && bridge->watchdog_timer;
    return all ? ERR_OK : err_set(why, ERR_NO_MEMORY, "cannot make signals and timers");
}

static enum err start_spool(struct bridge *bridge, struct err_text *why)
{
    const struct bridge_options *options = &bridge->options;
    const struct spool_options spool_options = {
        .path = options->bridge.spool,
        .bridge = options->bridge.name,
        .ack_log_rows = options->spool.ack_log,
    };
    const struct spool_configuration configuration = spool_configuration(options);
    struct spool *spool = NULL;
    enum err result = spool_open(&spool_options, clock_wall_us(), &spool, why);
    /* Somebody else's will still be one at the next start: that is for the operator to put right. */
    bridge->wrong_spool = result == ERR_CONFLICT || result == ERR_VERSION;
    if (result != ERR_OK) {
        return result;
    }
    const struct spool_thread_options thread = {
        .spool = spool,
        .configuration = &configuration,
        .loop = bridge->loop,
        .events = &spool_events,
        .owner = bridge,
    };
    return spool_thread_start(&thread, &bridge->spool, why);
}

static enum err start_control(struct bridge *bridge, struct err_text *why)
{
    const char *path = bridge->options.bridge.control;
    const char *folder = getenv("RUNTIME_DIRECTORY");
    char in_folder[512];
    if (path[0] == '\0' && folder && folder[0] != '\0') {
        snprintf(in_folder, sizeof in_folder, "%s/bridge.sock", folder);
        path = in_folder;
    }
    if (path[0] == '\0') {
        return ERR_OK;
    }
    return control_start(bridge->loop, path, bridge_report_answer, bridge, &bridge->control, why);
}

static enum err start(struct bridge *bridge, struct err_text *why)
{
    const struct uplink_options options = uplink_options(&bridge->options);
    enum err result = make_loop(bridge, why);
    if (result == ERR_OK) {
        result = start_spool(bridge, why);
    }
    if (result == ERR_OK) {
        result = uplink_new(bridge->loop, &options, &bridge->uplink, why);
    }
    if (result == ERR_OK) {
        uplink_attach(bridge->uplink, bridge->spool);
        result = start_control(bridge, why);
    }
    if (result == ERR_OK) {
        result = start_gateway(bridge, why);
    }
    return result == ERR_OK ? start_field(bridge, why) : result;
}

/* In this order: no more readings, then no more acks, then the spool commits what it has; whether it could.
 */
static bool tear_down(struct bridge *bridge)
{
    stop_field(bridge);
    stop_gateway(bridge);
    control_stop(bridge->control);
    board_free(bridge->board);
    uplink_free(bridge->uplink);
    bool committed = spool_thread_stop(bridge->spool);
    spool_thread_free(bridge->spool);
    loop_timer_free(bridge->watchdog_timer);
    loop_timer_free(bridge->deadline_timer);
    loop_signal_free(bridge->reload_signal);
    loop_signal_free(bridge->stop_signals[0]);
    loop_signal_free(bridge->stop_signals[1]);
    loop_free(bridge->loop);
    free_options(bridge, &bridge->options);
    return committed;
}

static void say_ready(struct bridge *bridge)
{
    struct spool_status status;
    spool_thread_status(bridge->spool, &status);
    log_info("bridge", log_event("ready"), log_str("bridge", bridge->options.bridge.name),
             log_hex("epoch", spool_thread_epoch(bridge->spool), BATCH_EPOCH_SIZE),
             log_u64("links", bridge->options.field.links.count),
             log_u64("tags", catalog_count(bridge->options.catalog)),
             log_i64("backlog_batches", status.state.batches), log_u64("next_seq", status.state.next_seq));
    notify_send("READY=1\nSTATUS=polling");
    if (notify_watchdog_us() > 0) {
        on_watchdog(bridge);
    }
}

int bridge_run(const struct daemon *daemon, const char *config, struct bridge_options *options)
{
    struct bridge bridge = {
        .daemon = daemon, .config = config, .options = *options, .started_us = clock_mono_us()};
    struct err_text why = {{0}};
    enum err result = start(&bridge, &why);
    if (result == ERR_OK) {
        bridge.state = BRIDGE_RUNNING;
        say_ready(&bridge);
        loop_run(bridge.loop);
    } else {
        log_error("bridge", log_event("cannot_start"), log_str("reason", why.text));
    }
    bool committed = tear_down(&bridge);
    int status = result != ERR_OK || bridge.failed || !committed ? EXIT_FAILURE : EXIT_SUCCESS;
    status = bridge.wrong_spool ? EXIT_USAGE : status;
    log_info("bridge", log_event("stopped"), log_i64("exit_status", status));
    return status;
}
