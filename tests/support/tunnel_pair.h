/*
 * tunnel_pair: a sender and a receiver wired together in memory, with the clock, the split of the byte
 * streams and the store's answers in the test's hands. What each end reports is recorded.
 */
#ifndef BOURDON_TESTS_TUNNEL_PAIR_H
#define BOURDON_TESTS_TUNNEL_PAIR_H

#include "support/sample.h"
#include "tunnel/session_receiver.h"
#include "tunnel/session_sender.h"

enum { PAIR_RECORD_MAX = 4096 };

struct pair_end {
    unsigned count;
    enum err code;
    enum bye_reason reason;
    char text[FRAME_TEXT_MAX];
};

struct tunnel_pair {
    struct sender *sender;
    struct receiver *receiver;
    struct batch_decoder *decoder;
    struct catalog *catalog;
    struct buffer to_receiver, to_sender;
    struct sample split; /* cuts the streams */
    bool whole;          /* do not cut them */
    bool uplink_lost, downlink_lost;
    int64_t now_us;
    uint8_t epoch[BATCH_EPOCH_SIZE];

    /* The sender's side */
    unsigned ready;
    struct frame_welcome welcome;
    struct ack_range acked[PAIR_RECORD_MAX];
    size_t acked_count;
    struct frame_catalog_ack catalog_ack;
    unsigned catalog_acks;
    struct pair_end sender_end;

    /* The receiver's side */
    unsigned opened;
    struct frame_open open;
    uint64_t handed[PAIR_RECORD_MAX];
    bool historical[PAIR_RECORD_MAX];
    size_t handed_count;
    uint8_t catalog_hash[CATALOG_HASH_SIZE];
    unsigned catalogs;
    const struct catalog *known; /* what find_catalog gives */
    bool keeps;                  /* keep_catalog takes over … */
    struct catalog *kept;        /* … what the test then frees */
    uint64_t rejected;
    unsigned rejections;
    struct pair_end receiver_end;
};

/* Starts both ends; nothing has travelled yet. t1 15 s, t2 10 s, t3 20 s, window 8 batches of 64 KiB. */
struct frame_hello pair_hello(void);
void pair_start(struct tunnel_pair *pair, const struct frame_hello *hello, uint64_t seed);
void pair_stop(struct tunnel_pair *pair);

/* Lets bytes travel until none are left. */
void pair_pump(struct tunnel_pair *pair);
/* Lets time pass, with every deadline of both ends kept and bytes travelling at once. */
void pair_pass(struct tunnel_pair *pair, int64_t time_us);
/* HELLO, OPEN, WELCOME and the catalog, stored. */
void pair_connect(struct tunnel_pair *pair);

/* An encoded batch of the pair's catalog and epoch; the caller frees it. */
struct buffer pair_batch(const struct tunnel_pair *pair, uint64_t sequence, size_t readings);
/* Makes and sends one. */
enum err pair_send(struct tunnel_pair *pair, uint64_t sequence);
/* The store commits a batch that was handed over. */
void pair_commit(struct tunnel_pair *pair, uint64_t sequence);

#endif
