/*
 * notify: tells the service manager what we are doing (sd_notify protocol over $NOTIFY_SOCKET, without
 * libsystemd). Without the variable every call does nothing. Any thread.
 */
#ifndef BOURDON_BASE_NOTIFY_H
#define BOURDON_BASE_NOTIFY_H

#include <stdint.h>

/* Sends one state, such as "READY=1\nSTATUS=polling 3 links" or "RELOADING=1" or "STOPPING=1" or
 * "WATCHDOG=1". */
void notify_send(const char *state);

/* How often to send WATCHDOG=1 in microseconds (half of $WATCHDOG_USEC when it is meant for us); 0 = never.
 */
int64_t notify_watchdog_us(void);

#endif
