/*
 * field_options: what the operator says about links, units and tags.
 *
 * The tables bind the YAML under `links:` to these structures; field_options_check() loads the device
 * templates and applies the rules across fields; field_walk.h gives the tags with everything resolved. One
 * thread while loading, then read-only.
 */
#ifndef BOURDON_FIELD_FIELD_OPTIONS_H
#define BOURDON_FIELD_FIELD_OPTIONS_H

#include "base/diagnostics.h"
#include "base/err.h"
#include "base/options.h"
#include "tunnel/catalog.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    FIELD_LINKS_MAX = 960, /* with their backups: each needs a descriptor below 1024, see low_descriptor.h */
    FIELD_UNITS_MAX = 255, /* of one link */
    FIELD_REGISTERS_MAX = 125,
    FIELD_BITS_MAX = 2000,
    FIELD_STRING_MAX = 2 * READING_WORDS_MAX, /* characters */
    FIELD_TEMPLATE_DEPTH_MAX = 8,             /* a template in a template in … */
};

#define FIELD_RATE_MIN_US INT64_C(10000)
#define FIELD_RATE_MAX_US INT64_C(86400000000)

struct tag_options {
    struct place place;
    char *name;
    char *unit;      /* UCUM */
    char *reference; /* Modicon, 5 or 6 digits: "40101"; "" = address is given */
    int64_t address; /* zero-based; FIELD_ADDRESS_NONE = reference is given */
    int table;       /* enum table; TABLE_NONE = from the reference */
    int type;        /* enum value_type */
    int word_order;  /* ORDER_WORDS_SWAPPED or not, or TAG_ORDER_*_LETTERS + ORDER_* */
    int byte_order;  /* ORDER_BYTES_SWAPPED or 0 */
    int64_t bit;     /* FIELD_BIT_NONE = none */
    int64_t length;  /* characters of a string; 0 = none */
    double scale, offset;
    int64_t rate_us;
    struct option_list limits; /* two numbers as text, lowest and highest engineering value; or empty */
    char *deadband;            /* "" | "0.5" (engineering units) | "2%" (of the span of the limits) */
    int64_t max_age_us;        /* heartbeat: report at least this often; 0 = with every change only */
    int64_t priority;          /* 0 … 255 */
    bool overlap;              /* may share registers with tags it does not coincide with */
};

#define FIELD_ADDRESS_NONE INT64_C(-1)
#define FIELD_BIT_NONE     INT64_C(-1)

struct template_options {
    struct place place;
    char *file;                    /* relative to the file that names it */
    char *prefix;                  /* in front of each tag's name */
    int64_t base;                  /* added to each tag's address */
    struct field_template *loaded; /* by field_options_check(); borrowed from field_options.templates */
};

struct unit_options {
    struct place place;
    int64_t id;
    int64_t max_registers; /* of one read */
    int64_t max_bits;
    int64_t gap;      /* registers nobody asked for that one read may span; 16 times as many bits */
    int64_t pause_us; /* between the end of one request and the start of the next */
    struct option_list templates; /* of struct template_options */
    struct option_list tags;      /* of struct tag_options */
};

struct tls_context;

/* What a link of tls:// shows and whom it trusts. */
struct link_tls_options {
    struct place place; /* all zero: the link has none */
    char *ca;           /* "" = the pin alone */
    char *certificate;
    char *key;
    char *crl;     /* "" = none */
    char *pin;     /* "" = none */
    char *ciphers; /* "" = the profile's */
    int profile;   /* enum tls_profile */
    bool small_records;
    struct tls_context *context; /* made by field_options_check(), released by field_options_fini() */
};

struct link_options {
    struct place place;
    char *name;
    char *url;
    char *backup; /* url of a second way to the same units; "" = none */
    struct link_tls_options tls;
    int64_t response_timeout_us;
    int64_t connect_timeout_us;
    int64_t reconnect_max_us; /* longest wait before the next attempt */
    int64_t latency_us;       /* what a request over TCP takes, for the check that the schedule fits */
    int64_t cache_age_us;     /* of a poll that may answer a live request; 0 = off */
    int64_t outstanding;      /* live requests on their way at once */
    bool align;               /* polls fall on multiples of the rate on the wall clock */
    struct option_list units; /* of struct unit_options */
};

struct field_template; /* one loaded template file */

/* Embedded in the bridge's options, where the `links` list is bound with field_link_table. */
struct field_options {
    struct option_list links;         /* of struct link_options */
    struct field_template *templates; /* owned, see field_options_fini() */
};

extern const struct option field_link_table[];

/*
 * Loads the templates (paths relative to `path`, the configuration file) and the certificates of TLS links,
 * and checks every rule across fields; errors go to `diagnostics`, and warnings of a schedule that does not
 * fit its line. ERR_CONFIG if there is any error, ERR_NO_MEMORY; either way field_options_fini() is due,
 * before the options_free() of the structure that `options` is part of.
 */
MUST_USE enum err field_options_check(struct field_options *options, const char *path,
                                      struct diagnostics *diagnostics);
void field_options_fini(struct field_options *options);

/* Makes the catalog of checked options. */
MUST_USE enum err field_options_catalog(const struct field_options *options, struct catalog **catalog,
                                        struct err_text *why);

#endif
