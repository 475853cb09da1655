/*
 * site: what is at which path: the page's files, the API and its description, the stream of events. Any
 * thread, several at once.
 */
#ifndef BOURDON_WEB_SITE_H
#define BOURDON_WEB_SITE_H

#include "api.h"
#include "events.h"
#include "http.h"

/* Borrowed. */
struct site {
    struct api api;
    struct events *events;
    char *const *hosts; /* names besides addresses and localhost */
    size_t host_count;
};

void site_answer(void *site, const struct http_request *request, struct http_answer *answer);

#endif
