/*
 * jetstream_place: where a store in NATS JetStream is, from its URL:
 *
 *   jetstream://HOST:PORT[,HOST:PORT]…/NAME?replicas=3&max_bytes=100GiB&max_age=30d&duplicates=2m
 *       &credentials=FILE&ca=FILE&certificate=FILE&key=FILE
 *
 * NAME begins the names of its streams and subjects. Everything behind `?` may be left out: one replica, no
 * limits, two minutes, no TLS. Pure.
 */
#ifndef BOURDON_SERVER_STORE_JETSTREAM_PLACE_H
#define BOURDON_SERVER_STORE_JETSTREAM_PLACE_H

#include "base/err.h"

#include <stdint.h>

enum {
    JETSTREAM_SERVERS_MAX = 16,
    JETSTREAM_SERVER_MAX = 280, /* "nats://host:port" */
    JETSTREAM_NAME_MAX = 32,
    JETSTREAM_FILE_MAX = 512,
    JETSTREAM_REPLICAS_MAX = 5,
};

struct jetstream_place {
    char servers[JETSTREAM_SERVERS_MAX][JETSTREAM_SERVER_MAX];
    int server_count;
    char name[JETSTREAM_NAME_MAX + 1];
    int64_t replicas, max_bytes, max_age_us, duplicates_us; /* 0 = no limit */
    char credentials[JETSTREAM_FILE_MAX], ca[JETSTREAM_FILE_MAX];
    char certificate[JETSTREAM_FILE_MAX], key[JETSTREAM_FILE_MAX];
};

/* Reads what follows "jetstream://". ERR_CONFIG, with what is wrong. */
MUST_USE enum err jetstream_place_parse(const char *text, struct jetstream_place *place,
                                        struct err_text *why);

#endif
