/*
 * terminal: the whole screen, and keys as they are pressed, until it is given back. One at a time: it is put
 * right again on SIGINT, SIGTERM and SIGHUP, which end the watching.
 */
#ifndef BOURDON_CLIENT_WATCH_TERMINAL_H
#define BOURDON_CLIENT_WATCH_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

struct terminal {
    bool keyed; /* stdin gives keys */
    struct termios before;
};

/* stdout is a terminal. */
void terminal_take(struct terminal *terminal);
void terminal_give_back(struct terminal *terminal);
void terminal_size(int *lines, int *columns); /* 24 and 80 if it does not say */

enum { TERMINAL_NO_KEY = 0, TERMINAL_ENDED = -1 };
/* Waits for a key, at most until then (monotonic). TERMINAL_ENDED: a signal says to end. */
int terminal_key(const struct terminal *terminal, int64_t until_us);

/* Signals that end the watching end it from now on at terminal_key() instead of at once. */
void terminal_catch_signals(void);

#endif
