#include "gateway/gateway_options.h"

#include "gateway/policy_file.h"
#include "net/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS 1e3
#define S  1e6

static const struct option_choice failings[] = {
    {"refuse-writes", AUDIT_REFUSES_WRITES}, {"go-on", AUDIT_GOES_ON}, {NULL, 0}};

static const struct option_choice profiles[] = {{"mbaps-v36", TLS_PROFILE_MBAPS_V36},
                                                {"sunspec", TLS_PROFILE_SUNSPEC},
                                                {"nist", TLS_PROFILE_NIST},
                                                {NULL, 0}};

static const struct option audit_table[] = {
    {.name = "file",
     .kind = OPTION_STRING,
     .offset = offsetof(struct gateway_audit_options, file),
     .required = true,
     .placeholder = "FILE",
     .help =
         "Where each session, denial and write is recorded, a line of JSON each, chained by hashes. May be "
         "rotated: rename it, then SIGHUP."},
    {.name = "when_failing",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct gateway_audit_options, when_failing),
     .fallback = "refuse-writes",
     .choices = failings,
     .help = "While the file cannot be written: answer writes with exception 04, or let them pass. Reads and "
             "polls go on in any case."},
    {.name = "old_values",
     .kind = OPTION_BOOL,
     .offset = offsetof(struct gateway_audit_options, old_values),
     .fallback = "true",
     .help = "Read what a write replaces, for the record: one more request to the PLC for each write."},
    {.name = "log_hash_every",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct gateway_audit_options, heads_every_us),
     .fallback = "1h",
     .min = 1 * S,
     .max = 7 * 86400 * S,
     .help = "How long after a record its hash is in the log, too: lines cut off at the end of the file show "
             "only against it. Taken up when the bridge starts."},
    OPTIONS_END,
};

static const struct option limit_table[] = {
    {.name = "connections",
     .kind = OPTION_INT,
     .offset = offsetof(struct gateway_limit_options, connections),
     .fallback = "256",
     .min = 1,
     .max = GATEWAY_CONNECTIONS_MAX,
     .help = "Sessions in all. One more closes the one that has been unused for longest."},
    {.name = "per_identity",
     .kind = OPTION_INT,
     .offset = offsetof(struct gateway_limit_options, per_identity),
     .fallback = "32",
     .min = 1,
     .max = GATEWAY_CONNECTIONS_MAX,
     .help = "Sessions of certificates with the same subject. One more closes the one of them that has been "
             "unused for longest."},
    {.name = "per_address",
     .kind = OPTION_INT,
     .offset = offsetof(struct gateway_limit_options, per_address),
     .fallback = "64",
     .min = 1,
     .max = GATEWAY_CONNECTIONS_MAX,
     .help = "Connections from one IP address. One more is closed at once."},
    {.name = "handshakes",
     .kind = OPTION_INT,
     .offset = offsetof(struct gateway_limit_options, handshakes),
     .fallback = "64",
     .min = 1,
     .max = GATEWAY_CONNECTIONS_MAX,
     .help = "TLS handshakes in progress. One more closes the oldest of them."},
    {.name = "requests",
     .kind = OPTION_INT,
     .offset = offsetof(struct gateway_limit_options, requests),
     .fallback = "16",
     .min = 1,
     .max = GATEWAY_REQUESTS_MAX,
     .help = "Requests of one connection at once; one more is answered with exception 06."},
    {.name = "handshake_timeout",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct gateway_limit_options, handshake_us),
     .fallback = "10s",
     .min = 100 * MS,
     .max = 300 * S,
     .help = "Longest time for a TLS handshake."},
    {.name = "idle_timeout",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct gateway_limit_options, idle_us),
     .fallback = "0s",
     .min = 0,
     .max = 30 * 86400 * S,
     .help = "A session without a request for so long is closed. 0s = never: dead peers are found by TCP "
             "keep-alive within a minute."},
    {.name = "frame_timeout",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct gateway_limit_options, frame_us),
     .fallback = "10s",
     .min = 100 * MS,
     .max = 300 * S,
     .help = "A request that has begun must be complete within this time, or the session is closed."},
    {.name = "answer_timeout",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct gateway_limit_options, answer_us),
     .fallback = "5s",
     .min = 10 * MS,
     .max = 300 * S,
     .help =
         "A request that has waited for the link for so long is not sent any more; its answer is exception "
         "0B."},
    OPTIONS_END,
};

