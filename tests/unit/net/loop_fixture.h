/*
 * loop_fixture: a loop that ends the test when it runs for too long. For tests of this folder.
 */
#ifndef BOURDON_TESTS_NET_LOOP_FIXTURE_H
#define BOURDON_TESTS_NET_LOOP_FIXTURE_H

#include "net/loop.h"

extern struct loop *loop;

/* Around each test. */
void loop_fixture_setup(void);
void loop_fixture_teardown(void);

/* Ends loop_run(): for timers and posted work. */
void stop(void *owner);

#endif
