/* sample: a small catalog and readings of it, for the tests of spool and uplink. */
#ifndef BOURDON_TESTS_BRIDGE_SAMPLE_H
#define BOURDON_TESTS_BRIDGE_SAMPLE_H

#include "spool/spooler.h"

/* Two tags: 0 "pressure" of priority 0, 1 "alarm" of priority 5. The same for every call with one `variant`,
 * whose number is part of the names. */
struct catalog *sample_catalog(int variant);

#define SAMPLE_TIME_US INT64_C(1700000000000000)

/* A good reading of `tag`; its value and times follow from `index`. */
struct reading sample_reading(uint32_t tag, uint32_t index);

/* Whether an encoded batch decodes to the sample readings of `tag` from `first` on, `count` of them. */
bool sample_is_batch_of(const struct spool_batch *batch, const struct catalog *catalog, uint32_t tag,
                        uint32_t first, size_t count);

#endif
