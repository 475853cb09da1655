/* made_store: a small server's store and a bridge's spool, made row by row for tests of what reads them. */
#ifndef BOURDON_TESTS_CLIENT_MADE_STORE_H
#define BOURDON_TESTS_CLIENT_MADE_STORE_H

#include <stdint.h>

/* 2026-01-31T12:00:00Z; batch n has the second n, at 100 ms a reading. */
#define MADE_START_US INT64_C(1769860800000000)
enum { MADE_BATCHES = 10, MADE_READINGS = 10 };

/*
 * A store with the bridges cell-3 and cell-4, MADE_BATCHES batches each, with MADE_READINGS of "pressure"
 * (bar, scale 0.1; the raw value counts up over the batches) and as many of "running". The last two batches
 * of each came as backlog; every fourth second the PLC was silent.
 */
void made_store(const char *path);
/* Runs SQL on the file as it is. */
void made_store_run(const char *path, const char *sql);

/* A spool of cell-3: batches 1 to 8 answered (6 = duplicate, 7 = rejected), 9 and 10 waiting. */
void made_spool(const char *path);
void made_spool_run(const char *path, const char *sql);

#endif
