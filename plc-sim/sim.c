#include "sim.h"

#include "base/clock.h"
#include "base/log.h"
#include "command.h"
#include "endpoint.h"
#include "generator.h"
#include "net/control.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEPS_AT_ONCE_MAX =
        1000, /* after a stop of the process the plant does not catch up with more than that */
    TRUTH_FLUSH_SCANS_US = 200000,
};

struct sim {
    struct loop *loop;
    struct loop_timer *scan_timer;
    struct loop_signal *terminate;
    struct loop_signal *interrupt;
    struct control *control; /* NULL = none */
    struct responder *responder;
    struct truth *truth;
    struct faults faults;
    struct service service;
    struct endpoint **endpoints; /* owned */
    size_t endpoint_count;
    int64_t start_us;
    int64_t scan_us;
    int64_t steps_done;
    int64_t truth_flushed_us;
};

static void apply_faults(struct sim *sim, int64_t now_us)
{
    for (size_t i = 0; i < sim->endpoint_count; i++) {
        endpoint_apply_faults(sim->endpoints[i], now_us);
    }
}

static void write_status(const struct sim *sim, int64_t now_us, struct json *json)
{
    json_object(json, NULL);
    json_double(json, "running_s", (double)now_us / (double)CLOCK_US_PER_S);
    json_u64(json, "requests", sim->service.requests);
    json_u64(json, "faults", sim->faults.count);
    json_array(json, "endpoints");
    for (size_t i = 0; i < sim->endpoint_count; i++) {
        endpoint_write_status(sim->endpoints[i], json);
    }
    json_array_end(json);
    json_object_end(json);
}

static void answer_control(void *owner, const char *request, struct buffer *out)
{
    struct sim *sim = owner;
    int64_t now_us = clock_mono_us() - sim->start_us;
    struct json json = json_start(out);
    if (strcmp(request, "status") == 0) {
        write_status(sim, now_us, &json);
    } else {
        command_fault(&sim->faults, request, now_us, &json);
        apply_faults(sim, now_us);
    }
    (void)!json_finish(&json); /* what does not fit is left out: an empty answer says so */
}

static void flush_truth(struct sim *sim, int64_t now_us)
{
    if (sim->truth && now_us - sim->truth_flushed_us >= TRUTH_FLUSH_SCANS_US) {
        sim->truth_flushed_us = now_us;
        truth_flush(sim->truth);
    }
}

/* The cycle of every PLC. The steps follow the clock; a late round catches up. */
static void scan(void *owner)
{
    struct sim *sim = owner;
    int64_t now_us = clock_mono_us() - sim->start_us;
    int64_t due = now_us / sim->scan_us - sim->steps_done;
    int64_t steps = due < STEPS_AT_ONCE_MAX ? due : STEPS_AT_ONCE_MAX;
    for (size_t i = 0; i < sim->endpoint_count; i++) {
        endpoint_step(sim->endpoints[i], (uint64_t)steps, (double)sim->scan_us / (double)CLOCK_US_PER_S);
    }
    apply_faults(sim, now_us);
    sim->steps_done += due;
    flush_truth(sim, now_us);
    int64_t next_us = (sim->steps_done + 1) * sim->scan_us;
    now_us = clock_mono_us() - sim->start_us;
    loop_timer_start_ms(sim->scan_timer, (next_us - now_us + CLOCK_US_PER_MS - 1) / CLOCK_US_PER_MS);
}

static void stop(void *owner)
{
    struct sim *sim = owner;
    loop_stop(sim->loop);
}

/* The devices of one unit row, each with chance of its own. */
static enum err make_devices(const struct unit_scenario *unit, uint64_t *seeds, struct device *devices)
{
    size_t count = scenario_vessel_count(unit);
    struct vessel_options *vessels = calloc(count, sizeof *vessels);
    if (!vessels) {
        return ERR_NO_MEMORY;
    }
    scenario_vessels(unit, vessels);
    enum err result = ERR_OK;
    for (int64_t i = 0; i < unit->count && result == ERR_OK; i++) {
        result = device_init(&devices[i], (uint8_t)(unit->id + i), vessels, count, generator_next(seeds));
    }
    free(vessels);
    return result;
}

static enum err make_units(const struct endpoint_scenario *row, uint64_t *seeds,
                           struct endpoint_options *options)
{
    const struct unit_scenario *units = row->units.items;
    for (size_t i = 0; i < row->units.count; i++) {
        options->device_count += (size_t)units[i].count;
    }
    options->devices = calloc(options->device_count, sizeof *options->devices);
    enum err result = options->devices ? ERR_OK : ERR_NO_MEMORY;
    size_t made = 0;
    for (size_t i = 0; i < row->units.count && result == ERR_OK; i++) {
        result = make_devices(&units[i], seeds, options->devices + made);
        made += (size_t)units[i].count;
    }
    return result;
}

