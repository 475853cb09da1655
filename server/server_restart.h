/*
 * server_restart: the part of the configuration that only a restart changes.
 */
#ifndef BOURDON_SERVER_SERVER_RESTART_H
#define BOURDON_SERVER_SERVER_RESTART_H

#include "server_options.h"

/* Warns of each such key that differs, and lets `after` have what `before` has, so that the next reload
 * compares with what is in force; `before` gets what was loaded, to be freed. */
void server_restart_keep(struct server_options *before, struct server_options *after);

#endif
