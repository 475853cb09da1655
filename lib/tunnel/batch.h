/*
 * batch: an immutable, self-checking set of readings (or of gaps): the same bytes in the spool, on the wire
 * and in the store. docs/protocol.md describes every byte.
 *
 * Identity: (bridge name from the certificate, epoch, sequence). The bytes carry epoch and sequence, the
 * catalog's hash, counts and time range, the columns (compressed with zstd when that is shorter) and a digest
 * (the first 16 bytes of the SHA-256 of everything before it), which also tells a resent batch from a
 * different one under the same identity.
 *
 * This header is the outside of a batch; batch_builder.h makes batches of readings, batch_decoder.h reads the
 * columns. Pure: no clock, no I/O; any thread.
 */
#ifndef BOURDON_TUNNEL_BATCH_H
#define BOURDON_TUNNEL_BATCH_H

#include "base/buffer.h"
#include "base/err.h"
#include "tunnel/catalog.h"
#include "tunnel/reading.h"

enum {
    BATCH_EPOCH_SIZE = 16,
    BATCH_DIGEST_SIZE = 16,
    BATCH_READINGS_MAX = 65536,
    BATCH_SIZE_MAX = 4 * 1024 * 1024,  /* encoded */
    BATCH_BODY_MAX = 16 * 1024 * 1024, /* columns after decompression */
    BATCH_GAPS_MAX = 4096,
    BATCH_FORMAT = 1, /* the first item of every batch */
};

/* Times are wall clock in µs since 1970 and lie in the years 1970 to 9999; what is outside is malformed. */
#define BATCH_TIME_MAX_US INT64_C(253402300799999999)

static inline bool batch_is_time(int64_t time_us)
{
    return time_us >= 0 && time_us <= BATCH_TIME_MAX_US;
}

enum batch_kind { BATCH_READINGS = 1, BATCH_GAPS = 2 };

struct batch_identity {
    uint8_t epoch[BATCH_EPOCH_SIZE];
    uint64_t sequence; /* from 1 */
};

/* Readings that were taken and will never arrive, or were never taken. */
enum gap_reason {
    GAP_SPOOL_FULL = 1,    /* dropped, oldest first, because the spool reached its bound */
    GAP_SPOOL_DAMAGED = 2, /* a stored batch failed its checksum */
    GAP_SPOOL_AGE = 3,     /* older than the spool's maximum age */
    GAP_NOT_POLLED = 4,    /* polling stopped because the spool was full */
    GAP_RESTORED = 5,      /* spool or store came back from an old copy */
    GAP_INTERRUPTED = 6,   /* the bridge ended before it could store what it had taken */
    GAP_REASON_MAX = 6,
};

/* As a store's view `gap` has it: "spool_full". */
const char *gap_reason_name(enum gap_reason reason);

struct gap {
    enum gap_reason reason;
    uint64_t first_sequence, last_sequence; /* batches lost; both 0 if no batch was ever made */
    uint64_t readings;                      /* how many; 0 = unknown */
    int64_t from_us, to_us;                 /* wall time range; both 0 = unknown */
    char link[CATALOG_LINK_MAX + 1];        /* "" = all links */
};

/* Appends the encoded batch to `out`. ERR_LIMIT: no gap or more than BATCH_GAPS_MAX; ERR_MALFORMED: a gap
 * that says nonsense (see batch_decode_gaps). */
MUST_USE enum err batch_encode_gaps(const struct gap *gaps, size_t count,
                                    const struct batch_identity *identity, struct buffer *out);

/* The head of an encoded batch; slices point into the encoded bytes. */
struct batch_view {
    enum batch_kind kind;
    struct batch_identity identity;
    uint8_t catalog_hash[CATALOG_HASH_SIZE]; /* zeros for gaps */
    uint32_t count;                          /* readings, or gaps */
    int64_t first_us, last_us;               /* smallest request time, largest response time */
    uint8_t digest[BATCH_DIGEST_SIZE];
    bool compressed;
    size_t body_size;  /* after decompression */
    struct bytes body; /* as it travels: columns, compressed or not */
    struct bytes encoded;
};

/* Receives the readings one by one, in order of tag, then as the bridge took them. A result other than ERR_OK
 * ends the decoding and is returned. The reading is valid during the call. */
struct batch_visitor {
    void *owner;
    enum err (*reading)(void *owner, const struct reading *reading);
};

/* The way back: appends the encoded batch of a view whose `digest` and `encoded` are not looked at.
 * ERR_LIMIT: sequence 0, no count, larger than BATCH_SIZE_MAX, or `out` refuses the size; `out` is unchanged
 * then. */
MUST_USE enum err batch_seal(const struct batch_view *view, struct buffer *out);

/* Checks limits, head and digest, not the columns. ERR_MALFORMED, ERR_LIMIT, ERR_VERSION, ERR_CORRUPT
 * (digest). */
MUST_USE enum err batch_open(struct bytes encoded, struct batch_view *view, struct err_text *why);

/*
 * Decodes the gaps of a view: fills up to `capacity` (BATCH_GAPS_MAX always suffices) and counts them. With
 * `gaps` NULL it only checks. ERR_MALFORMED: not the one form, an unknown reason, a range that runs
 * backwards; ERR_LIMIT: capacity.
 */
MUST_USE enum err batch_decode_gaps(const struct batch_view *view, struct gap *gaps, size_t capacity,
                                    size_t *count, struct err_text *why);

#endif
