/*
 * decode: takes the raw words of a tag out of the answer to a block read and says whether they are a value.
 * The words stay as read; scaling them is the business of the far end. Pure.
 */
#ifndef BOURDON_FIELD_DECODE_H
#define BOURDON_FIELD_DECODE_H

#include "base/buffer.h"
#include "field/report.h"
#include "tunnel/catalog.h"

/*
 * `data` is what was read, packed as on the wire, from address `first` on; it covers the tag. Writes
 * tag->words words (a bit as one word, 0 or 1) and what the report needs to judge them by:
 *
 *   QUALITY_BAD_VALUE   a BCD digit above 9, or a float that is no finite number
 *   QUALITY_CLAMPED     the engineering value is outside the limits of `rule`
 *   QUALITY_GOOD        else
 */
struct report_sample decode_sample(const struct catalog_tag *tag, const struct report_rule *rule,
                                   struct bytes data, uint16_t first, uint16_t *words);

/* Writes the words that the raw value of a sample stands for: as far as they matter to the tag. False where
 * the raw value is only a hash. */
bool decode_raw(const struct catalog_tag *tag, uint64_t raw, uint16_t *words);

#endif
