#include "support/suite.h"

#include <stdlib.h>

int suite_run(const char *name, const TTest *const *tests)
{
    return suite_run_with(name, NULL, NULL, tests);
}

int suite_run_with(const char *name, void (*setup)(void), void (*teardown)(void), const TTest *const *tests)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    if (setup || teardown) {
        tcase_add_checked_fixture(tcase, setup, teardown);
    }
    for (; *tests; tests++) {
        tcase_add_test(tcase, *tests);
    }
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    int run = srunner_ntests_run(runner);
    srunner_free(runner);
    return failed == 0 && run > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
