/* random: unpredictable bytes from the kernel, for identities and jitter. Any thread. */
#ifndef BOURDON_BASE_RANDOM_H
#define BOURDON_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills `data`. Only getrandom() without flags: cannot fail once the machine has booted. */
void random_bytes(void *data, size_t size);
uint32_t random_u32(void);

#endif
