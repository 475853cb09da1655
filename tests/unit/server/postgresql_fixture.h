/*
 * postgresql_fixture: databases in the private cluster that tests/support/postgresql.py runs beside a suite.
 */
#ifndef BOURDON_TESTS_POSTGRESQL_FIXTURE_H
#define BOURDON_TESTS_POSTGRESQL_FIXTURE_H

#include "store_fixture.h"

#include <stdbool.h>

bool postgresql_fixture_is_here(void);

/* Makes a database that is empty, and drops it. */
void postgresql_fixture_make(void);
void postgresql_fixture_drop(void);

/* Likewise, with a stand-in for TimescaleDB, which Debian does not package: an entry of that name among the
 * extensions, and a create_hypertable() with the signature that is documented. It accepts a table as the real
 * one would, leaves it as it is, and notes the call in public.stand_in_call. */
void postgresql_fixture_make_with_stand_in(void);

enum err postgresql_fixture_open(struct store **store, struct err_text *why);
/* Closes what is open, if anything, and opens the database anew, which must succeed. */
void postgresql_fixture_reopen(struct store **store);

/* "crash", "stop" or "start": to the cluster. */
void postgresql_fixture_do(const char *what);

/* The first column of the first row of a query, a whole number. */
int64_t postgresql_fixture_number(const char *sql);
/* Waits until it is that; the test fails after a while. */
void postgresql_fixture_await(const char *sql, int64_t expected);
void postgresql_fixture_run(const char *sql);

#endif
