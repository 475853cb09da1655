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
#include "tunnel/catalog.h"
#include "tunnel/reading.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Where readings go. put() copies them and is called from link threads; the readings of one call were taken
 * by one request. It returns false while the spool is full and the policy is to stop polling: the link then
 * waits and polls nothing, and what it missed becomes a gap.
 */
struct reading_sink {
    void *owner;
    bool (*put)(void *owner, const struct reading *readings, size_t count);
};

struct field;

/* Starts the links' threads. `options` and `catalog` (made by field_options_catalog() of the same options, so
 * that tag indices agree) are borrowed until field_stop(). */
MUST_USE enum err field_start(const struct field_options *options, const struct catalog *catalog,
                              const struct reading_sink *sink, struct field **field, struct err_text *why);
/* Lets requests in flight end (bounded by their response time-outs), joins the threads, frees. NULL is fine.
 */
void field_stop(struct field *field);

/* Appends the state of every link, unit and counter as a JSON array for the control socket. Any thread. */
MUST_USE enum err field_status(struct field *field, struct buffer *out);
/* Appends the Prometheus metrics of the field side. Any thread. */
MUST_USE enum err field_metrics(struct field *field, struct buffer *out);

#endif
