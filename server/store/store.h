/*
 * store: where batches become durable. One small interface, one implementation a file: sqlite (default),
 * postgresql, jetstream.
 *
 * Everything is written in groups: store_begin(), puts, store_commit(). The items of a group belong to the
 * caller and stay as they are until the group ends, so that an implementation may send them all at once at
 * its commit; their answers are valid only once store_commit() has returned ERR_OK. A group takes effect as a
 * whole or not at all.
 *
 * A batch is unique on (bridge, epoch, sequence): the same batch again is STORE_DUPLICATE, another one under
 * the same identity STORE_CONFLICT and not stored. One thread owns a store.
 */
#ifndef BOURDON_SERVER_STORE_STORE_H
#define BOURDON_SERVER_STORE_STORE_H

#include "base/buffer.h"
#include "base/err.h"
#include "store/store_schema.h"
#include "tunnel/batch.h"
#include "tunnel/frame.h"

/* SQL and JetStream count with a sign. A batch with a higher sequence is not to be put. */
#define STORE_SEQUENCE_MAX ((uint64_t)INT64_MAX)

enum store_result {
    STORE_COMMITTED,  /* durable now */
    STORE_DUPLICATE,  /* was durable already, with the same digest */
    STORE_CONFLICT,   /* another batch has this identity: never acknowledge */
    STORE_NO_CATALOG, /* its catalog is not stored (its group was rolled back): not stored */
};

struct store_batch {
    const char *bridge;            /* name from the certificate */
    const struct batch_view *view; /* checked completely; also its body, if it is one of gaps */
    int64_t received_us;
    bool historical;
    /* the answer */
    enum store_result result;
    int64_t committed_us; /* committed, duplicate: when it became durable; 0 = no longer known */
};

struct store_catalog {
    const uint8_t *hash; /* CATALOG_HASH_SIZE */
    struct bytes encoded;
    int64_t received_us;
};

/* What the store has of an epoch; all 0 if it has never heard of it. */
struct store_watermarks {
    /* Every sequence up to this one is stored, or accounted for by a stored gap. */
    uint64_t contiguous;
    bool more;        /* so may be some that follow: the look at them stopped short */
    uint64_t highest; /* highest one stored */
    /* Of those in between the lowest that are neither stored nor accounted for, in order, none touching the
     * next; as many as are found within a bounded look. */
    size_t missing_count;
    struct frame_range missing[FRAME_MISSING_MAX];
};

/* What a store may forget: batches that were stored longer ago, and the oldest ones while it is larger. 0 =
 * no limit. In PostgreSQL it is the ledger that forgets all but their sequences; see postgresql_retention.h.
 */
struct store_retention {
    int64_t age_us;
    int64_t bytes;
};

/* What one step has forgotten, and whether there is more to do. */
struct store_expired {
    uint64_t batches, readings, bytes;
    bool more;
};

struct store;

/* An implementation. The functions mean what their namesakes below say. */
struct store_operations {
    enum err (*begin)(struct store *store, int64_t now_us, struct err_text *why);
    enum err (*put_catalog)(struct store *store, struct store_catalog *catalog, struct err_text *why);
    enum err (*put_batch)(struct store *store, struct store_batch *batch, struct err_text *why);
    enum err (*commit)(struct store *store, struct err_text *why);
    void (*rollback)(struct store *store);
    enum err (*look_up)(struct store *store, const char *bridge, const uint8_t *epoch,
                        struct store_watermarks *watermarks, struct err_text *why);
    enum err (*find_catalog)(struct store *store, const uint8_t *hash, struct buffer *encoded,
                             struct err_text *why);
    enum err (*tidy)(struct store *store, struct err_text *why); /* NULL: there is nothing to */
    /* NULL: it forgets nothing */
    enum err (*expire)(struct store *store, const struct store_retention *limits, int64_t now_us,
                       struct store_expired *expired, struct err_text *why);
    void (*close)(struct store *store);
};

/* Each implementation begins with this. */
struct store {
    const struct store_operations *operations;
    uint8_t id[STORE_ID_SIZE]; /* made with the store */
    size_t item_max;           /* bytes of one batch or catalog; 0 = no limit of its own */
};

/* Whether it is a place for a store, as far as its name says. ERR_CONFIG: why not. */
MUST_USE enum err store_check(const char *where, struct err_text *why);
/* Opens "sqlite:/path/of/store.db" "postgresql://host/database" or "jetstream://host/name", making it if
 * there is none. ERR_CONFIG: as above; ERR_VERSION: made by a newer program. */
MUST_USE enum err store_open(const char *where, struct store **store, struct err_text *why);
void store_close(struct store *store); /* NULL is fine */

/* Begins a group; its batches become durable at the wall time `now_us`. */
MUST_USE enum err store_begin(struct store *store, int64_t now_us, struct err_text *why);
/* Any error: the group cannot go on, call store_rollback(). */
MUST_USE enum err store_put_catalog(struct store *store, struct store_catalog *catalog, struct err_text *why);
MUST_USE enum err store_put_batch(struct store *store, struct store_batch *batch, struct err_text *why);
/*
 * ERR_OK: everything that was put is durable. ERR_DISK_FULL, ERR_BUSY: acknowledge nothing of it, and it may
 * be tried again later: nothing of it was stored, or the answers will be STORE_DUPLICATE then. Anything else:
 * what is on disk is unknown; acknowledge nothing any more.
 */
MUST_USE enum err store_commit(struct store *store, struct err_text *why);
void store_rollback(struct store *store);

/* Outside of a group: what can wait until its answers are on their way. Any error: as with store_commit(),
 * acknowledge nothing any more. */
MUST_USE enum err store_tidy(struct store *store, struct err_text *why);

/* Outside of a group: what is durable. */
MUST_USE enum err store_look_up(struct store *store, const char *bridge, const uint8_t *epoch,
                                struct store_watermarks *watermarks, struct err_text *why);
/* Appends the encoded catalog; ERR_NOT_FOUND. */
MUST_USE enum err store_find_catalog(struct store *store, const uint8_t *hash, struct buffer *encoded,
                                     struct err_text *why);

/* Outside of a group, one small step: forgets by the limits at the wall time `now_us`. Errors are those of
 * store_commit(). A kind of store that cannot (store_can_expire()) does nothing. */
bool store_can_expire(const struct store *store);
MUST_USE enum err store_expire(struct store *store, const struct store_retention *limits, int64_t now_us,
                               struct store_expired *expired, struct err_text *why);

#endif
