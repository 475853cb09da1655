/*
 * frame: the messages of "bourdon/1", encode and decode side by side. docs/protocol.md has the CDDL.
 *
 * On the wire a frame is: length (u32, bytes that follow the type), type (u8), payload. The payload is one
 * CBOR array in deterministic form, but for CATALOG and BATCH, whose payload is a short fixed head and the
 * encoded object. Strict: trailing bytes, unknown types, wrong sizes, values out of range are ERR_MALFORMED.
 * Pure.
 */
#ifndef BOURDON_TUNNEL_FRAME_H
#define BOURDON_TUNNEL_FRAME_H

#include "base/buffer.h"
#include "tunnel/batch.h"

enum {
    FRAME_HEAD_SIZE = 5,
    FRAME_SIZE_MAX = CATALOG_SIZE_MAX + 64, /* largest payload of any frame */
    FRAME_TEXT_MAX = 256,                   /* bytes of a text for people */
    FRAME_ACKS_MAX = 1024,                  /* ranges in one ACK */
    TUNNEL_VERSION = 1,
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
struct frame_welcome {
    uint64_t contiguous; /* every batch of the epoch up to this one is committed; 0 = none */
    uint64_t highest;    /* the highest one committed; 0 = none */
};
struct frame_catalog_ack {
    uint8_t hash[CATALOG_HASH_SIZE];
    enum ack_result result;
    char text[FRAME_TEXT_MAX];
};
struct frame_batch {
    bool historical; /* backlog, not live */
    struct bytes encoded;
};
struct ack_range {
    uint64_t first, last; /* sequences, inclusive */
    enum ack_result result;
    int64_t committed_us;      /* wall time at the server; 0 unless committed or duplicate */
    uint32_t delay_ms;         /* ACK_RETRY_AFTER */
    char text[FRAME_TEXT_MAX]; /* ACK_REJECTED: why */
};
struct frame_bye {
    enum bye_reason reason;
    char text[FRAME_TEXT_MAX];
};

const char *frame_type_name(enum frame_type type);
const char *ack_result_name(enum ack_result result); /* "committed", "duplicate", "retry_after", "rejected" */
const char *bye_reason_name(enum bye_reason reason);

#endif
