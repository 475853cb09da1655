#include "endpoint.h"

#include "base/clock.h"
#include "base/log.h"
#include "pty.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct endpoint {
    struct endpoint_options options;
    char name[ADDRESS_TEXT_MAX]; /* what clients connect to */
    struct service_units units;
    struct io_listener *listener;   /* NULL: a serial line, or refusing connections */
    struct pty pty;                 /* of a serial line */
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

static enum err add_connection(struct endpoint *endpoint, int fd)
{
    enum { BITS_PER_BYTE = 11 }; /* start, 8 data, parity or second stop, stop */
    struct connection_options options = {
        .loop = endpoint->options.loop,
        .service = endpoint->options.service,
        .units = &endpoint->units,
        .tls = endpoint->options.tls,
        .rules = endpoint->options.rules,
        .rule_count = endpoint->options.rule_count,
        .start_us = endpoint->options.start_us,
        .ended = drop,
        .owner = endpoint,
    };
    if (endpoint->options.baud > 0) {
        options.byte_us = BITS_PER_BYTE * CLOCK_US_PER_S / endpoint->options.baud;
    }
    struct connection *connection;
    enum err result = connection_new(&options, fd, &connection);
    if (result == ERR_OK) {
        connection_set_next(connection, endpoint->connections);
        endpoint->connections = connection;
        endpoint->connection_count++;
    }
    return result;
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
    enum err result = add_connection(endpoint, fd);
    if (result != ERR_OK) {
        log_warn("endpoint", log_event("connection_dropped"), log_str("reason", err_name(result)));
    }
}

static enum err start_listening(struct endpoint *endpoint, struct err_text *why)
{
    char port[IO_PORT_MAX];
    (void)snprintf(port, sizeof port, "%u", endpoint->options.address.port);
    return io_listen(endpoint->options.loop, endpoint->options.address.host, port, false, on_accepted,
                     endpoint, &endpoint->listener, why);
}

static enum err open_tcp(struct endpoint *endpoint, struct err_text *why)
{
    enum err result = start_listening(endpoint, why);
    if (result == ERR_OK) {
        endpoint->options.address.port = io_listener_port(endpoint->listener);
        address_format(&endpoint->options.address, endpoint->name);
    }
    return result;
}

static enum err open_serial(struct endpoint *endpoint, struct err_text *why)
{
    enum err result = pty_open(&endpoint->pty, endpoint->options.address.host, why);
    if (result != ERR_OK) {
        return result;
    }
    const char *link = endpoint->pty.link;
    (void)snprintf(endpoint->name, sizeof endpoint->name, "%s", link[0] ? link : endpoint->pty.device);
    result = add_connection(endpoint, pty_take_master(&endpoint->pty));
    return result == ERR_OK ? ERR_OK : err_set(why, result, "%s", err_name(result));
}

void endpoint_discard(struct endpoint_options *options)
{
    for (size_t i = 0; options->devices && i < options->device_count; i++) {
        device_fini(&options->devices[i]);
    }
    free(options->devices);
    options->devices = NULL;
    tls_context_unref(options->tls);
    options->tls = NULL;
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
    made->pty = (struct pty){.master = -1, .slave = -1};
    made->units = (struct service_units){
        .endpoint = made->name,
        .serial = options->address.serial,
        .devices = options->devices,
        .count = options->device_count,
    };
    enum err result = options->address.serial ? open_serial(made, why) : open_tcp(made, why);
    if (result != ERR_OK) {
        endpoint_free(made);
        return result;
    }
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
    io_listener_free(endpoint->listener);
    pty_close(&endpoint->pty);
    endpoint_discard(&endpoint->options);
    free(endpoint);
}

const char *endpoint_address(const struct endpoint *endpoint)
{
    return endpoint->name;
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
    if (endpoint->units.serial) {
        return;
    }
    bool refuse = faults_refuse(endpoint->options.service->faults, now_us, endpoint->name);
    if (refuse) {
        io_listener_free(endpoint->listener);
        endpoint->listener = NULL;
    } else if (!endpoint->listener) {
        (void)!start_listening(endpoint,
                               NULL); /* somebody may have taken the port: the next scan tries again */
    }
}
