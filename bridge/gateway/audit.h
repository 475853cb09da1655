/*
 * audit: the file that says who did what through the gateway: a line for each session, denial and write,
 * chained by hashes (gateway/audit_chain.h).
 *
 *   audit_put(), any thread ──▶ queue (bounded) ──▶ writer thread: seal, write, fdatasync, a batch at a time
 *
 * Nobody waits for the disk. A record that can wait gives others AUDIT_GATHER_MS after the last sync to come
 * along, so that a storm of sessions is not a storm of syncs; any other goes at once. While it fails the
 * writer keeps what is queued and tries again once a second; audit_is_failing() then is true, and so it is
 * while the queue is full. What found no room is counted, and a line says how many records are missing.
 */
#ifndef BOURDON_BRIDGE_GATEWAY_AUDIT_H
#define BOURDON_BRIDGE_GATEWAY_AUDIT_H

#include "base/err.h"
#include "gateway/audit_chain.h"
#include "gateway/audit_record.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    AUDIT_QUEUE_BYTES = 4 * 1024 * 1024, /* records that wait for the disk */
    AUDIT_GATHER_MS = 50,
    AUDIT_RETRY_MS = 1000,
};

struct audit;

/* Opens or makes the file, goes on with the chain it ends with, and starts the writer. A torn last line, of a
 * crash, is cut off, and a record says so. The hash of the last record is logged at the start, when the file
 * is reopened, at the end, and within `heads_every_us` after a record: lines cut off at the end show against
 * it. ERR_CORRUPT: the last line is no audit record. */
MUST_USE enum err audit_open(const char *path, int64_t heads_every_us, struct audit **audit,
                             struct err_text *why);
/* Writes what is queued, tries once if the disk fails. NULL is fine. */
void audit_close(struct audit *audit);

/* Any thread. */
void audit_put(struct audit *audit, const struct audit_record *record);
bool audit_is_failing(const struct audit *audit);
/* The file was renamed: the chain goes on in a new one of the same name. Any thread. */
void audit_reopen(struct audit *audit);

struct audit_head {
    struct audit_chain last; /* on the disk */
    uint64_t lost;           /* records that found no room */
    bool failing;
    char reason[ERR_TEXT_MAX];
};
void audit_head(struct audit *audit, struct audit_head *head);

#endif
