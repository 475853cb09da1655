/*
 * frame: the messages of "bourdon/1", encode and decode side by side. docs/protocol.md has the CDDL.
 *
 * On the wire a frame is: length (u32, bytes that follow the type), type (u8), payload. The payload is one
 * CBOR array in deterministic form, but for CATALOG (the encoded catalog) and BATCH (flags u8, sequence u64,
 * the encoded batch). Strict: trailing bytes, unknown types, wrong sizes, values out of range are
 * ERR_MALFORMED. Pure; any thread.
 */
#ifndef BOURDON_TUNNEL_FRAME_H
#define BOURDON_TUNNEL_FRAME_H

#include "tunnel/batch.h"

enum {
    FRAME_HEAD_SIZE = 5,
    FRAME_BATCH_HEAD_SIZE = 9,
    FRAME_TEXT_MAX = 256,      /* a text for people, UTF-8, with the NUL it has in memory */
    FRAME_ACKS_MAX = 1024,     /* ranges in one ACK */
    FRAME_SMALL_MAX = 1024,    /* payload of any frame but CATALOG, BATCH and ACK */
    FRAME_ACK_RANGE_MAX = 300, /* bytes of one range in an ACK */
    FRAME_TIMER_MIN_MS = 10,   /* of t1, t2 and t3 */
    FRAME_TIMER_MAX_MS = 3600000,
    FRAME_BATCH_LEAST = 4096, /* every server takes batches of this size */
    TUNNEL_CATALOGS_MAX = 16, /* a session; their encoded bytes together stay within max_catalog */
    FRAME_MISSING_MAX = 32,   /* ranges in one WELCOME */
    TUNNEL_VERSION_MIN = 1,
    TUNNEL_VERSION = 2, /* 2: WELCOME says what is missing */
    TUNNEL_PORT = 8443,
};

/* Written-out values: on the wire. S = sent by the server, B = by the bridge. */
enum frame_type {
    FRAME_HELLO = 1,       /* S  first: versions, limits, who I am            */
    FRAME_OPEN = 2,        /* B  version chosen, epoch, what the spool holds   */
    FRAME_WELCOME = 3,     /* S  what of that epoch is committed already       */
    FRAME_CATALOG = 4,     /* B                                                */
    FRAME_CATALOG_ACK = 5, /* S  durably stored, or why not                    */
    FRAME_BATCH = 6,       /* B                                                */
    FRAME_ACK = 7,         /* S  ranges with a result; none = "still working"  */
    FRAME_TEST = 8,        /* S B  are you there?                              */
    FRAME_TEST_ACK = 9,    /* S B  I am.                                       */
    FRAME_BYE = 10,        /* S B  I am going, and why                         */
};

enum ack_result {
    ACK_COMMITTED = 0,   /* durable now */
    ACK_DUPLICATE = 1,   /* was durable already, same digest */
    ACK_RETRY_AFTER = 2, /* not stored; send again after delay_ms */
    ACK_REJECTED = 3,    /* never will be: quarantine it */
};

enum bye_reason {
    BYE_DONE = 0, /* normal end */
    BYE_SHUTTING_DOWN = 1,
    BYE_PROTOCOL = 2,    /* you broke the protocol: text says how */
    BYE_VERSION = 3,     /* no common version */
    BYE_NOT_ALLOWED = 4, /* this bridge is not on the list */
    BYE_SUPERSEDED = 5,  /* the same identity connected anew */
    BYE_TIMEOUT = 6,
    BYE_STORE_FAILED = 7,
    BYE_FENCED = 8, /* cloned spool, or a store restored from an old copy: text says which */
};

