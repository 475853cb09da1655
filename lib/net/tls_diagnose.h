/*
 * tls_diagnose: the TLS files that a configuration names, judged at the keys that name them: `ca`,
 * `certificate`, `key` and `crl`; so is a `pin`. Any thread.
 */
#ifndef BOURDON_NET_TLS_DIAGNOSE_H
#define BOURDON_NET_TLS_DIAGNOSE_H

#include "base/diagnostics.h"
#include "net/tls.h"

/*
 * Makes a context of the files. Each that cannot be used is an error at its key of `mapping` (a structure of
 * an option table, as of option_place()), and `*context` is NULL then. So it is where a required file is not
 * named, which the table has said already.
 */
void tls_diagnose(const struct tls_options *options, const void *mapping, struct diagnostics *diagnostics,
                  struct tls_context **context);

#endif
