/*
 * world: one bridge, one server and the network between them, in one process under a seeded scheduler.
 *
 * The session machines and the batch codec are the product's; disks, network and time are models that fail on
 * purpose. What is durable in a model survives its crash, the rest does not. Every violation of the law ends
 * the run with its seed; the same seed replays the same run.
 */
#ifndef BOURDON_TESTS_WORLD_H
#define BOURDON_TESTS_WORLD_H

#include "tunnel/batch.h"
#include "tunnel/batch_builder.h"
#include "tunnel/batch_decoder.h"
#include "tunnel/catalog.h"
#include "tunnel/session_receiver.h"
#include "tunnel/session_sender.h"

#include <stdbool.h>
#include <stdint.h>

enum { WORLD_BATCHES_MAX = 64, WORLD_SEGMENTS_MAX = 512, WORLD_WAITING_MAX = 1024 };
#define WORLD_NEVER INT64_MAX

enum mutant { MUTANT_NONE, MUTANT_ACK_BEFORE_COMMIT, MUTANT_TRIM_BEFORE_ACK };

/* One direction of the connection: segments in order, each arriving at its time. */
struct pipe_model {
    struct {
        int64_t arrives_us;
        uint8_t *data;
        size_t size;
    } segments[WORLD_SEGMENTS_MAX];
    size_t first, count;
    int64_t last_arrival_us;
    bool silent; /* half-open: what is sent vanishes, and nobody is told */
};

struct stored_batch {
    uint8_t *data; /* NULL: not there */
    size_t size;
};

struct bridge_model {
    /* Disk. */
    struct stored_batch spool[WORLD_BATCHES_MAX + 1]; /* by sequence */
    uint64_t next_sequence;
    bool acked[WORLD_BATCHES_MAX + 1];
    /* Memory. */
    struct sender *sender;
    bool ready, catalog_sent, closed;
    bool in_flight[WORLD_BATCHES_MAX + 1];
    int64_t retry_us[WORLD_BATCHES_MAX + 1];
    struct stored_batch appending; /* made, but the spool has not committed it */
    int64_t append_done_us;
    int64_t next_reading_us;
    int64_t connect_us;
};

struct server_model {
    /* Disk. */
    struct stored_batch store[WORLD_BATCHES_MAX + 1];
    bool catalog_stored;
    /* Memory. */
    struct receiver *receiver;
    bool closed, opened, catalog_waiting;
    uint32_t window;
    uint64_t generation; /* of the session, so that a late commit answers nobody else */
    struct {
        uint64_t sequence, generation;
        struct stored_batch batch;
    } waiting[WORLD_WAITING_MAX]; /* of this session and of those before it */
    size_t waiting_count;
    int64_t lookup_us, catalog_us, commit_us;
};

struct world {
    uint64_t seed, random_state;
    int64_t now_us, faults_end_us, next_fault_us, silent_since_us;
    enum mutant mutant;
    bool verbose;
    const char *violation; /* first one found, or NULL */
    struct catalog *catalog;
    struct batch_decoder *decoder;
    struct pipe_model to_server, to_bridge;
    bool connected;
    struct bridge_model bridge;
    struct server_model server;
    uint64_t resets, crashes, disk_errors, duplicates, retries;
};

uint64_t world_random(struct world *world, uint64_t bound); /* uniform in [0, bound), bound > 0 */
bool world_chance(struct world *world, unsigned percent);
void world_trace(const struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_violation(struct world *world, const char *what);

struct stored_batch stored_batch_copy(struct bytes bytes);
void stored_batch_free(struct stored_batch *batch);
bool stored_batch_equal(const struct stored_batch *a, const struct stored_batch *b);

/* Network. */
void pipe_send(struct world *world, struct pipe_model *pipe, struct bytes bytes);
void pipe_clear(struct pipe_model *pipe);
int64_t pipe_next_us(const struct pipe_model *pipe);
void world_disconnect(struct world *world); /* both ends forget the session */

/* Bridge. */
void bridge_start(struct world *world);
void bridge_connect(struct world *world);
void bridge_crash(struct world *world);
void bridge_forget_session(struct world *world);
int64_t bridge_next_us(const struct world *world);
void bridge_step(struct world *world); /* does what is due at now_us */

/* Server. */
void server_accept(struct world *world);
void server_crash(struct world *world);
void server_forget_session(struct world *world);
int64_t server_next_us(const struct world *world);
void server_step(struct world *world);

#endif
