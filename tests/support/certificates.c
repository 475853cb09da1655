#include "support/certificates.h"

#include <stdio.h>
#include <stdlib.h>

/* A half-made plant would fail every test that follows with a riddle; this says what happened. */
static void run_line(const char *line, int size, size_t space)
{
    // NOLINTNEXTLINE(cert-env33-c): the lines are the tests' own
    if (size < 0 || (size_t)size >= space || system(line) != 0) {
        fprintf(stderr, "certificates: failed: %s\n", line);
        abort();
    }
}

void certificates_run(const struct certificates *certificates, const char *command, const char *arguments)
{
    const char *source = getenv("BOURDON_SOURCE");
    char line[2 * TEMPORARY_PATH_MAX];
    int size = snprintf(line, sizeof line, "'%s/certs/make-certs.sh' %s '%s' %s >/dev/null",
                        source ? source : ".", command, certificates->folder, arguments);
    run_line(line, size, sizeof line);
}

void certificates_shell(const struct certificates *certificates, const char *command)
{
    char line[4 * TEMPORARY_PATH_MAX];
    int size = snprintf(line, sizeof line, "cd '%s' && { %s; } 2>/dev/null", certificates->folder, command);
    run_line(line, size, sizeof line);
}

void certificates_make(struct certificates *certificates)
{
    temporary_folder(certificates->folder);
    certificates_run(certificates, "init", "");
    certificates_run(certificates, "server", "control --dns localhost --ip 127.0.0.1 --ip ::1");
    certificates_run(certificates, "bridge", "cell-3");
    certificates_run(certificates, "operator", "anna");
}

void certificates_remove(const struct certificates *certificates)
{
    temporary_remove(certificates->folder);
}

char *certificates_path(const struct certificates *certificates, const char *name, char *path)
{
    return temporary_path(certificates->folder, name, path);
}
