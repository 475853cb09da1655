/*
 * line: what a request costs of the time of a serial line or a TCP connection. Pure.
 *
 * Over RTU: request and answer by their characters at the line's speed, the silence of 3.5 characters that
 * ends each (Modbus over Serial Line 1.02, section 2.5.1.1), and the time the device takes. Over TCP the
 * latency alone.
 */
#ifndef BOURDON_FIELD_LINE_H
#define BOURDON_FIELD_LINE_H

#include "field/plan.h"
#include "link/link_url.h"

#include <stdint.h>

/* From the first bit of the request until the line is free again, µs. `latency_us` is the device's. */
int64_t line_request_us(const struct link_url *url, int64_t latency_us, const struct plan_block *block);

#endif
