/* progress: one line on a terminal that says how far a long task is; silent when stderr is none. One thread.
 */
#ifndef BOURDON_CLIENT_PROGRESS_H
#define BOURDON_CLIENT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress { /* all zero = not started */
    bool started;
    bool terminal;
    bool shown;
    int64_t next_us; /* monotonic: not before this */
};

/* "sent 3000 of 12000 readings"; `total` 0 = unknown. At most ten times a second, at `now_us` monotonic. */
void progress_show(struct progress *progress, const char *verb, uint64_t done, uint64_t total,
                   const char *what, int64_t now_us);
/* Wipes the line, before other output. */
void progress_clear(struct progress *progress);

#endif
