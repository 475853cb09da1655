/*
 * web: bourdon-web put together.
 *
 *   options → TLS context → events, live → http → listening → running
 *
 * SIGTERM and SIGINT stop; SIGHUP reads certificates again. Everything here is called in the main thread.
 */
#ifndef BOURDON_WEB_WEB_H
#define BOURDON_WEB_WEB_H

#include "base/daemon.h"
#include "web_options.h"

struct web;

/* Takes the options over, also on failure. `daemon` and `config` are for reloads. */
MUST_USE enum err web_new(const struct daemon *daemon, const char *config, struct web_options *options,
                          struct web **web, struct err_text *why);
int web_run(struct web *web);   /* returns the exit status */
void web_free(struct web *web); /* NULL is fine */

uint16_t web_port(const struct web *web);
void web_stop(struct web *web); /* any thread */

#endif
