/* identity: what the simulator says it is, by function 2B/0E. Pure. Any thread. */
#ifndef BOURDON_PLCSIM_IDENTITY_H
#define BOURDON_PLCSIM_IDENTITY_H

#include "modbus/pdu.h"

/*
 * Writes the answer to a well-formed 2B/0E request. MODBUS_ILLEGAL_DATA_ADDRESS, and nothing is written: the
 * one object asked for does not exist.
 */
MUST_USE enum modbus_exception identity_answer(const struct pdu_request *request, struct wire_writer *writer);

#endif
