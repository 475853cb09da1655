/*
 * bridge: wires the stages of bourdon-bridge and keeps their order: the spool before the uplink before the
 * field at the start, the other way round at the end, so that at no moment there is a reading nobody keeps.
 *
 *   STARTING ─▶ RUNNING ─SIGTERM─▶ FLUSHING ─▶ DRAINING ─▶ STOPPED
 *                 │  ▲└─SIGHUP─┘       └───────────┴── the deadline ──▶ STOPPED
 *                 └────── the spool fails ──▶ STOPPED (exit status 1)
 */
#ifndef BOURDON_BRIDGE_BRIDGE_H
#define BOURDON_BRIDGE_BRIDGE_H

#include "base/daemon.h"
#include "bridge_options.h"

/*
 * Runs until SIGTERM, SIGINT or a failure of the spool; returns the exit status. Takes the options over: they
 * are released and freed at the end, or when a reload has replaced them. `config` is read again at SIGHUP.
 */
int bridge_run(const struct daemon *daemon, const char *config, struct bridge_options *options);

#endif
