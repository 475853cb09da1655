/* capture: what the code under test writes to stdout or stderr. */
#ifndef BOURDON_TESTS_CAPTURE_H
#define BOURDON_TESTS_CAPTURE_H

#include <stddef.h>
#include <stdio.h>

struct capture {
    FILE *file;
    int stream; /* STDOUT_FILENO or STDERR_FILENO */
    int kept;   /* where the stream went before */
};

struct capture capture_start(int stream);

/* Gives the stream back, and what was written, terminated, and cut where it does not fit. */
void capture_stop(struct capture *capture, char *text, size_t size);

#endif
