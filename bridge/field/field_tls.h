/* field_tls: the TLS of links to devices that speak MODBUS/TCP Security: its options and its contexts. */
#ifndef BOURDON_FIELD_FIELD_TLS_H
#define BOURDON_FIELD_FIELD_TLS_H

#include "field/field_options.h"

extern const struct option field_tls_table[];

/* Loads certificates and keys of all links of tls://; errors go to `diagnostics`. */
void field_tls_load_all(struct field_options *options, struct diagnostics *diagnostics);
void field_tls_free_all(struct field_options *options);

#endif
