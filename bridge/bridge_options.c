#include "bridge_options.h"

#include "base/clock.h"
#include "field/field_expand.h"
#include "net/io.h"
#include "net/tls_diagnose.h"
#include "spool/room.h"
#include "tunnel/batch.h"
#include "uplink/uplink.h"

#include <string.h>

#define MS 1e3
#define S  1e6

#define BRIDGE_CERTIFICATE_WARN_US (30 * 24 * 3600 * CLOCK_US_PER_S)

static const struct option bridge_table[] = {
    {.name = "name",
     .kind = OPTION_STRING,
     .offset = offsetof(struct bridge_identity_options, name),
     .required = true,
     .placeholder = "NAME",
     .help = "Name of this bridge: the X of urn:bourdon:bridge:X in its certificate."},
    {.name = "spool",
     .kind = OPTION_STRING,
     .offset = offsetof(struct bridge_identity_options, spool),
     .required = true,
     .placeholder = "FILE",
     .help = "File that keeps readings until the server has acknowledged them. Its folder must exist; put it "
             "on a disk that survives."},
    {.name = "control",
     .kind = OPTION_STRING,
     .offset = offsetof(struct bridge_identity_options, control),
     .placeholder = "PATH",
     .help = "Local socket for `bourdon status`. Without it bridge.sock in the folder systemd gives "
             "($RUNTIME_DIRECTORY), else none. Takes effect at a restart."},
    {.name = "shutdown_deadline",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct bridge_identity_options, shutdown_us),
     .fallback = "10s",
     .min = 100 * MS,
     .max = 300 * S,
     .help =
         "How long to wait for acknowledgements when asked to stop. What is not acknowledged stays in the "
         "spool."},
    OPTIONS_END,
};

static const struct option server_table[] = {
    {.name = "endpoints",
     .kind = OPTION_STRINGS,
     .offset = offsetof(struct bridge_server_options, endpoints),
     .required = true,
     .max_items = UPLINK_ENDPOINTS_MAX,
     .placeholder = "HOST:PORT",
     .help = "Control servers in the order of preference. They share one store; when one fails the next is "
             "tried."},
    {.name = "ca",
     .kind = OPTION_STRING,
     .offset = offsetof(struct bridge_server_options, ca),
     .required = true,
     .placeholder = "FILE",
     .help = "Certificates of the authorities that the server's certificate must come from, PEM."},
    {.name = "certificate",
     .kind = OPTION_STRING,
     .offset = offsetof(struct bridge_server_options, certificate),
     .required = true,
     .placeholder = "FILE",
     .help = "This bridge's certificate, then any intermediate ones, PEM."},
    {.name = "key",
     .kind = OPTION_STRING,
     .offset = offsetof(struct bridge_server_options, key),
     .required = true,
     .placeholder = "FILE",
     .help = "Its private key, PEM, readable by nobody else."},
    {.name = "crl",
     .kind = OPTION_STRING,
     .offset = offsetof(struct bridge_server_options, crl),
     .placeholder = "FILE",
     .help = "Certificate revocation lists, PEM. Without it nothing counts as revoked."},
    {.name = "tls12",
     .kind = OPTION_BOOL,
     .offset = offsetof(struct bridge_server_options, tls12),
     .fallback = "false",
     .help = "Also speak TLS 1.2, for a server that has nothing better."},
    {.name = "connect_timeout",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct bridge_server_options, connect_us),
     .fallback = "15s",
     .min = 100 * MS,
     .max = 300 * S,
     .help = "Longest time for a connection and its TLS handshake."},
    {.name = "retry_first",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct bridge_server_options, retry_first_us),
     .fallback = "500ms",
     .min = 10 * MS,
     .max = 60 * S,
     .help = "First wait after every endpoint has failed; it doubles from attempt to attempt, with jitter."},
    {.name = "retry_max",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct bridge_server_options, retry_max_us),
     .fallback = "30s",
     .min = 10 * MS,
     .max = 3600 * S,
     .help = "Longest wait between attempts. They never end."},
    {.name = "fail_back",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct bridge_server_options, fail_back_us),
     .fallback = "10m",
     .min = 0,
     .max = 86400 * S,
     .help = "While connected to another than the first endpoint: when to try that again. 0s = never."},
    OPTIONS_END,
};

static const struct option batch_table[] = {
    {.name = "max_readings",
     .kind = OPTION_INT,
     .offset = offsetof(struct bridge_batch_options, max_readings),
     .fallback = "1000",
     .min = 1,
     .max = BATCH_READINGS_MAX,
     .help = "Readings after which a batch is complete."},
    {.name = "max_age",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct bridge_batch_options, max_age_us),
     .fallback = "1s",
     .min = 0,
     .max = 3600 * S,
     .help = "Age of its oldest reading at which a batch is complete. 0s sends what there is at once. A "
             "reading is safe from a power cut when its batch is complete."},
    OPTIONS_END,
};

