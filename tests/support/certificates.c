#include "support/certificates.h"

#include <stdio.h>
#include <stdlib.h>

void certificates_run(const struct certificates *certificates, const char *command, const char *arguments)
{
    const char *source = getenv("BOURDON_SOURCE");
    char line[2 * TEMPORARY_PATH_MAX];
    int size = snprintf(line, sizeof line, "'%s/certs/make-certs.sh' %s '%s' %s >/dev/null",
                        source ? source : ".", command, certificates->folder, arguments);
    // A half-made plant would fail every test that follows with a riddle; this says what happened.
    if (size < 0 || (size_t)size >= sizeof line || system(line) != 0) {
        fprintf(stderr, "certificates: failed: %s\n", line);
        abort();
    }
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
