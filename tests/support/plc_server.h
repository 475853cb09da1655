/*
 * plc_server: a PLC made of libmodbus, in a thread of the test, on a free port of 127.0.0.1.
 *
 * Serves every address of the four tables of any unit but those told to be absent; answers illegal data
 * address for the holes it is told of, and illegal data value for reads larger than its maximum.
 */
#ifndef BOURDON_TESTS_PLC_SERVER_H
#define BOURDON_TESTS_PLC_SERVER_H

#include "tunnel/catalog.h"

#include <stdint.h>

struct plc_server;

struct plc_server *plc_server_start(void); /* aborts the test if it cannot */
struct plc_server *plc_server_start_at(uint16_t port);
void plc_server_stop(struct plc_server *server);
uint16_t plc_server_port(const struct plc_server *server);

void plc_server_set(struct plc_server *server, enum table table, uint16_t address, uint16_t value);
/* Addresses first … last of a table are refused from now on; one hole at a time, first > last = none. */
void plc_server_set_hole(struct plc_server *server, enum table table, uint16_t first, uint16_t last);
/* Items one read may ask for; 0 = as the standard allows. */
void plc_server_set_max_read(struct plc_server *server, uint16_t most);
/* A unit that never answers; 0 = none. */
void plc_server_set_silent_unit(struct plc_server *server, uint8_t unit);
/* It takes this long to answer. */
void plc_server_set_delay_ms(struct plc_server *server, unsigned delay_ms);
/* Closes every connection; new ones are taken. */
void plc_server_drop_connections(struct plc_server *server);
uint64_t plc_server_requests(struct plc_server *server);

#endif
