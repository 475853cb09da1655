/*
 * bridge_report: what the control socket answers: "status" (one JSON object), "metrics" (Prometheus text)
 * and "values SKIP ROWS [PATTERN]" (what was read last, see field/board.h).
 * The loop's thread.
 */
#ifndef BOURDON_BRIDGE_BRIDGE_REPORT_H
#define BOURDON_BRIDGE_BRIDGE_REPORT_H

#include "base/buffer.h"

/* For control_start(): `bridge` is the struct bridge. */
void bridge_report_answer(void *bridge, const char *request, struct buffer *out);

#endif
