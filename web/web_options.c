#include "web_options.h"

#include "net/io.h"

#include <string.h>

static const char store_kind[] = "sqlite:";

#define TLS(field) offsetof(struct web_tls, field)
static const struct option tls_table[] = {
    {.name = "ca",
     .kind = OPTION_STRING,
     .offset = TLS(ca),
     .required = true,
     .placeholder = "FILE",
     .help = "Certificates (PEM) of the authorities that issue readers' certificates."},
    {.name = "certificate",
     .kind = OPTION_STRING,
     .offset = TLS(certificate),
     .required = true,
     .placeholder = "FILE",
     .help = "Certificate (PEM) of this server, then its intermediates."},
    {.name = "key",
     .kind = OPTION_STRING,
     .offset = TLS(key),
     .required = true,
     .placeholder = "FILE",
     .help = "Private key (PEM) of the certificate, readable by its owner only."},
    {.name = "crl",
     .kind = OPTION_STRING,
     .offset = TLS(crl),
     .placeholder = "FILE",
     .help = "Certificate revocation lists (PEM). Without it revoked certificates are not noticed."},
    {.name = "roles",
     .kind = OPTION_STRINGS,
     .offset = TLS(roles),
     .placeholder = "ROLE",
     .max_items = 64,
     .help = "A reader's certificate must bear one of these roles. Without it every certificate will do that "
             "is not a bridge's."},
    OPTIONS_END,
};

#define LIMIT(field) offsetof(struct web_limits, field)
static const struct option limits_table[] = {
    {.name = "connections",
     .kind = OPTION_INT,
     .offset = LIMIT(connections),
     .fallback = "128",
     .min = 4,
     .max = 1024,
     .help = "Connections open at once; each has a thread."},
    {.name = "events",
     .kind = OPTION_INT,
     .offset = LIMIT(events),
     .fallback = "64",
     .min = 0,
     .max = 1000,
     .help = "Of these, how many may be streams of events: one an open page. Below connections."},
    {.name = "query_time",
     .kind = OPTION_DURATION,
     .offset = LIMIT(query_us),
     .fallback = "10s",
     .min = 100e3,
     .max = 600e6,
     .help = "How long a question to the store may take."},
    OPTIONS_END,
};

#define OWN(field) offsetof(struct web_options, field)
const struct option web_options_table[] = {
    {.name = "listen",
     .kind = OPTION_STRING,
     .offset = OWN(listen),
     .fallback = "127.0.0.1:8088",
     .placeholder = "HOST:PORT",
     .help = "Where the page and its API are served. Anything but 127.0.0.1, [::1] and localhost needs tls."},
    {.name = "store",
     .kind = OPTION_STRING,
     .offset = OWN(store),
     .fallback = "sqlite:/var/lib/bourdon/server/store.db",
     .placeholder = "sqlite:FILE",
     .help = "The store of bourdon-server, which is only read."},
    {.name = "watch",
     .kind = OPTION_STRING,
     .offset = OWN(watch),
     .fallback = "/run/bourdon-server/watch.sock",
     .placeholder = "PATH",
     .help = "The socket that the server's \"watch\" names, for what happens now; \"\" = none: the page then "
             "shows the store "
             "alone."},
    {.name = "hosts",
     .kind = OPTION_STRINGS,
     .offset = OWN(hosts),
     .placeholder = "NAME",
     .max_items = 64,
     .help = "Names under which the page may be asked for, besides IP addresses and localhost. Others are "
             "refused, so that no page elsewhere can read this one by a name of its own."},
    {.name = "tls",
     .kind = OPTION_MAP,
     .offset = OWN(tls),
     .table = tls_table,
     .help = "Serves by TLS, to readers with a certificate."},
    {.name = "limits",
     .kind = OPTION_MAP,
     .offset = OWN(limits),
     .table = limits_table,
     .help = "Bounds that keep one reader from harming the others."},
    OPTIONS_END,
};

static bool is_loopback(const char *host)
{
    static const char *const names[] = {"127.0.0.1", "::1", "localhost"};
    bool found = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        found = found || strcmp(host, names[i]) == 0;
    }
    return found;
}

static void check_listen(const struct web_options *options, struct diagnostics *diagnostics)
{
    char host[IO_HOST_MAX];
    char port[IO_PORT_MAX];
    struct place place = option_place(diagnostics, options, "listen");
    if (!io_split_address(options->listen, host, port)) {
        diagnostics_add(diagnostics, place, "for example 127.0.0.1:8088", "listen: \"%s\" is not host:port",
                        options->listen);
    } else if (!is_loopback(host) && !web_options_have_tls(options)) {
        diagnostics_add(
            diagnostics, place,
            "give tls: with ca, certificate and key, or listen on 127.0.0.1 behind a proxy of yours",
            "listen: others could reach %s, and without tls anybody could read everything", options->listen);
    }
}

void web_options_check(void *target, struct diagnostics *diagnostics)
{
    const struct web_options *options = target;
    check_listen(options, diagnostics);
    if (strncmp(options->store, store_kind, strlen(store_kind)) != 0 || !options->store[strlen(store_kind)]) {
        diagnostics_add(
            diagnostics, option_place(diagnostics, options, "store"),
            "for example sqlite:/var/lib/bourdon/server/store.db; another kind of store has its own "
            "tools",
            "store: \"%s\" is not of the form sqlite:FILE", options->store);
    }
    if (options->limits.events >= options->limits.connections) {
        diagnostics_add(
            diagnostics, option_place(diagnostics, &options->limits, "events"), NULL,
            "events: must be fewer than connections, or pages that are open leave no room for others");
    }
}

const char *web_options_store_path(const struct web_options *options)
{
    return options->store + strlen(store_kind);
}