/* t2 < t1; window_bytes is at least max_batch. */
struct frame_hello {
    uint16_t version_min, version_max;
    char server[FRAME_TEXT_MAX]; /* name and software version, for logs */
    uint8_t store_id[16];        /* changes when the store is made anew */
    uint32_t max_batch;          /* bytes of one encoded batch */
    uint32_t max_catalog;
    uint32_t window_batches, window_bytes;
    uint32_t t1_ms, t2_ms, t3_ms;
    int64_t wall_us; /* the server's clock, for the bridge's log only */
};
struct frame_open {
    uint16_t version;
    char software[FRAME_TEXT_MAX];
    uint8_t epoch[BATCH_EPOCH_SIZE];
    uint64_t first_sequence; /* oldest batch not yet acknowledged; = next_sequence if there is none */
    uint64_t next_sequence;  /* the next one to be made */
};
struct frame_range {
    uint64_t first, last; /* inclusive; first ≤ last */
};
struct frame_welcome {
    uint64_t contiguous; /* every batch of the epoch up to this one is committed; 0 = none */
    uint64_t highest;    /* the highest one committed; 0 = none */
    /* Version 2: of those in between, the lowest that are neither committed nor accounted for by a committed
     * gap, in order; there may be more. */
    size_t missing_count;
    struct frame_range missing[FRAME_MISSING_MAX];
};
struct frame_catalog_ack {
    uint8_t hash[CATALOG_HASH_SIZE];
    enum ack_result result;
    char text[FRAME_TEXT_MAX];
};
struct frame_batch {
    bool historical; /* backlog, not live */
    uint64_t
        sequence; /* from 1; as in the encoded batch, so that an answer is possible even if that is broken */
    struct bytes encoded;
};
struct ack_range {
    uint64_t first, last; /* sequences, inclusive */
    enum ack_result result;
    int64_t committed_us;      /* wall time at the server; 0 unless committed or duplicate */
    uint32_t delay_ms;         /* ACK_RETRY_AFTER */
    char text[FRAME_TEXT_MAX]; /* ACK_REJECTED: why */
};
struct ack_visitor {
    void *owner;
    enum err (*range)(void *owner, const struct ack_range *range, struct err_text *why);
};
struct frame_bye {
    enum bye_reason reason;
    char text[FRAME_TEXT_MAX];
};

struct frame_head {
    enum frame_type type;
    uint32_t size; /* of the payload */
};

/* Reads FRAME_HEAD_SIZE bytes. ERR_MALFORMED: unknown type; ERR_LIMIT: more payload than the type may ever
 * have. */
MUST_USE enum err frame_read_head(const uint8_t *bytes, struct frame_head *head, struct err_text *why);

/* Each appends one whole frame to `out`; ERR_LIMIT or ERR_NO_MEMORY from it leave it unchanged. */
MUST_USE enum err frame_write_hello(struct buffer *out, const struct frame_hello *hello);
MUST_USE enum err frame_write_open(struct buffer *out, const struct frame_open *open);
MUST_USE enum err frame_write_welcome(struct buffer *out, uint16_t version,
                                      const struct frame_welcome *welcome);
MUST_USE enum err frame_write_catalog(struct buffer *out, struct bytes encoded);
MUST_USE enum err frame_write_catalog_ack(struct buffer *out, const struct frame_catalog_ack *ack);
MUST_USE enum err frame_write_batch(struct buffer *out, const struct frame_batch *batch);
MUST_USE enum err frame_write_ack(struct buffer *out, const struct ack_range *ranges, size_t count);
MUST_USE enum err frame_write_empty(struct buffer *out, enum frame_type type); /* TEST, TEST_ACK */
MUST_USE enum err frame_write_bye(struct buffer *out, const struct frame_bye *bye);

/* Each reads one payload, strictly. Slices point into it. */
MUST_USE enum err frame_read_hello(struct bytes payload, struct frame_hello *hello, struct err_text *why);
MUST_USE enum err frame_read_open(struct bytes payload, struct frame_open *open, struct err_text *why);
MUST_USE enum err frame_read_welcome(struct bytes payload, uint16_t version, struct frame_welcome *welcome,
                                     struct err_text *why);
MUST_USE enum err frame_read_catalog_ack(struct bytes payload, struct frame_catalog_ack *ack,
                                         struct err_text *why);
MUST_USE enum err frame_read_batch(struct bytes payload, struct frame_batch *batch, struct err_text *why);
MUST_USE enum err frame_read_empty(struct bytes payload, struct err_text *why);
MUST_USE enum err frame_read_bye(struct bytes payload, struct frame_bye *bye, struct err_text *why);
/* Checks the whole ACK, then calls each(owner, range) for its ranges; a result other than ERR_OK ends it and
 * is returned. `*count` = ranges in it. */
MUST_USE enum err frame_read_ack(struct bytes payload, const struct ack_visitor *visitor, size_t *count,
                                 struct err_text *why);

const char *frame_type_name(enum frame_type type);
const char *ack_result_name(enum ack_result result); /* "committed", "duplicate", "retry_after", "rejected" */
const char *bye_reason_name(enum bye_reason reason);
/* The class of a session's end for that reason; ERR_OK for BYE_DONE and BYE_SHUTTING_DOWN. */
enum err bye_reason_err(enum bye_reason reason);
/* Copies a text for people into a field of FRAME_TEXT_MAX, cut between characters. */
void frame_set_text(char *field, const char *text);

#endif
