/*
 * remote_bridge: a bridge as a server meets it: TLS, certificate and the session of the real bridge, on a
 * loop of the test's. Its spool is a range of sequences it makes batches of on demand.
 */
#ifndef BOURDON_TESTS_REMOTE_BRIDGE_H
#define BOURDON_TESTS_REMOTE_BRIDGE_H

#include "net/io.h"
#include "support/certificates.h"
#include "tunnel/batch_builder.h"
#include "tunnel/session_sender.h"

enum { REMOTE_SEQUENCES_MAX = 4096, REMOTE_DEADLINE_MS = 15000 };

struct remote_bridge {
    struct loop *loop;
    struct loop_timer *deadline, *tick;
    struct tls_context *tls;
    struct io *io;
    struct sender *sender;
    struct catalog *catalog;
    struct batch_builder *builder;
    uint8_t epoch[BATCH_EPOCH_SIZE];
    bool ready, gone; /* gone: the connection is closed */
    size_t heard;     /* bytes */
    uint8_t type;     /* of the first frame */
    struct frame_hello hello;
    struct frame_welcome welcome;
    struct ack_range acks[REMOTE_SEQUENCES_MAX]; /* by sequence; last 0 = none yet */
    size_t ack_count;
    bool session_over;
    enum bye_reason bye;
    char bye_text[FRAME_TEXT_MAX];
    char reason[ERR_TEXT_MAX]; /* why the connection closed */
};

/* Connects with the certificate `pair` ("bridge/cell-3") of the plant. `first` and `next`: what it says its
 * spool holds. */
void remote_bridge_open(struct remote_bridge *bridge, const struct certificates *plant, const char *pair,
                        uint16_t port, uint8_t epoch, uint64_t first, uint64_t next);
void remote_bridge_close(struct remote_bridge *bridge);

/* Sends a batch of `readings` readings; `content` tells batches of one sequence apart. */
void remote_bridge_send(struct remote_bridge *bridge, uint64_t sequence, uint16_t content);
void remote_bridge_send_catalog(struct remote_bridge *bridge);

/* Runs the loop until `done` or the test fails. */
void remote_bridge_await(struct remote_bridge *bridge, bool (*done)(const struct remote_bridge *bridge));
void remote_bridge_await_acks(struct remote_bridge *bridge, size_t count);
bool remote_bridge_is_ready(const struct remote_bridge *bridge);
bool remote_bridge_is_gone(const struct remote_bridge *bridge);

#endif
