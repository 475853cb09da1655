/*
 * suite: runs the tests of one file.
 *
 *   START_TEST(refuses_a_varint_with_padding) { ... } END_TEST
 *   int main(void) { return suite_run("wire", (const TTest *[]){refuses_a_varint_with_padding, NULL}); }
 */
#ifndef BOURDON_TESTS_SUITE_H
#define BOURDON_TESTS_SUITE_H

#include <check.h>

/* Each test runs in a process of its own. `tests` ends with NULL. Returns main()'s exit status. */
int suite_run(const char *name, const TTest *const *tests);

/* The same with a fixture around each test, in the test's process. Either may be NULL. */
int suite_run_with(const char *name, void (*setup)(void), void (*teardown)(void), const TTest *const *tests);

#endif