static const struct option unit_table[] = {
    {.name = "unit",
     .kind = OPTION_INT,
     .offset = offsetof(struct gateway_unit_options, unit),
     .required = true,
     .min = 0,
     .max = GATEWAY_UNITS - 1,
     .help = "Unit identifier as clients ask for it."},
    {.name = "link",
     .kind = OPTION_STRING,
     .offset = offsetof(struct gateway_unit_options, link),
     .required = true,
     .placeholder = "NAME",
     .help = "Name of the link it is behind."},
    {.name = "target",
     .kind = OPTION_INT,
     .offset = offsetof(struct gateway_unit_options, target),
     .fallback = "-1",
     .min = -1,
     .max = GATEWAY_UNITS - 1,
     .help = "Its unit identifier there. -1 = the same."},
    OPTIONS_END,
};

const struct option gateway_options_table[] = {
    {.name = "listen",
     .kind = OPTION_STRINGS,
     .offset = offsetof(struct gateway_options, listen),
     .required = true,
     .max_items = GATEWAY_LISTEN_MAX,
     .placeholder = "HOST[:PORT]",
     .help = "Addresses to listen on; port 802 if none is given."},
    {.name = "ca",
     .kind = OPTION_STRING,
     .offset = offsetof(struct gateway_options, ca),
     .required = true,
     .placeholder = "FILE",
     .help = "Certificates of the authorities that clients' certificates must come from, PEM."},
    {.name = "certificate",
     .kind = OPTION_STRING,
     .offset = offsetof(struct gateway_options, certificate),
     .required = true,
     .placeholder = "FILE",
     .help = "The gateway's certificate, then any intermediate ones, PEM."},
    {.name = "key",
     .kind = OPTION_STRING,
     .offset = offsetof(struct gateway_options, key),
     .required = true,
     .placeholder = "FILE",
     .help = "Its private key, PEM, readable by nobody else."},
    {.name = "second_certificate",
     .kind = OPTION_STRING,
     .offset = offsetof(struct gateway_options, second_certificate),
     .placeholder = "FILE",
     .help = "A certificate with the other kind of key, RSA or P-256, for clients that speak only that."},
    {.name = "second_key",
     .kind = OPTION_STRING,
     .offset = offsetof(struct gateway_options, second_key),
     .placeholder = "FILE",
     .help = "Its private key."},
    {.name = "profile",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct gateway_options, profile),
     .fallback = "mbaps-v36",
     .choices = profiles,
     .help =
         "Which TLS is spoken: that of MODBUS/TCP Security v36, of Secure SunSpec Modbus 1.0, or of NIST SP "
         "800-52. TLS 1.2 and 1.3 in each."},
    {.name = "crl",
     .kind = OPTION_STRING,
     .offset = offsetof(struct gateway_options, crl),
     .placeholder = "FILE",
     .help =
         "Certificate revocation lists, PEM. A new list is noticed by itself; sessions of what it revokes "
         "are closed within a minute."},
    {.name = "policy",
     .kind = OPTION_STRING,
     .offset = offsetof(struct gateway_options, policy_file),
     .required = true,
     .placeholder = "FILE",
     .help = "Who may do what, see bourdon policy. What no rule allows is denied."},
    {.name = "units",
     .kind = OPTION_LIST,
     .offset = offsetof(struct gateway_options, units),
     .table = unit_table,
     .item_size = sizeof(struct gateway_unit_options),
     .max_items = GATEWAY_UNITS,
     .help = "Which unit is where. Without it: the units that the links poll, under their own identifiers, "
             "which then must differ from link to link."},
    {.name = "audit",
     .kind = OPTION_MAP,
     .offset = offsetof(struct gateway_options, audit),
     .required = true,
     .table = audit_table,
     .help = "The record of who did what."},
    {.name = "limits",
     .kind = OPTION_MAP,
     .offset = offsetof(struct gateway_options, limits),
     .table = limit_table,
     .help = "What clients may take of the gateway."},
    OPTIONS_END,
};

bool gateway_options_given(const struct gateway_options *options)
{
    return options->place.line > 0;
}

bool gateway_options_split(const char *address, char *host, char *port)
{
    if (io_split_address(address, host, port)) {
        return true;
    }
    char with_port[IO_HOST_MAX + IO_PORT_MAX];
    int size = snprintf(with_port, sizeof with_port, "%s:%d", address, GATEWAY_PORT);
    return size > 0 && (size_t)size < sizeof with_port && io_split_address(with_port, host, port);
}

enum err gateway_options_tls(const struct gateway_options *options, struct tls_context **context,
                             struct err_text *why)
{
    const struct tls_options tls = {
        .side = TLS_SERVER,
        .ca = options->ca,
        .certificate = options->certificate,
        .key = options->key,
        .second = {.certificate = options->second_certificate, .key = options->second_key},
        .profile = (enum tls_profile)options->profile,
        .crl = options->crl,
        .allow_tls12 = true,
    };
    return tls_context_new(&tls, context, why);
}

