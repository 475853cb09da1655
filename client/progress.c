#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { INTERVAL_US = 100 * 1000 };

void progress_show(struct progress *progress, const char *verb, uint64_t done, uint64_t total,
                   const char *what, int64_t now_us)
{
    if (!progress->started) {
        progress->started = true;
        progress->terminal = isatty(STDERR_FILENO) == 1;
        progress->next_us = now_us + INTERVAL_US; /* what is done at once needs no line */
    }
    if (!progress->terminal || now_us < progress->next_us) {
        return;
    }
    progress->next_us = now_us + INTERVAL_US;
    progress->shown = true;
    fprintf(stderr, "\r\033[K%s %" PRIu64, verb, done);
    if (total > 0) {
        fprintf(stderr, " of %" PRIu64, total);
    }
    fprintf(stderr, " %s", what);
    fflush(stderr);
}

void progress_clear(struct progress *progress)
{
    if (progress->shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        progress->shown = false;
    }
}
