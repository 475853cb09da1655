#include "field/decode.h"

#include "field/plan.h"
#include "modbus/pdu.h"
#include "tunnel/value.h"

static void take_words(const struct catalog_tag *tag, struct bytes data, uint16_t first, uint16_t *words)
{
    size_t offset = (size_t)(tag->address - first);
    if (plan_table_is_bits(tag->table)) {
        words[0] = pdu_bit(data, offset) ? 1 : 0;
        return;
    }
    for (size_t i = 0; i < tag->words; i++) {
        words[i] = pdu_register(data, offset + i);
    }
}

static bool is_bcd(uint16_t word)
{
    /* Adding 6 to a digit above 9 carries into the next one. */
    return ((((uint32_t)word + 0x6666U) ^ word ^ 0x6666U) & 0x11110U) == 0;
}

/* Exponent all ones: infinity or not a number, IEEE 754. */
static bool is_finite(const struct catalog_tag *tag, const uint16_t *words)
{
    uint64_t bits = value_join_words(tag->order, words, tag->words);
    if (tag->type == VALUE_FLOAT32) {
        return (bits & 0x7f800000U) != 0x7f800000U;
    }
    return (bits & UINT64_C(0x7ff0000000000000)) != UINT64_C(0x7ff0000000000000);
}

static bool is_value(const struct catalog_tag *tag, const uint16_t *words)
{
    switch (tag->type) {
    case VALUE_BCD16:
        return is_bcd(words[0]);
    case VALUE_BCD32:
        return is_bcd(words[0]) && is_bcd(words[1]);
    case VALUE_FLOAT32:
    case VALUE_FLOAT64:
        return is_finite(tag, words);
    case VALUE_BOOL:
    case VALUE_INT16:
    case VALUE_UINT16:
    case VALUE_INT32:
    case VALUE_UINT32:
    case VALUE_INT64:
    case VALUE_UINT64:
    case VALUE_STRING:
        return true;
    }
    return false;
}

enum { RAW_WORDS_MAX = 4 };

static bool is_register_bit(const struct catalog_tag *tag)
{
    return tag->type == VALUE_BOOL && !plan_table_is_bits(tag->table);
}

/* The words where they fit in 64 bits, else a hash of them (FNV-1a by words). */
static uint64_t raw_of(const struct catalog_tag *tag, const uint16_t *words)
{
    if (is_register_bit(tag)) {
        return (words[0] >> tag->bit) & 1U;
    }
    bool fits = tag->words <= RAW_WORDS_MAX;
    uint64_t raw = fits ? 0 : UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < tag->words; i++) {
        raw = fits ? raw << 16 | words[i] : (raw ^ words[i]) * UINT64_C(0x100000001b3);
    }
    return raw;
}

bool decode_raw(const struct catalog_tag *tag, uint64_t raw, uint16_t *words)
{
    if (is_register_bit(tag)) {
        words[0] = (uint16_t)(raw << tag->bit);
        return true;
    }
    for (size_t i = tag->words; i > 0 && tag->words <= RAW_WORDS_MAX; i--) {
        words[i - 1] = (uint16_t)raw;
        raw >>= 16;
    }
    return tag->words <= RAW_WORDS_MAX;
}

/* What only tags with limits or a deadband need: the engineering value. */
static void judge(const struct catalog_tag *tag, const struct report_rule *rule, const uint16_t *words,
                  struct report_sample *sample)
{
    struct value value;
    if (value_decode(tag, words, tag->words, &value) != ERR_OK) {
        sample->quality = QUALITY_BAD_VALUE;
        return;
    }
    sample->number = value_number(&value);
    if (rule->bounded && !(sample->number >= rule->low && sample->number <= rule->high)) {
        sample->quality = QUALITY_CLAMPED;
    }
}

struct report_sample decode_sample(const struct catalog_tag *tag, const struct report_rule *rule,
                                   struct bytes data, uint16_t first, uint16_t *words)
{
    struct report_sample sample = {.quality = QUALITY_GOOD};
    take_words(tag, data, first, words);
    if (!is_value(tag, words)) {
        sample.quality = QUALITY_BAD_VALUE;
        return sample;
    }
    sample.raw = raw_of(tag, words);
    if (rule && (rule->bounded || rule->deadband > 0)) {
        judge(tag, rule, words, &sample);
    }
    return sample;
}