static const struct option_choice policies[] = {
    {"stop-polling", ROOM_STOP_POLLING}, {"drop-oldest", ROOM_DROP_OLDEST}, {NULL, 0}};

#define MIB (1024.0 * 1024.0)

static const struct option spool_table[] = {
    {.name = "max_size",
     .kind = OPTION_SIZE,
     .offset = offsetof(struct bridge_spool_options, max_size),
     .fallback = "4GiB",
     .min = MIB,
     .max = MIB * 1024 * 1024,
     .help = "Bytes of batches that may wait for their acknowledgement."},
    {.name = "max_age",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct bridge_spool_options, max_age_us),
     .fallback = "0s",
     .min = 0,
     .max = 3650.0 * 86400 * S,
     .help =
         "Age at which a batch is dropped, with a gap record, though there is room. 0s = never. Only while "
         "the clock is synchronised."},
    {.name = "min_free",
     .kind = OPTION_SIZE,
     .offset = offsetof(struct bridge_spool_options, min_free),
     .fallback = "64MiB",
     .min = 0,
     .max = MIB * 1024 * 1024,
     .help = "Bytes to leave free on the disk: with less the spool counts as full."},
    {.name = "when_full",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct bridge_spool_options, when_full),
     .fallback = "stop-polling",
     .choices = policies,
     .help = "Keep what there is and poll no more, or drop the oldest batches of the lowest priority. Either "
             "way the server gets a record of what is missing."},
    {.name = "ack_log",
     .kind = OPTION_INT,
     .offset = offsetof(struct bridge_spool_options, ack_log),
     .fallback = "100000",
     .min = 1000,
     .max = 10000000,
     .help = "Acknowledged batches that `bourdon acks` still shows. Takes effect at a restart."},
    OPTIONS_END,
};

static const struct option backfill_table[] = {
    {.name = "rate",
     .kind = OPTION_INT,
     .offset = offsetof(struct bridge_backfill_options, rate),
     .fallback = "0",
     .min = 0,
     .max = 1e9,
     .help =
         "Readings a second at which a backlog drains after an outage. 0 = as fast as the server answers."},
    {.name = "window_share",
     .kind = OPTION_INT,
     .offset = offsetof(struct bridge_backfill_options, window_share),
     .fallback = "75",
     .min = 1,
     .max = 100,
     .help = "Per cent of the unanswered batches that may be backlog: the rest is kept for live ones."},
    OPTIONS_END,
};

const struct option bridge_options_table[] = {
    {.name = "bridge",
     .kind = OPTION_MAP,
     .offset = offsetof(struct bridge_options, bridge),
     .required = true,
     .table = bridge_table,
     .help = "Who this bridge is, and where it keeps its readings."},
    {.name = "server",
     .kind = OPTION_MAP,
     .offset = offsetof(struct bridge_options, server),
     .required = true,
     .table = server_table,
     .help = "Where the readings go, and how both ends prove who they are."},
    {.name = "batch",
     .kind = OPTION_MAP,
     .offset = offsetof(struct bridge_options, batch),
     .table = batch_table,
     .help = "When readings become a batch, the unit that is stored, sent and acknowledged."},
    {.name = "spool",
     .kind = OPTION_MAP,
     .offset = offsetof(struct bridge_options, spool),
     .table = spool_table,
     .help = "How much is kept while the server cannot be reached."},
    {.name = "backfill",
     .kind = OPTION_MAP,
     .offset = offsetof(struct bridge_options, backfill),
     .table = backfill_table,
     .help = "How a backlog drains: always behind what is new."},
    {.name = "links",
     .kind = OPTION_LIST,
     .offset = offsetof(struct bridge_options, field) + offsetof(struct field_options, links),
     .required = true,
     .table = field_link_table,
     .item_size = sizeof(struct link_options),
     .max_items = FIELD_LINKS_MAX,
     .help = "The PLCs: connections, the units behind them, and their tags."},
    {.name = "gateway",
     .kind = OPTION_MAP,
     .offset = offsetof(struct bridge_options, gateway),
     .table = gateway_options_table,
     .help = "A front door for others: MODBUS/TCP Security, where roles in certificates say who may do what. "
             "There is none without this section."},
    OPTIONS_END,
};

/* ---- rules across fields ---- */

static void check_name(const struct bridge_options *options, struct diagnostics *diagnostics)
{
    const char *name = options->bridge.name;
    if (name[0] != '\0' && !tls_bridge_name_valid(name)) {
        diagnostics_add(diagnostics, option_place(diagnostics, &options->bridge, "name"),
                        "1 to 63 of a-z A-Z 0-9 . _ - , beginning with a letter or digit",
                        "name: \"%s\" is no bridge name", name);
    }
}

