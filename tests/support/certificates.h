/*
 * certificates: a plant of a test's own, made by certs/make-certs.sh in a temporary folder.
 *
 * Paths are those of certs/README.md: "ca.pem", "crl.pem", "server/control.pem", "bridge/cell-3.key",
 * "bad/bridge/expired.pem". Make it once in main(), before the suite: making takes a third of a second.
 * $BOURDON_SOURCE names the source folder (CTest sets it); without it the current folder is taken.
 */
#ifndef BOURDON_TESTS_CERTIFICATES_H
#define BOURDON_TESTS_CERTIFICATES_H

#include "support/temporary.h"

struct certificates {
    char folder[TEMPORARY_PATH_MAX];
};

/* The authority, server/control (DNS localhost, IP 127.0.0.1 and ::1), bridge/cell-3, operator/anna (role
 * "operator"), and an empty revocation list. */
void certificates_make(struct certificates *certificates);
/* Runs `make-certs.sh COMMAND folder ARGUMENTS`, e.g. ("bridge", "cell-4 --role Reader") or ("bad-set", "").
 */
void certificates_run(const struct certificates *certificates, const char *command, const char *arguments);
/* Runs a shell command in the plant's folder, e.g. openssl with what the script does not offer. */
void certificates_shell(const struct certificates *certificates, const char *command);
void certificates_remove(const struct certificates *certificates);

/* Writes the path of the file `name` into path[TEMPORARY_PATH_MAX] and returns it. */
char *certificates_path(const struct certificates *certificates, const char *name, char *path);

#endif
