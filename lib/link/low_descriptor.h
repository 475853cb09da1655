/*
 * low_descriptor: a descriptor number below FD_SETSIZE that is ours for good, whatever is open behind it.
 *
 * libmodbus waits with select(), which cannot take a descriptor of 1024 or more: it aborts the process. So
 * each link reserves a low number while the process still has some, and moves each new connection there. In
 * between the number is held by /dev/null.
 */
#ifndef BOURDON_LINK_LOW_DESCRIPTOR_H
#define BOURDON_LINK_LOW_DESCRIPTOR_H

#include "base/err.h"

/* ERR_LIMIT: no number is left below FD_SETSIZE; ERR_IO. */
MUST_USE enum err low_descriptor_reserve(int *slot, struct err_text *why);
/* Moves `fd` there: closes it, and what was open behind the slot. */
MUST_USE enum err low_descriptor_fill(int slot, int fd, struct err_text *why);
/* Closes what is open behind the slot and keeps the number. */
void low_descriptor_empty(int slot);
void low_descriptor_release(int slot);

#endif
