/* run: one run of `bourdon send`, from a series of readings to the answers of the server. */
#ifndef BOURDON_CLIENT_SEND_RUN_H
#define BOURDON_CLIENT_SEND_RUN_H

#include "net/io.h"
#include "output.h"
#include "send/series.h"

struct run_options {
    struct series *series; /* at least one reading; borrowed, its readings get sorted */
    char host[IO_HOST_MAX], port[IO_PORT_MAX];
    struct tls_options tls;
    const char *resume; /* path, NULL = forget everything after this run */
    bool abandon;       /* a run that is open in the resume file: give it up */
    uint64_t max_readings;
    int64_t timeout_us;
    enum output_format format;
    bool quiet; /* no rows of answers */
};

/*
 * Sends and waits; a row of output for each answer. True if every batch is durable at the server. Otherwise
 * `why` says what is in the way, or is empty when the rows do (rejected batches).
 */
MUST_USE bool run_send(const struct run_options *options, struct err_text *why);

#endif
