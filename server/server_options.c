#include "server_options.h"

#include "net/io.h"
#include "net/tls_diagnose.h"
#include "store/store.h"
#include "tunnel/frame.h"

#include <string.h>

#define MS  1e3
#define S   1e6
#define KIB 1024.0
#define MIB (1024.0 * 1024.0)

static const struct option limits_table[] = {
    {.name = "connections",
     .kind = OPTION_INT,
     .offset = offsetof(struct server_limits, connections),
     .fallback = "12000",
     .min = 1,
     .max = 100000,
     .help =
         "Connections open at once, with those in their handshake. The system's limit of open files must be "
         "higher."},
    {.name = "connections_per_address",
     .kind = OPTION_INT,
     .offset = offsetof(struct server_limits, connections_per_address),
     .fallback = "12000",
     .min = 1,
     .max = 100000,
     .help = "Connections from one IPv4 address or IPv6 /64. Bridges behind one NAT share an address."},
    {.name = "handshakes",
     .kind = OPTION_INT,
     .offset = offsetof(struct server_limits, handshakes),
     .fallback = "4096",
     .min = 1,
     .max = 100000,
     .help =
         "TLS handshakes in progress at once, shared out evenly among the threads; each takes some 50 KiB "
         "meanwhile. Beyond it a newcomer takes the place of one that is slow."},
    {.name = "handshake_time",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct server_limits, handshake_us),
     .fallback = "10s",
     .min = 100 * MS,
     .max = 300 * S,
     .help = "How long a TLS handshake may take."},
    {.name = "batch_bytes",
     .kind = OPTION_SIZE,
     .offset = offsetof(struct server_limits, batch_bytes),
     .fallback = "1MiB",
     .min = 4 * KIB,
     .max = BATCH_SIZE_MAX,
     .help = "Size of one encoded batch."},
    {.name = "catalog_bytes",
     .kind = OPTION_SIZE,
     .offset = offsetof(struct server_limits, catalog_bytes),
     .fallback = "4MiB",
     .min = 4 * KIB,
     .max = CATALOG_SIZE_MAX,
     .help = "Size of the encoded catalogs of one session together."},
    {.name = "window_batches",
     .kind = OPTION_INT,
     .offset = offsetof(struct server_limits, window_batches),
     .fallback = "256",
     .min = 1,
     .max = 65535,
     .help = "Batches a bridge may send ahead of their acks."},
    {.name = "window_bytes",
     .kind = OPTION_SIZE,
     .offset = offsetof(struct server_limits, window_bytes),
     .fallback = "4MiB",
     .min = 4 * KIB,
     .max = 1024 * MIB,
     .help = "Bytes a bridge may send ahead of their acks."},
    {.name = "queue_bytes",
     .kind = OPTION_SIZE,
     .offset = offsetof(struct server_limits, queue_bytes),
     .fallback = "128MiB",
     .min = 1 * MIB,
     .max = 16384 * MIB,
     .help = "Bytes of all bridges that wait for the store. Beyond half of it bridges are read less, beyond "
             "all of it they are told to try again. Takes effect at a restart."},
    OPTIONS_END,
};

static const struct option timers_table[] = {
    {.name = "t1",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct server_timers, t1_us),
     .fallback = "15s",
     .min = 500 * MS,
     .max = 3600 * S,
     .help = "An unanswered test frame ends a session after this time."},
    {.name = "t2",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct server_timers, t2_us),
     .fallback = "10s",
     .min = 100 * MS,
     .max = 3600 * S,
     .help = "While the store is slow, a bridge hears from us this often. Below t1."},
    {.name = "t3",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct server_timers, t3_us),
     .fallback = "20s",
     .min = 500 * MS,
     .max = 3600 * S,
     .help = "Silence after which a test frame is sent."},
    {.name = "t3_max",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct server_timers, t3_max_us),
     .fallback = "10m",
     .min = 500 * MS,
     .max = 3600 * S,
     .help =
         "From some hundred sessions on, new ones are given a longer t3, so that test frames stay few: up "
         "to this. 20s, or whatever t3 is, keeps it from growing: where something between bridges and "
         "server cuts silent connections."},
    {.name = "stop",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct server_timers, stop_us),
     .fallback = "10s",
     .min = 100 * MS,
     .max = 600 * S,
     .help = "How long stopping may take: answering what was received, and goodbyes."},
    OPTIONS_END,
};

