/*
 * command: the words the simulator understands at run time, and behind --faults.
 *
 *   fault add KIND [KEY=VALUE ...]    the keys of a scenario's faults; answers {"id":7}
 *   fault list                        answers a JSON array
 *   fault clear ID | all              answers {"cleared":1}
 *
 * Wrong words are answered with {"error":"…"}. In the loop's thread.
 */
#ifndef BOURDON_PLCSIM_COMMAND_H
#define BOURDON_PLCSIM_COMMAND_H

#include "faults.h"

/* Adds the fault that "KIND KEY=VALUE ..." describes. ERR_CONFIG: the words are wrong, as `why` explains. */
MUST_USE enum err command_add_fault(struct faults *faults, const char *words, int64_t now_us, uint32_t *id,
                                    struct err_text *why);

/* Executes a request at time `now_us` since the start and writes the answer. */
void command_fault(struct faults *faults, const char *request, int64_t now_us, struct json *json);

#endif