static bool is_same_list(const struct option_list *a, const struct option_list *b)
{
    const char *const *left = a->items;
    const char *const *right = b->items;
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = strcmp(left[i], right[i]) == 0;
    }
    return same;
}

bool gateway_options_may_replace(const struct gateway_options *old, const struct gateway_options *new)
{
    if (!gateway_options_given(old) && !gateway_options_given(new)) {
        return true;
    }
    return gateway_options_given(old) && gateway_options_given(new) &&
           is_same_list(&old->listen, &new->listen) && strcmp(old->audit.file, new->audit.file) == 0;
}

/* ---- rules across fields ---- */

struct check {
    struct gateway_options *options;
    const struct field_options *field;
    struct diagnostics *diagnostics;
};

static void check_addresses(const struct check *check)
{
    const char *const *addresses = check->options->listen.items;
    for (size_t i = 0; i < check->options->listen.count; i++) {
        char host[IO_HOST_MAX];
        char port[IO_PORT_MAX];
        if (!gateway_options_split(addresses[i], host, port)) {
            diagnostics_add(check->diagnostics, option_place(check->diagnostics, check->options, "listen"),
                            "0.0.0.0, 192.0.2.1:802 or [2001:db8::1]:802", "listen: \"%s\" is no address",
                            addresses[i]);
        }
    }
}

static void check_certificate(const struct check *check)
{
    struct gateway_options *options = check->options;
    struct err_text why = {{0}};
    if (options->ca[0] == '\0' || options->certificate[0] == '\0' || options->key[0] == '\0') {
        return; /* said already: they are required */
    }
    if (gateway_options_tls(options, &options->tls, &why) != ERR_OK) {
        diagnostics_add(check->diagnostics, option_place(check->diagnostics, options, "certificate"), NULL,
                        "gateway: %s", why.text);
    }
}

static void check_policy(const struct check *check)
{
    if (check->options->policy_file[0] != '\0' &&
        policy_load(check->options->policy_file, check->diagnostics, &check->options->policy) != ERR_OK) {
        diagnostics_add(check->diagnostics, option_place(check->diagnostics, check->options, "policy"), NULL,
                        "policy: %s cannot be used", check->options->policy_file);
    }
}

static bool find_link(const struct field_options *field, const char *name, size_t *index)
{
    const struct link_options *links = field->links.items;
    for (size_t i = 0; i < field->links.count; i++) {
        if (strcmp(links[i].name, name) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

static void map_one(const struct check *check, const struct gateway_unit_options *unit)
{
    struct gateway_target *target = &check->options->targets[unit->unit];
    struct place place = option_place(check->diagnostics, unit, "link");
    if (!find_link(check->field, unit->link, &target->link)) {
        diagnostics_add(check->diagnostics, place, NULL, "link: there is no link \"%s\"", unit->link);
        return;
    }
    if (target->known) {
        diagnostics_add(check->diagnostics, option_place(check->diagnostics, unit, "unit"), NULL,
                        "unit: %d is there twice", (int)unit->unit);
    }
    target->known = true;
    target->unit = (uint8_t)(unit->target == GATEWAY_SAME_UNIT ? unit->unit : unit->target);
}

static void map_polled(const struct check *check, size_t link)
{
    const struct link_options *options = (const struct link_options *)check->field->links.items + link;
    const struct unit_options *units = options->units.items;
    for (size_t i = 0; i < options->units.count; i++) {
        struct gateway_target *target = &check->options->targets[units[i].id & (GATEWAY_UNITS - 1)];
        if (target->known) {
            diagnostics_add(check->diagnostics, option_place(check->diagnostics, check->options, "units"),
                            "units: [{unit: 11, link: NAME, target: 1}, …]",
                            "units: several links have a unit %d: say which is which", (int)units[i].id);
            return;
        }
        *target = (struct gateway_target){.known = true, .unit = (uint8_t)units[i].id, .link = link};
    }
}

static void check_units(const struct check *check)
{
    const struct gateway_unit_options *units = check->options->units.items;
    for (size_t i = 0; i < check->options->units.count; i++) {
        map_one(check, &units[i]);
    }
    for (size_t i = 0; check->options->units.count == 0 && i < check->field->links.count; i++) {
        map_polled(check, i);
    }
}

void gateway_options_check(struct gateway_options *options, const struct field_options *field,
                           struct diagnostics *diagnostics)
{
    const struct check check = {.options = options, .field = field, .diagnostics = diagnostics};
    if (!gateway_options_given(options)) {
        return;
    }
    check_addresses(&check);
    check_certificate(&check);
    check_policy(&check);
    check_units(&check);
}

void gateway_options_release(struct gateway_options *options)
{
    tls_context_unref(options->tls);
    policy_unref(options->policy);
    options->tls = NULL;
    options->policy = NULL;
}