static const struct option retention_table[] = {
    {.name = "age",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct server_retention, age_us),
     .fallback = "0s",
     .min = 0,
     .max = 36500.0 * 86400 * S,
     .help =
         "Batches that were stored longer ago are removed (PostgreSQL: from the ledger, not their readings); "
         "0s = none."},
    {.name = "size",
     .kind = OPTION_SIZE,
     .offset = offsetof(struct server_retention, bytes),
     .fallback = "0",
     .min = 0,
     .max = 1024 * 1024 * MIB,
     .help =
         "While the store (PostgreSQL: the ledger) is larger the oldest batches are removed; 0 = no limit."},
    OPTIONS_END,
};

#define OWN(field) offsetof(struct server_options, field)
const struct option server_options_table[] = {
    {.name = "listen",
     .kind = OPTION_STRINGS,
     .offset = OWN(listen),
     .fallback = "0.0.0.0:8443",
     .max_items = 16,
     .placeholder = "HOST:PORT",
     .help = "Where bridges connect to: one address or a list. Takes effect at a restart."},
    {.name = "ca",
     .kind = OPTION_STRING,
     .offset = OWN(ca),
     .required = true,
     .placeholder = "FILE",
     .help = "Certificates (PEM) of the authorities that issue bridges' certificates."},
    {.name = "certificate",
     .kind = OPTION_STRING,
     .offset = OWN(certificate),
     .required = true,
     .placeholder = "FILE",
     .help = "Certificate (PEM) of this server, then its intermediates."},
    {.name = "key",
     .kind = OPTION_STRING,
     .offset = OWN(key),
     .required = true,
     .placeholder = "FILE",
     .help = "Private key (PEM) of the certificate, readable by its owner only."},
    {.name = "crl",
     .kind = OPTION_STRING,
     .offset = OWN(crl),
     .placeholder = "FILE",
     .help = "Certificate revocation lists (PEM). Without it revoked certificates are not noticed."},
    {.name = "tls12",
     .kind = OPTION_BOOL,
     .offset = OWN(tls12),
     .fallback = "no",
     .help = "Also accept TLS 1.2, for bridges that cannot speak 1.3."},
    {.name = "store",
     .kind = OPTION_STRING,
     .offset = OWN(store),
     .fallback = "sqlite:/var/lib/bourdon/server/store.db",
     .placeholder = "KIND:PLACE",
     .help =
         "Where batches are stored: sqlite:FILE, or postgresql://USER@HOST/DATABASE, which several servers "
         "may share. Takes effect at a restart."},
    {.name = "bridges",
     .kind = OPTION_STRINGS,
     .offset = OWN(bridges),
     .required = true,
     .placeholder = "NAME",
     .help = "Names of the bridges that may connect, as in urn:bourdon:bridge:NAME of their certificates; "
             "\"*\" = every "
             "bridge with a valid certificate."},
    {.name = "http",
     .kind = OPTION_STRING,
     .offset = OWN(http),
     .fallback = "127.0.0.1:8080",
     .placeholder = "HOST:PORT",
     .help = "Where /healthz and /metrics are served, without encryption; \"\" = nowhere. Takes effect at a "
             "restart."},
    {.name = "control",
     .kind = OPTION_STRING,
     .offset = OWN(control),
     .placeholder = "PATH",
     .help = "Local socket for \"bourdon status\"; \"\" = none. Takes effect at a restart."},
    {.name = "watch",
     .kind = OPTION_STRING,
     .offset = OWN(watch),
     .placeholder = "PATH",
     .help =
         "Local socket for bourdon-web: what it can ask only tells, and changes nothing; \"\" = none. Takes "
         "effect at a restart."},
    {.name = "threads",
     .kind = OPTION_INT,
     .offset = OWN(threads),
     .fallback = "0",
     .min = 0,
     .max = 64,
     .help = "Threads that serve connections; 0 = one a core. Takes effect at a restart."},
    {.name = "limits",
     .kind = OPTION_MAP,
     .offset = OWN(limits),
     .table = limits_table,
     .help = "Bounds that keep one peer from harming the others."},
    {.name = "timers",
     .kind = OPTION_MAP,
     .offset = OWN(timers),
     .table = timers_table,
     .help = "When silence is taken for a broken connection, after IEC 60870-5-104."},
    {.name = "retention",
     .kind = OPTION_MAP,
     .offset = OWN(retention),
     .table = retention_table,
     .help = "What a store in SQLite, or the ledger of one in PostgreSQL, forgets, oldest first. Gap records "
             "stay. Takes effect at a restart."},
    {.name = "alarms",
     .kind = OPTION_MAP,
     .offset = OWN(alarms),
     .table = alarm_options_table,
     .help = "Limits of tags whose crossing is an alarm."},
    OPTIONS_END,
};