static enum err add_endpoint(struct sim *sim, const struct endpoint_scenario *row, uint16_t number,
                             uint64_t *seeds, struct err_text *why)
{
    struct endpoint_options options = {
        .loop = sim->loop,
        .service = &sim->service,
        .start_us = sim->start_us,
        .baud = row->baud,
        .connections_max = (size_t)row->connections,
        .rules = row->tls.roles.items,
        .rule_count = row->tls.roles.count,
    };
    if (!address_parse(row->listen, &options.address)) {
        return err_set(why, ERR_CONFIG, "%s is not ADDRESS:PORT", row->listen);
    }
    if (options.address.port != 0) {
        options.address.port = (uint16_t)(options.address.port + number);
    }
    enum err result = make_units(row, seeds, &options);
    if (result != ERR_OK) {
        (void)err_set(why, result, "%s", err_name(result));
    } else if (secure_is_wanted(&row->tls)) {
        result = secure_context(&row->tls, &options.tls, why);
    }
    if (result != ERR_OK) {
        endpoint_discard(&options);
        return result;
    }
    result = endpoint_new(&options, &sim->endpoints[sim->endpoint_count], why);
    if (result == ERR_OK) {
        const char *address = endpoint_address(sim->endpoints[sim->endpoint_count++]);
        log_info("sim", log_event("listening"), log_str("address", address));
    }
    return result;
}

static enum err add_endpoints(struct sim *sim, const struct scenario *scenario, struct err_text *why)
{
    const struct endpoint_scenario *rows = scenario->endpoints.items;
    size_t count = 1; /* one to spare: none at all is not worth a special case */
    for (size_t i = 0; i < scenario->endpoints.count; i++) {
        count += (size_t)rows[i].count;
    }
    sim->endpoints = calloc(count, sizeof(struct endpoint *));
    enum err result = sim->endpoints ? ERR_OK : err_set(why, ERR_NO_MEMORY, "%s", err_name(ERR_NO_MEMORY));
    uint64_t seeds = (uint64_t)scenario->seed;
    for (size_t i = 0; i < scenario->endpoints.count; i++) {
        for (int64_t n = 0; n < rows[i].count && result == ERR_OK; n++) {
            result = add_endpoint(sim, &rows[i], (uint16_t)n, &seeds, why);
        }
    }
    return result;
}

static enum err add_faults(struct sim *sim, const struct scenario *scenario)
{
    const struct fault_options *rows = scenario->faults.items;
    enum err result = ERR_OK;
    for (size_t i = 0; i < scenario->faults.count && result == ERR_OK; i++) {
        result = faults_add(&sim->faults, &rows[i], 0, NULL);
    }
    return result;
}

static bool make_loop(struct sim *sim)
{
    sim->loop = loop_new();
    if (!sim->loop) {
        return false;
    }
    sim->scan_timer = loop_timer_new(sim->loop, scan, sim);
    sim->terminate = loop_signal_new(sim->loop, SIGTERM, stop, sim);
    sim->interrupt = loop_signal_new(sim->loop, SIGINT, stop, sim);
    return sim->scan_timer && sim->terminate && sim->interrupt;
}

static enum err start(struct sim *sim, const struct sim_options *options, struct err_text *why)
{
    faults_init(&sim->faults, (uint64_t)options->scenario->seed);
    sim->start_us = clock_mono_us();
    sim->scan_us = options->scenario->scan_us;
    if (!make_loop(sim) || add_faults(sim, options->scenario) != ERR_OK) {
        return err_set(why, ERR_NO_MEMORY, "%s", err_name(ERR_NO_MEMORY));
    }
    enum err result = responder_new(&sim->responder, why);
    if (result == ERR_OK && options->truth) {
        result = truth_open(options->truth, &sim->truth, why);
    }
    sim->service = (struct service){
        .responder = sim->responder,
        .faults = &sim->faults,
        .truth = sim->truth,
        .random = (uint64_t)options->scenario->seed,
    };
    if (result == ERR_OK) {
        result = add_endpoints(sim, options->scenario, why);
    }
    if (result == ERR_OK && options->scenario->control[0]) {
        result =
            control_start(sim->loop, options->scenario->control, answer_control, sim, &sim->control, why);
    }
    return result;
}

enum err sim_new(const struct sim_options *options, struct sim **sim, struct err_text *why)
{
    struct sim *made = calloc(1, sizeof *made);
    if (!made) {
        return err_set(why, ERR_NO_MEMORY, "%s", err_name(ERR_NO_MEMORY));
    }
    enum err result = start(made, options, why);
    if (result != ERR_OK) {
        (void)!sim_free(made, NULL);
        return result;
    }
    *sim = made;
    return ERR_OK;
}

enum err sim_add_fault(struct sim *sim, const char *words, struct err_text *why)
{
    return command_add_fault(&sim->faults, words, clock_mono_us() - sim->start_us, NULL, why);
}

void sim_run(struct sim *sim)
{
    log_info("sim", log_event("started"), log_u64("endpoints", sim->endpoint_count));
    scan(sim);
    loop_run(sim->loop);
    log_info("sim", log_event("stopped"), log_u64("requests", sim->service.requests));
}

enum err sim_free(struct sim *sim, struct err_text *why)
{
    if (!sim) {
        return ERR_OK;
    }
    control_stop(sim->control);
    for (size_t i = 0; i < sim->endpoint_count; i++) {
        endpoint_free(sim->endpoints[i]);
    }
    free(sim->endpoints);
    loop_timer_free(sim->scan_timer);
    loop_signal_free(sim->terminate);
    loop_signal_free(sim->interrupt);
    loop_free(sim->loop);
    faults_fini(&sim->faults);
    responder_free(sim->responder);
    enum err result = truth_close(sim->truth, why);
    free(sim);
    return result;
}
