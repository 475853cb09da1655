/*
 * where: what became of one batch, by the word of the bridge's spool and of the server's store. Each end is
 * asked in one read transaction. One thread.
 */
#ifndef BOURDON_CLIENT_WHERE_WHERE_H
#define BOURDON_CLIENT_WHERE_WHERE_H

#include "net/tls.h"
#include "tunnel/frame.h"

enum { WHERE_BATCHES_MAX = 64 }; /* as many bridges and epochs may have used one number */

/* Times are wall clock in µs, 0 = not known. */
struct where_batch {
    char bridge[TLS_NAME_MAX];
    uint8_t epoch[BATCH_EPOCH_SIZE];
    uint64_t seq;
    enum batch_kind kind;
    int64_t readings, bytes;
    int64_t first_us, last_us, spooled_us, sent_us, received_us, committed_us, acked_us, quarantined_us;
    bool is_of_spool, to_come;       /* its number is still to be given */
    bool waiting, answered, damaged; /* by the spool */
    bool stored, historical;         /* by the store */
    enum ack_result result;          /* if answered */
    enum gap_reason gap;             /* that accounts for it; 0 = none */
    char text[FRAME_TEXT_MAX];       /* why it was rejected or set aside */
};

struct where_list {
    size_t count;
    struct where_batch batches[WHERE_BATCHES_MAX];
};

/* The batch of that bridge and epoch; made if it is not there. NULL: the list is full. */
struct where_batch *where_list_find(struct where_list *list, const char *bridge, const uint8_t *epoch,
                                    uint64_t seq);

/* A reading: the last one of the tag in the WHERE_WINDOW_US before `at_us`. */
#define WHERE_WINDOW_US (INT64_C(60) * 1000000)
struct where_reading {
    const char *tag;
    int64_t at_us;
    uint64_t seq;     /* of the batch that has it; 0 = not found */
    int64_t found_us; /* its time */
};

/* Both add to the list what they know of `seq`. With `reading` (may be NULL) they first look for its batch.
 */
MUST_USE enum err where_ask_spool(const char *path, struct where_reading *reading, uint64_t seq,
                                  struct where_list *list, struct err_text *why);
/* `bridge` NULL = all; what the spool has put on the list limits it to that bridge and epoch. */
MUST_USE enum err where_ask_store(const char *path, const char *bridge, struct where_reading *reading,
                                  uint64_t seq, struct where_list *list, struct err_text *why);

/* What to call it: "waiting", "acknowledged", "rejected", "quarantined", "dropped", "committed", "missing", …
 */
struct where_verdict {
    const char *state;
    const char *explanation;
    bool known; /* it is where it should be, or accounted for */
};
struct where_verdict where_judge(const struct where_batch *batch, bool spool_asked, bool store_asked);

#endif
