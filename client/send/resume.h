/*
 * resume: the little that `bourdon send --resume FILE` remembers from run to run, so that a run whose ack was
 * lost can be repeated without anything being stored twice.
 *
 * A run that begins is written down before its first byte is sent: its epoch, sequences, time and the digest
 * of its batches. Repeated with the same input it makes the same batches under the same identities, which the
 * server recognises. A run that has ended stays written down: the caller may have died before it heard of
 * the end, and repeat it. The file is replaced whole (written aside, synced, renamed, folder synced) and
 * locked while a run lasts. One thread.
 */
#ifndef BOURDON_CLIENT_SEND_RESUME_H
#define BOURDON_CLIENT_SEND_RESUME_H

#include "send/series.h"
#include "tunnel/digest.h"

struct resume_state {
    uint8_t epoch[BATCH_EPOCH_SIZE];
    uint64_t first_sequence; /* of the run the rest is about … */
    uint64_t batches;        /* … and how many it has; 0 = there was none yet */
    bool open;               /* it was begun and not ended */
    uint64_t max_readings;
    int64_t now_us;
    bool synchronised;
    uint8_t digest[DIGEST_SIZE];
};

struct resume;

/* Opens and locks; without a file the state is new, with `epoch`. ERR_CONFLICT: another process has it;
 * ERR_MALFORMED: not such a file. */
MUST_USE enum err resume_open(const char *path, const uint8_t *epoch, struct resume **resume,
                              struct err_text *why);
void resume_close(struct resume *resume); /* NULL is fine */

const struct resume_state *resume_state(const struct resume *resume);
/* The sequence behind the run. */
uint64_t resume_next_sequence(const struct resume_state *state);
/* Makes the new state durable. */
MUST_USE enum err resume_write(struct resume *resume, const struct resume_state *state, struct err_text *why);

#endif