static void check_addresses(const struct server_options *options, struct diagnostics *diagnostics)
{
    char host[IO_HOST_MAX];
    char port[IO_PORT_MAX];
    char *const *addresses = options->listen.items;
    struct place place = option_place(diagnostics, options, "listen");
    if (options->listen.count == 0) {
        diagnostics_add(diagnostics, place, "for example 0.0.0.0:8443", "listen: no address");
    }
    for (size_t i = 0; i < options->listen.count; i++) {
        if (!io_split_address(addresses[i], host, port)) {
            diagnostics_add(diagnostics, place, "for example 0.0.0.0:8443 or [::]:8443",
                            "listen: \"%s\" is not host:port", addresses[i]);
        }
    }
    if (options->http[0] != '\0' && !io_split_address(options->http, host, port)) {
        diagnostics_add(diagnostics, option_place(diagnostics, options, "http"), "for example 127.0.0.1:8080",
                        "http: \"%s\" is not host:port", options->http);
    }
}

static void check_names(const struct server_options *options, struct diagnostics *diagnostics)
{
    char *const *names = options->bridges.items;
    for (size_t i = 0; i < options->bridges.count; i++) {
        if (strcmp(names[i], "*") != 0 && !tls_bridge_name_valid(names[i])) {
            diagnostics_add(
                diagnostics, option_place(diagnostics, options, "bridges"),
                "1 to 63 of a-z A-Z 0-9 . _ -, beginning with a letter or digit; or \"*\" alone for every "
                "bridge",
                "bridges: \"%s\" cannot be the name of a bridge", names[i]);
        }
    }
}

static void check_sizes(const struct server_options *options, struct diagnostics *diagnostics)
{
    const struct server_limits *limits = &options->limits;
    if (limits->window_bytes < limits->batch_bytes) {
        diagnostics_add(diagnostics, option_place(diagnostics, limits, "window_bytes"), NULL,
                        "window_bytes: is smaller than one batch (batch_bytes)");
    }
    if (limits->queue_bytes / 2 < limits->batch_bytes || limits->queue_bytes / 2 < limits->catalog_bytes) {
        diagnostics_add(diagnostics, option_place(diagnostics, limits, "queue_bytes"), NULL,
                        "queue_bytes: must be at least twice batch_bytes and catalog_bytes");
    }
    if (options->timers.t2_us >= options->timers.t1_us) {
        diagnostics_add(diagnostics, option_place(diagnostics, &options->timers, "t2"), NULL,
                        "t2: must be shorter than t1, or bridges give up while we still work");
    }
}

void server_options_check(void *target, struct diagnostics *diagnostics)
{
    const struct server_options *options = target;
    struct err_text why;
    if (store_check(options->store, &why) != ERR_OK) {
        diagnostics_add(
            diagnostics, option_place(diagnostics, options, "store"),
            "for example sqlite:/var/lib/store.db or postgresql://bourdon@db.example/bourdon, with the "
            "password in a file (passfile=/etc/bourdon/pgpass)",
            "%s", why.text);
    }
    bool limited = options->retention.age_us > 0 || options->retention.bytes > 0;
    if (limited && strncmp(options->store, "jetstream:", strlen("jetstream:")) == 0) {
        diagnostics_add(diagnostics, option_place(diagnostics, options, "retention"),
                        "max_age and max_bytes in its address do this; see docs/stores.md",
                        "retention: is not for stores in JetStream");
    }
    check_addresses(options, diagnostics);
    check_names(options, diagnostics);
    check_sizes(options, diagnostics);
    alarm_options_check(&options->alarms, diagnostics);
}

struct tls_options server_options_tls(const struct server_options *options)
{
    return (struct tls_options){
        .side = TLS_SERVER,
        .ca = options->ca,
        .certificate = options->certificate,
        .key = options->key,
        .crl = options->crl,
        .alpn = "bourdon/1",
        .allow_tls12 = options->tls12,
    };
}

void server_options_check_files(void *target, struct diagnostics *diagnostics)
{
    const struct tls_options tls = server_options_tls(target);
    struct tls_context *context;
    tls_diagnose(&tls, target, diagnostics, &context);
    tls_context_unref(context);
}
