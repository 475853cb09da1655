/*
 * ack_source: the history of batches, from a bridge's spool (its ack log) or from a server's store (what it
 * committed); which of the two a file is, its application id says.
 *
 * Rows come in the order in which they were written, a few at a time: no transaction stays open between two
 * calls, so that a reader who pauses does not keep a live database from checkpointing. One thread.
 */
#ifndef BOURDON_CLIENT_ACK_SOURCE_H
#define BOURDON_CLIENT_ACK_SOURCE_H

#include "base/err.h"
#include "net/tls.h"
#include "tunnel/frame.h"

enum { ACK_SOURCE_CHUNK = 128 }; /* rows one call gives at most */

/* Times are wall clock in µs, 0 = not known at this end. */
struct ack_row {
    int64_t id;
    char bridge[TLS_NAME_MAX];
    char epoch[2 * BATCH_EPOCH_SIZE + 1]; /* hexadecimal */
    uint64_t seq;
    enum batch_kind kind;
    uint64_t readings; /* or gaps */
    uint64_t bytes;
    int64_t first_us, last_us; /* when the readings were taken */
    int64_t spooled_us, sent_us, received_us, committed_us, acked_us;
    enum ack_result result;
    char text[FRAME_TEXT_MAX]; /* why it was rejected */
    bool historical;           /* came as backlog */
};

struct ack_source;

/* Opens read-only. */
MUST_USE enum err ack_source_open(const char *path, struct ack_source **source, struct err_text *why);
void ack_source_close(struct ack_source *source); /* NULL is fine */

bool ack_source_is_store(const struct ack_source *source);

/* Skips all but the newest `count` rows. */
MUST_USE enum err ack_source_skip_to_last(struct ack_source *source, uint64_t count, struct err_text *why);

/* Fills rows[ACK_SOURCE_CHUNK] with the next ones; `*count` is 0 when there are no more (for now). */
MUST_USE enum err ack_source_read(struct ack_source *source, struct ack_row *rows, size_t *count,
                                  struct err_text *why);

#endif
