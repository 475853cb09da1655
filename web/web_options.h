/*
 * web_options: the configuration of bourdon-web, as a table.
 */
#ifndef BOURDON_WEB_WEB_OPTIONS_H
#define BOURDON_WEB_WEB_OPTIONS_H

#include "base/options.h"

struct web_tls {
    struct place place;
    char *ca, *certificate, *key, *crl;
    struct option_list roles; /* of char * */
};

struct web_limits {
    struct place place;
    int64_t connections;
    int64_t events;
    int64_t query_us;
};

struct web_options {
    struct place place;
    char *listen;
    char *store;              /* "sqlite:FILE" */
    char *watch;              /* "" = none */
    struct option_list hosts; /* of char * */
    struct web_tls tls;
    struct web_limits limits;
};

extern const struct option web_options_table[];

void web_options_check(void *options, struct diagnostics *diagnostics);

/* The file behind `store`. */
const char *web_options_store_path(const struct web_options *options);
static inline bool web_options_have_tls(const struct web_options *options)
{
    return options->tls.place.line > 0;
}

#endif
