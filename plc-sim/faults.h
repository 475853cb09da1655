/*
 * faults: what shall go wrong, where, and when.
 *
 * A fault is a row of a scenario or a `fault add` line; both are read by the same option table. It is active
 * from `at` after the start (or after it was added) for as long as `for` says, on the requests that touch its
 * endpoint, unit and items. Several faults on one request add up where that has a meaning (delays); else the
 * one added first wins. Pure: time in microseconds since the start comes in. One thread.
 */
#ifndef BOURDON_PLCSIM_FAULTS_H
#define BOURDON_PLCSIM_FAULTS_H

#include "base/json.h"
#include "base/options.h"
#include "image.h"

enum { FAULTS_MAX = 256 };

enum fault_kind {
    FAULT_NONE,
    /* What becomes of a request. */
    FAULT_DELAY,      /* the answer, and all after it on the connection, `delay` + up to `jitter` later */
    FAULT_LATE,       /* the answer `delay` later, overtaken by the answers to later requests */
    FAULT_SILENCE,    /* no answer */
    FAULT_EXCEPTION,  /* exception `code` */
    FAULT_RESET,      /* the connection is reset */
    FAULT_HALF_OPEN,  /* the connection is never read nor written again, and stays */
    FAULT_HALF_CLOSE, /* the sending side of the connection is closed */
    FAULT_MAX_READ,   /* a read of more than `limit` items: exception `code` */
    FAULT_HOLE,       /* the items do not exist: exception `code` */
    /* What becomes of the answer. */
    FAULT_DUPLICATE,         /* sent twice */
    FAULT_TRUNCATE,          /* only its first `bytes` bytes */
    FAULT_WRONG_TRANSACTION, /* transaction identifier + `value` */
    FAULT_WRONG_UNIT,        /* unit identifier + `value` */
    FAULT_WRONG_PROTOCOL,    /* protocol identifier `value` */
    FAULT_WRONG_LENGTH,      /* length field `value` */
    FAULT_WRONG_CRC,         /* serial lines: last byte XOR `value` */
    FAULT_GARBAGE,           /* `bytes` random bytes instead */
    FAULT_DRIP,              /* a byte each `interval` */
    FAULT_FLOOD,             /* followed by `bytes` more bytes, copies of itself */
    /* What becomes of the values. */
    FAULT_FREEZE, /* they stand still */
    /* What becomes of an endpoint. */
    FAULT_REFUSE,           /* connections are refused */
    FAULT_CONNECTION_LIMIT, /* more than `limit` connections are closed at once */
    FAULT_KINDS
};

/* "delay", "wrong-transaction"; the words of scenarios, commands and the truth file. */
const char *fault_kind_name(enum fault_kind kind);

/* As read from a scenario or a command. */
struct fault_options {
    struct place place;
    int kind;
    char *endpoint;  /* "" = every one */
    int64_t unit;    /* -1 = every one */
    int table;       /* enum image_table; IMAGE_TABLES = every one */
    int64_t address; /* first item */
    int64_t count;   /* items from there; 0 = all */
    int64_t at_us;   /* how long after the start, or after the adding, it begins */
    int64_t for_us;  /* 0 = for ever */
    int64_t times;   /* ends after so many requests; 0 = never */
    double chance;   /* that a request is affected, 0..1 */
    int64_t delay_us;
    int64_t jitter_us;
    int64_t interval_us;
    int64_t code;  /* 0 = the usual one of the kind */
    int64_t bytes; /* -1 = the usual number of the kind */
    int64_t value; /* -1 = the usual one of the kind */
    int64_t limit;
};

extern const struct option fault_table[];

struct fault {
    uint32_t id;
    struct fault_options options; /* the endpoint's text is owned */
    int64_t from_us;
    int64_t until_us; /* INT64_MAX = for ever */
    int64_t hits;     /* requests affected */
};

struct faults {
    struct fault items[FAULTS_MAX];
    size_t count;
    uint32_t last_id;
    uint64_t random;
};

void faults_init(struct faults *faults, uint64_t seed);
void faults_fini(struct faults *faults);

/* Copies the options; `*id` (may be NULL) names the fault from now on. ERR_LIMIT: FAULTS_MAX are there. */
MUST_USE enum err faults_add(struct faults *faults, const struct fault_options *options, int64_t now_us,
                             uint32_t *id);
/* ERR_NOT_FOUND: no such fault. */
MUST_USE enum err faults_clear(struct faults *faults, uint32_t id);
void faults_clear_all(struct faults *faults);

/* A request as faults see it. */
struct fault_query {
    int64_t now_us;
    const char *endpoint;
    uint8_t unit;
    struct image_span read;  /* quantity 0 = nothing */
    struct image_span write; /* quantity 0 = nothing */
};

/* What shall be done about one request. */
struct fault_effect {
    enum fault_kind fate;   /* NONE, SILENCE, RESET, HALF_OPEN or HALF_CLOSE */
    uint8_t exception;      /* 0 = none */
    enum fault_kind damage; /* NONE, or what is done to the bytes of the answer */
    int64_t value;          /* of the damage */
    int64_t bytes;          /* of the damage */
    int64_t delay_us;
    bool late; /* other answers may overtake */
    bool duplicate;
    int64_t drip_us; /* between bytes; 0 = all at once */
};

/* Counts a hit for every fault that takes part. */
struct fault_effect faults_judge(struct faults *faults, const struct fault_query *query);

/* Writes the frozen spans of a unit, at most `max`, and returns how many. */
size_t faults_frozen(const struct faults *faults, const struct fault_query *query, struct image_span *spans,
                     size_t max);

bool faults_refuse(const struct faults *faults, int64_t now_us, const char *endpoint);
/* The number of connections allowed; SIZE_MAX = no fault limits it. */
size_t faults_connection_limit(const struct faults *faults, int64_t now_us, const char *endpoint);

/* Writes the faults as an array. */
void faults_list(const struct faults *faults, int64_t now_us, struct json *json);

#endif
