/*
 * spooler_fixture: a spooler with its inbox and a spool in a folder of its own, for the tests of what it is
 * made of: the spooler itself, keeper and dropper, fence. The clock is the test's. One test, one process: so
 * there is one of everything.
 */
#ifndef BOURDON_TESTS_BRIDGE_SPOOLER_FIXTURE_H
#define BOURDON_TESTS_BRIDGE_SPOOLER_FIXTURE_H

#include "spool/spooler.h"
#include "support/temporary.h"

enum { PER_BATCH = 10, TWO_BATCHES = 2 * PER_BATCH, THREE_BATCHES = 3 * PER_BATCH };

extern char folder[TEMPORARY_PATH_MAX];
extern char path[TEMPORARY_PATH_MAX]; /* of the spool */
extern struct err_text why;
extern struct catalog *catalog;
extern struct spooler *spooler;
extern struct inbox *inbox;
extern struct inbox_content content;
extern struct spool_batches sent; /* all that was committed and not cleared yet */
extern struct spooler_time now;
extern struct spool_configuration configuration;

void setup(void);
void teardown(void);
void open_spool(void);
void reopen(void); /* as after a crash */

/* So many readings of a tag, from the sample's number `first` on. */
void put(uint32_t tag, uint32_t first, uint32_t count);
MUST_USE enum err collect_and_commit(void);
void must_commit(void);
/* So many batches of a tag, each committed. */
void fill(uint32_t tag, uint32_t batches);
void ack(uint64_t seq, int result);
void set_bounds(enum room_policy policy, int64_t max_bytes);

int64_t number(const char *sql); /* the answer of a query of one number */
void execute(const char *sql);
void read_backlog(uint64_t first, uint64_t last, struct backlog_chunk *chunk);

/* The gaps in the last batch that was committed; last_gap() when it must be one. */
size_t last_gaps(struct gap gaps[GAP_LIST_MAX]);
struct gap last_gap(void);

#endif
