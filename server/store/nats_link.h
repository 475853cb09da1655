/*
 * nats_link: a connection to NATS JetStream by the rules of this product, and with nats_post.c the only owner
 * of libnats.
 *
 * The library reconnects by itself; what is asked meanwhile answers ERR_BUSY. Posting asks again where the
 * library does not: an acknowledgement may never come, and while a stream elects its leader nobody answers.
 * One thread owns a link; the library's own threads stay inside.
 */
#ifndef BOURDON_SERVER_STORE_NATS_LINK_H
#define BOURDON_SERVER_STORE_NATS_LINK_H

#include "base/buffer.h"
#include "store/jetstream_place.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    NATS_ANSWER_MS = 4000, /* a question is given up after this … */
    NATS_ACK_MS = 2000,    /* … and a publication posted again, … */
    NATS_POST_MS = 12000,  /* … until this; less than STORE_STALLED_MS */
    NATS_RETRY_MS = 50,    /* the first wait before that … */
    NATS_RETRY_MAX_MS = 1000,
    NATS_WINDOW = 4096,     /* publications that wait for their acknowledgement */
    NATS_HEADERS_MAX = 1024 /* bytes of the headers of one */
};

struct nats_link;

MUST_USE enum err nats_link_open(const struct jetstream_place *place, struct nats_link **link,
                                 struct err_text *why);
void nats_link_close(struct nats_link *link); /* NULL is fine */
size_t nats_link_payload_max(const struct nats_link *link);

/* ---- streams ---- */

struct nats_stream {
    const char *name, *subjects;
    int64_t replicas, max_bytes, max_age_us, duplicates_us; /* 0 = no limit */
    bool one_each;                                          /* keeps the last message of a subject only */
};

/* Makes it, or brings its limits up to date. It refuses what would pass its limit of bytes. */
MUST_USE enum err nats_link_make_stream(struct nats_link *link, const struct nats_stream *stream,
                                        struct err_text *why);
/* Removes everything before the sequence of the stream. */
MUST_USE enum err nats_link_purge(struct nats_link *link, const char *stream, uint64_t before,
                                  struct err_text *why);

/* ---- messages ---- */

struct nats_message;
/* The last message of a subject, from the stream's leader. ERR_NOT_FOUND; ERR_BUSY. */
MUST_USE enum err nats_link_last(struct nats_link *link, const char *stream, const char *subject,
                                 struct nats_message **message, struct err_text *why);
struct bytes nats_message_data(const struct nats_message *message);
/* NULL: it has none of that name. */
const char *nats_message_header(struct nats_message *message, const char *name);
const char *nats_message_subject(const struct nats_message *message);
uint64_t nats_message_sequence(struct nats_message *message); /* in its stream */
void nats_message_free(struct nats_message *message);         /* NULL is fine */

/* ---- posting ---- */

enum nats_outcome {
    NATS_WAITING,
    NATS_STORED, /* positively acknowledged */
    NATS_TAKEN,  /* refused: the subject's last message is not the expected one, or the identifier is known */
};

struct nats_post {
    const char *subject; /* of one call each another one */
    struct bytes data;
    const char *id;    /* Nats-Msg-Id; NULL = none */
    const char *about; /* header "Bourdon"; NULL = none */
    bool expects;      /* only if the subject's last message has this sequence; 0 = if there is none */
    uint64_t expected;
    enum nats_outcome outcome;
    uint64_t sequence; /* stored: in the stream; taken: of the one with its identifier, 0 = unknown */
};

/* Posts them all. ERR_OK: each is stored or taken. Otherwise those that wait may be stored or not: ERR_BUSY,
 * ERR_DISK_FULL (a limit of the stream or the servers is reached). */
MUST_USE enum err nats_link_post(struct nats_link *link, struct nats_post *posts, size_t count,
                                 struct err_text *why);

/* ---- consuming ---- */

struct nats_consumer;
MUST_USE enum err nats_consumer_open(struct nats_link *link, const char *stream, const char *subjects,
                                     const char *durable, struct nats_consumer **consumer,
                                     struct err_text *why);
void nats_consumer_close(struct nats_consumer *consumer); /* NULL is fine; the durable one stays */
/* Up to `count` messages, the caller's to free; waits `wait_ms` for the first. None is no error. */
MUST_USE enum err nats_consumer_fetch(struct nats_consumer *consumer, struct nats_message **messages,
                                      size_t count, int wait_ms, size_t *fetched, struct err_text *why);
/* How far a durable consumer is. */
struct nats_progress {
    uint64_t floor; /* every message of the stream up to this sequence is acknowledged */
    uint64_t left;  /* messages that are not */
};
MUST_USE enum err nats_consumer_progress(struct nats_link *link, const char *stream, const char *durable,
                                         struct nats_progress *progress, struct err_text *why);
MUST_USE enum err nats_message_ack(struct nats_message *message, struct err_text *why);
/* Waits until the acknowledgements have gone out. */
MUST_USE enum err nats_link_flush(struct nats_link *link, struct err_text *why);

#endif
