#include "endpoint.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>
#include <unistd.h>

struct endpoint {
    struct endpoint_options options;
    struct service_units units;
    struct listener *listener;
    struct connection *connections; /* owned list */
    size_t connection_count;
};

static void unlink_connection(struct endpoint *endpoint, struct connection *gone)
{
    struct connection *previous = NULL;
    for (struct connection *at = endpoint->connections; at != gone; at = connection_next(at)) {
        previous = at;
    }
    if (previous) {
        connection_set_next(previous, connection_next(gone));
    } else {
        endpoint->connections = connection_next(gone);
    }
    endpoint->connection_count--;
}

static void drop(void *owner, struct connection *connection)
{
    unlink_connection(owner, connection);
    connection_free(connection);
}

static void drop_longest_silent(struct endpoint *endpoint)
{
    struct connection *longest = endpoint->connections;
    for (struct connection *at = endpoint->connections; at; at = connection_next(at)) {
        if (connection_last_active_us(at) < connection_last_active_us(longest)) {
            longest = at;
        }
    }
    drop(endpoint, longest);
}

static bool is_limited_by_fault(const struct endpoint *endpoint)
{
    int64_t now_us = clock_mono_us() - endpoint->options.start_us;
    return endpoint->connection_count >=
           faults_connection_limit(endpoint->options.service->faults, now_us, endpoint_address(endpoint));
}

static void on_accepted(void *owner, int fd)
{
    struct endpoint *endpoint = owner;
    if (is_limited_by_fault(endpoint)) {
        close(fd);
        return;
    }
    if (endpoint->connection_count == endpoint->options.connections_max) {
        drop_longest_silent(endpoint);
    }
    struct connection_options options = {
        .loop = endpoint->options.loop,
        .service = endpoint->options.service,
        .units = &endpoint->units,
        .start_us = endpoint->options.start_us,
        .ended = drop,
        .owner = endpoint,
    };
    struct connection *connection;
    if (connection_new(&options, fd, &connection) != ERR_OK) {
        log_warn("endpoint", log_event("connection_dropped"), log_str("reason", err_name(ERR_NO_MEMORY)));
        return;
    }
    connection_set_next(connection, endpoint->connections);
    endpoint->connections = connection;
    endpoint->connection_count++;
}

void endpoint_discard(struct endpoint_options *options)
{
    for (size_t i = 0; options->devices && i < options->device_count; i++) {
        device_fini(&options->devices[i]);
    }
    free(options->devices);
    options->devices = NULL;
}

enum err endpoint_new(const struct endpoint_options *options, struct endpoint **endpoint,
                      struct err_text *why)
{
    struct endpoint *made = calloc(1, sizeof *made);
    if (!made) {
        struct endpoint_options unused = *options;
        endpoint_discard(&unused);
        return err_set(why, ERR_NO_MEMORY, "%s", err_name(ERR_NO_MEMORY));
    }
    made->options = *options;
    enum err result =
        listener_new(options->loop, options->host, options->port, on_accepted, made, &made->listener, why);
    if (result != ERR_OK) {
        endpoint_free(made);
        return result;
    }
    made->units = (struct service_units){
        .endpoint = listener_address(made->listener),
        .devices = options->devices,
        .count = options->device_count,
    };
    *endpoint = made;
    return ERR_OK;
}

void endpoint_free(struct endpoint *endpoint)
{
    if (!endpoint) {
        return;
    }
    while (endpoint->connections) {
        drop(endpoint, endpoint->connections);
    }
    listener_free(endpoint->listener);
    endpoint_discard(&endpoint->options);
    free(endpoint);
}

const char *endpoint_address(const struct endpoint *endpoint)
{
    return listener_address(endpoint->listener);
}

void endpoint_write_status(const struct endpoint *endpoint, struct json *json)
{
    json_object(json, NULL);
    json_string(json, "address", endpoint_address(endpoint));
    json_u64(json, "connections", endpoint->connection_count);
    json_array(json, "units");
    for (size_t i = 0; i < endpoint->units.count; i++) {
        json_u64(json, NULL, endpoint->units.devices[i].unit);
    }
    json_array_end(json);
    json_object_end(json);
}

void endpoint_step(struct endpoint *endpoint, uint64_t steps, double step_s)
{
    for (size_t i = 0; i < endpoint->options.device_count; i++) {
        for (uint64_t step = 0; step < steps; step++) {
            device_step(&endpoint->options.devices[i], step_s);
        }
    }
}

void endpoint_apply_faults(struct endpoint *endpoint, int64_t now_us)
{
    const struct faults *faults = endpoint->options.service->faults;
    listener_set_open(endpoint->listener, !faults_refuse(faults, now_us, endpoint_address(endpoint)));
}
