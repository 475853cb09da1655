/*
 * server_options: the configuration of bourdon-server, as a table.
 */
#ifndef BOURDON_SERVER_SERVER_OPTIONS_H
#define BOURDON_SERVER_SERVER_OPTIONS_H

#include "alarm/alarm_options.h"
#include "base/options.h"
#include "net/tls.h"

struct server_limits {
    struct place place;
    int64_t connections;
    int64_t connections_per_address;
    int64_t handshakes;
    int64_t handshake_us;
    int64_t batch_bytes;
    int64_t catalog_bytes;
    int64_t window_batches;
    int64_t window_bytes;
    int64_t queue_bytes;
};

struct server_timers {
    struct place place;
    int64_t t1_us, t2_us, t3_us;
    int64_t t3_max_us; /* below t3: it does not grow */
    int64_t stop_us;
};

struct server_retention {
    struct place place;
    int64_t age_us; /* 0 = no limit */
    int64_t bytes;  /* 0 = no limit */
};

struct server_options {
    struct place place;
    struct option_list listen; /* of char *: "host:port" */
    char *ca, *certificate, *key, *crl;
    bool tls12;
    char *store;
    struct option_list bridges; /* of char *: names, or "*" */
    char *http;                 /* "" = none */
    char *control;              /* "" = none */
    char *watch;                /* "" = none */
    int64_t threads;            /* 0 = one a core */
    struct server_limits limits;
    struct server_timers timers;
    struct server_retention retention;
    struct alarm_options alarms;
};

extern const struct option server_options_table[];

/* The rules that the table cannot express. */
void server_options_check(void *options, struct diagnostics *diagnostics);
/* The certificates and lists that are named. */
void server_options_check_files(void *options, struct diagnostics *diagnostics);
/* What a TLS context is made of; borrows the paths. */
struct tls_options server_options_tls(const struct server_options *options);

#endif
