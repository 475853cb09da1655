/*
 * field: everything between the PLCs and the spool: the links, each with a thread, their units and tags.
 *
 *   PLC ◀─link─ schedule ─▶ plan ─▶ poll ─▶ decode ─▶ report by exception ─▶ sink (the spool)
 *
 * The options (links, units, tags) and their rules are in field/field_options.h.
 */
#ifndef BOURDON_FIELD_FIELD_H
#define BOURDON_FIELD_FIELD_H

#include "base/buffer.h"
#include "base/err.h"
#include "field/field_options.h"
#include "field/live.h"
#include "field/reading_sink.h"
#include "tunnel/catalog.h"

#include <stdbool.h>
#include <stddef.h>

struct field;

/* Starts the links' threads. `catalog` is that of field_options_catalog() of the same options, so that tag
 * indices agree; it is borrowed until field_stop(), the options only during the call. */
MUST_USE enum err field_start(const struct field_options *options, const struct catalog *catalog,
                              const struct reading_sink *sink, struct field **field, struct err_text *why);
/* Waits for the answers that are on their way, `patience_us` in all and as long as the response time-outs at
 * most, joins the threads, frees: what a PLC answers in that time becomes a reading. NULL is fine. */
void field_stop(struct field *field, int64_t patience_us);

/* Where others put their requests for a link, by its place in the options; NULL: there is no such link. It
 * lives until field_stop(), which gives back everything that was taken. */
struct live_queue *field_live(struct field *field, size_t link);

/* Appends the state of every link, unit and counter as a JSON array for the control socket. Any thread. */
MUST_USE enum err field_status(struct field *field, struct buffer *out);
/* Appends the Prometheus metrics of the field side. Any thread. */
MUST_USE enum err field_metrics(struct field *field, struct buffer *out);

#endif
