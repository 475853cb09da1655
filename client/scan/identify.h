/*
 * identify: asks a unit who it is: read device identification, function 2B/0E (MODBUS Application Protocol
 * V1.1b3, section 6.21), the basic category.
 */
#ifndef BOURDON_CLIENT_SCAN_IDENTIFY_H
#define BOURDON_CLIENT_SCAN_IDENTIFY_H

#include "plc/plc.h"
#include "scan/survey.h"

enum { IDENTIFY_REQUESTS_MAX = 8 }; /* a device may give its objects one by one, and then some */

/* Vendor, product and revision into device[SURVEY_DEVICE_MAX], harmless for a terminal; "" if it does not
 * say. */
void identify(struct plc *plc, uint8_t unit, char *device);

/* Appends the objects of one answer. Pure. */
void identify_append(struct bytes objects, char *device);

#endif
