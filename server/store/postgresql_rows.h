/*
 * postgresql_rows: the readings of batches as rows of the table `reading`, by COPY, in bounded memory. Part
 * of postgresql.c, with the same connection and thread.
 */
#ifndef BOURDON_SERVER_STORE_POSTGRESQL_ROWS_H
#define BOURDON_SERVER_STORE_POSTGRESQL_ROWS_H

#include "store/postgresql_names.h"
#include "tunnel/batch.h"

struct postgresql_rows;

MUST_USE struct postgresql_rows *postgresql_rows_new(struct pg *pg); /* NULL: out of memory */
void postgresql_rows_free(struct postgresql_rows *rows);             /* NULL is fine */

/* Inside a transaction: begin, batches, end. After a failure of any the transaction is to be rolled back. */
MUST_USE enum err postgresql_rows_begin(struct postgresql_rows *rows, struct err_text *why);
MUST_USE enum err postgresql_rows_put(struct postgresql_rows *rows, const struct batch_view *view,
                                      const struct postgresql_tags *tags, int32_t stream,
                                      struct err_text *why);
MUST_USE enum err postgresql_rows_end(struct postgresql_rows *rows, struct err_text *why);

#endif
