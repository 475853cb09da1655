/*
 * bridge_options: the configuration of bourdon-bridge, as a table, and the rules across its fields.
 *
 * Checking loads everything a configuration names, but for the spool: templates, catalog, certificates. So
 * what passed the check can be run, at the start and at a reload. One thread while loading, then read-only.
 */
#ifndef BOURDON_BRIDGE_BRIDGE_OPTIONS_H
#define BOURDON_BRIDGE_BRIDGE_OPTIONS_H

#include "base/options.h"
#include "field/field_options.h"
#include "gateway/gateway_options.h"
#include "net/tls.h"

struct bridge_identity_options {
    struct place place;
    char *name;
    char *spool;
    char *control; /* "" = in $RUNTIME_DIRECTORY if there is one */
    int64_t shutdown_us;
};

struct bridge_server_options {
    struct place place;
    struct option_list endpoints; /* of char *: host:port */
    char *ca, *certificate, *key, *crl;
    bool tls12;
    int64_t connect_us;
    int64_t retry_first_us, retry_max_us;
    int64_t fail_back_us; /* 0 = never */
};

struct bridge_batch_options {
    struct place place;
    int64_t max_readings;
    int64_t max_age_us;
};

struct bridge_spool_options {
    struct place place;
    int64_t max_size;
    int64_t max_age_us; /* 0 = none */
    int64_t min_free;
    int when_full; /* enum room_policy */
    int64_t ack_log;
};

struct bridge_backfill_options {
    struct place place;
    int64_t rate; /* readings a second; 0 = unlimited */
    int64_t window_share;
};

struct bridge_options {
    struct place place;
    struct bridge_identity_options bridge;
    struct bridge_server_options server;
    struct bridge_batch_options batch;
    struct bridge_spool_options spool;
    struct bridge_backfill_options backfill;
    struct field_options field;
    struct gateway_options gateway;

    /* Not in the table: made by the checks below. */
    struct tls_context *tls;
    struct catalog *catalog;
};

extern const struct option bridge_options_table[];

/* `target` is a struct bridge_options that was all zero before it was loaded. */
void bridge_options_check(void *target, struct diagnostics *diagnostics);
/* Makes the TLS context of the files named. */
void bridge_options_check_files(void *target, struct diagnostics *diagnostics);
/* Frees what the checks made; due before options_free(). */
void bridge_options_release(void *target);
/* Writes checked options as YAML that reads back to the same catalog, without templates: their tags are shown
 * where they are used. */
void bridge_options_print(FILE *out, const void *target);

#endif
