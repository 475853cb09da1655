/*
 * endpoint: an address clients connect to or a serial line, the connections it has, and the units behind it.
 *
 * Above the connections it allows, the one that has been silent longest is closed for the new one (messaging
 * guide, section 4.3.1.1), so that stalled clients cannot lock others out. In the loop's thread.
 */
#ifndef BOURDON_PLCSIM_ENDPOINT_H
#define BOURDON_PLCSIM_ENDPOINT_H

#include "address.h"
#include "connection.h"

struct endpoint;

struct endpoint_options {
    struct loop *loop;
    struct service *service;
    int64_t start_us; /* monotonic time of the simulator's start */
    struct address address;
    int64_t baud; /* of a serial line; 0 = bytes take no time */
    size_t connections_max;
    struct device *devices; /* on the heap; taken over in any case */
    size_t device_count;
    struct tls_context *tls; /* NULL = plain; taken over in any case */
    const struct access_rule *rules;
    size_t rule_count;
};

MUST_USE enum err endpoint_new(const struct endpoint_options *options, struct endpoint **endpoint,
                               struct err_text *why);
void endpoint_free(struct endpoint *endpoint); /* NULL is fine */

/* Frees the devices and the TLS context of options that were not given to endpoint_new(). */
void endpoint_discard(struct endpoint_options *options);

const char *endpoint_address(const struct endpoint *endpoint);

/* Writes the address, the units and the connections as an object. */
void endpoint_write_status(const struct endpoint *endpoint, struct json *json);

/* Moves every unit's process on by `steps` steps. */
void endpoint_step(struct endpoint *endpoint, uint64_t steps, double step_s);

/* Does what faults say about the endpoint itself at this time. */
void endpoint_apply_faults(struct endpoint *endpoint, int64_t now_us);

#endif