static void check_endpoints(const struct bridge_options *options, struct diagnostics *diagnostics)
{
    const struct option_list *list = &options->server.endpoints;
    const char *const *endpoints = list->items;
    struct place place = option_place(diagnostics, &options->server, "endpoints");
    for (size_t i = 0; i < list->count; i++) {
        char host[IO_HOST_MAX];
        char port[IO_PORT_MAX];
        if (!io_split_address(endpoints[i], host, port) || strcmp(port, "0") == 0) {
            diagnostics_add(diagnostics, place, "control.example:8443, 192.0.2.1:8443 or [2001:db8::1]:8443",
                            "endpoints: \"%s\" is not HOST:PORT", endpoints[i]);
        }
    }
    if (options->server.retry_max_us < options->server.retry_first_us) {
        diagnostics_add(diagnostics, option_place(diagnostics, &options->server, "retry_max"), NULL,
                        "retry_max: it is shorter than retry_first");
    }
}

static void make_catalog(struct bridge_options *options, struct diagnostics *diagnostics)
{
    struct err_text why = {{0}};
    if (field_options_catalog(&options->field, &options->catalog, &why) != ERR_OK) {
        diagnostics_add(diagnostics, option_place(diagnostics, options, "links"), NULL, "links: %s",
                        why.text);
    }
}

void bridge_options_check(void *target, struct diagnostics *diagnostics)
{
    struct bridge_options *options = target;
    const char *path = diagnostics_file_name(diagnostics, options->place.file);
    check_name(options, diagnostics);
    check_endpoints(options, diagnostics);
    if (field_options_check(&options->field, path ? path : "", diagnostics) == ERR_OK &&
        diagnostics_count(diagnostics) == 0) {
        make_catalog(options, diagnostics);
    }
    gateway_options_check(&options->gateway, &options->field, diagnostics);
}

static void check_owner(const struct bridge_options *options, struct diagnostics *diagnostics)
{
    const char *bridge = tls_context_bridge(options->tls);
    const char *certificate = options->server.certificate;
    struct place place = option_place(diagnostics, &options->server, "certificate");
    if (bridge[0] == '\0') {
        diagnostics_add(diagnostics, place,
                        "it takes one URI urn:bourdon:bridge:NAME as subject alternative name",
                        "certificate: %s names no bridge, or more than one", certificate);
    } else if (strcmp(bridge, options->bridge.name) != 0) {
        diagnostics_add(diagnostics, place,
                        "bridge.name and the URI urn:bourdon:bridge:NAME in the certificate must agree",
                        "certificate: %s is for bridge \"%s\", this one is \"%s\"", certificate, bridge,
                        options->bridge.name);
    }
}

/* No reason not to start: what is read until there is a new one is kept. */
static void check_end(const struct bridge_options *options, struct diagnostics *diagnostics)
{
    char end[CLOCK_TEXT_MAX];
    int64_t end_us = tls_context_not_after_us(options->tls);
    int64_t left_us = end_us - clock_wall_us();
    if (left_us < BRIDGE_CERTIFICATE_WARN_US) {
        diagnostics_warn(diagnostics, option_place(diagnostics, &options->server, "certificate"),
                         "issue a new one, then send SIGHUP", "certificate: %s %s on %s",
                         options->server.certificate, left_us < 0 ? "has ended" : "ends soon,",
                         clock_format(end_us, end));
    }
}

void bridge_options_check_files(void *target, struct diagnostics *diagnostics)
{
    struct bridge_options *options = target;
    const struct bridge_server_options *server = &options->server;
    const struct tls_options tls = {
        .side = TLS_CLIENT,
        .ca = server->ca,
        .certificate = server->certificate,
        .key = server->key,
        .crl = server->crl,
        .alpn = "bourdon/1",
        .allow_tls12 = server->tls12,
    };
    tls_diagnose(&tls, server, diagnostics, &options->tls);
    if (options->tls) {
        check_owner(options, diagnostics);
        check_end(options, diagnostics);
    }
}

void bridge_options_release(void *target)
{
    struct bridge_options *options = target;
    catalog_free(options->catalog);
    tls_context_unref(options->tls);
    gateway_options_release(&options->gateway);
    field_options_fini(&options->field);
    options->catalog = NULL;
    options->tls = NULL;
}

void bridge_options_print(FILE *out, const void *target)
{
    struct bridge_options options = *(const struct bridge_options *)target;
    struct field_expansion expansion;
    if (field_expand(&options.field, &expansion) != ERR_OK) {
        fputs("# out of memory: templates are not expanded\n", out);
        options_print(out, bridge_options_table, target);
        return;
    }
    options.field.links = expansion.links;
    options_print(out, bridge_options_table, &options);
    field_expansion_fini(&expansion);
}
