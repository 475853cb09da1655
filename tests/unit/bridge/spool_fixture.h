/*
 * spool_fixture: what the tests of the spool's thread and of the uplink have in common: a folder, a loop that
 * runs until a condition holds, a catalog, a spool with its thread. One test, one process.
 */
#ifndef BOURDON_TESTS_BRIDGE_SPOOL_FIXTURE_H
#define BOURDON_TESTS_BRIDGE_SPOOL_FIXTURE_H

#include "sample.h"
#include "spool/spool_thread.h"
#include "support/temporary.h"

#define FIXTURE_DEADLINE_US INT64_C(25000000)

struct spool_fixture {
    char folder[TEMPORARY_PATH_MAX];
    char path[TEMPORARY_PATH_MAX]; /* of the spool */
    struct loop *loop;
    struct loop_timer *poll;
    struct catalog *catalog;
    struct spool_configuration configuration;
    struct spool_thread *spool;
};

/* Everything but the spool; batches of `per_batch` readings, of any age up to `max_age_us`. Logs are silent.
 */
void fixture_begin(struct spool_fixture *fixture, size_t per_batch, int64_t max_age_us);
/* Opens the spool and starts its thread; aborts the test if it cannot. */
void fixture_start(struct spool_fixture *fixture, const struct spool_events *events);
void fixture_end(struct spool_fixture *fixture);

/* Runs the loop until the condition holds; fails the test after FIXTURE_DEADLINE_US. */
void fixture_run_until(struct spool_fixture *fixture, bool (*condition)(void));
struct spool_status fixture_status(const struct spool_fixture *fixture);

#endif
