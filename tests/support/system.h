/*
 * system: what the machine has. A root fresh from debootstrap has no /etc/hosts, and no pseudo terminals
 * until somebody mounts devpts: what needs those is left out there, and only there.
 */
#ifndef BOURDON_TESTS_SYSTEM_H
#define BOURDON_TESTS_SYSTEM_H

#include <stdbool.h>

enum { SYSTEM_SKIPPED = 77 }; /* exit status of a suite that was left out */

bool system_resolves(const char *host);
bool system_has_terminals(void);

#endif
