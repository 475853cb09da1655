#include "support/sample.h"

#include <stdio.h>
#include <stdlib.h>

/* splitmix64, from its public description. */
uint64_t sample_next(struct sample *sample)
{
    sample->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = sample->state;
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

struct sample sample_seed(uint64_t seed)
{
    return (struct sample){.state = seed};
}

uint64_t sample_below(struct sample *sample, uint64_t end)
{
    return sample_next(sample) % end;
}

enum { NAME_SPACE = 40 };

static struct catalog_tag random_tag(struct sample *sample, const char *name)
{
    static const char *const units[] = {"bar", "kPa", "", "Cel"};
    static const char *const links[] = {"boiler-plc", "pump-plc"};
    enum value_type type = (enum value_type)(VALUE_BOOL + sample_below(sample, VALUE_STRING));
    struct catalog_tag tag = {
        .name = name, .unit = units[sample_below(sample, 4)], .link = "", .type = type, .scale = 1};
    enum table lowest = type == VALUE_BOOL ? TABLE_NONE : TABLE_INPUT;
    tag.table = (enum table)(lowest + sample_below(sample, TABLE_HOLDING + 1U - lowest));
    tag.words = type == VALUE_STRING ? (uint8_t)(1 + sample_below(sample, 16)) : value_type_words(type);
    tag.order = (uint8_t)sample_below(sample, 4);
    if (tag.table != TABLE_NONE) {
        tag.link = links[sample_below(sample, 2)];
        tag.unit_id = (uint8_t)sample_next(sample);
        tag.address = (uint16_t)sample_below(sample, 60000);
    }
    if (tag.table >= TABLE_INPUT && type == VALUE_BOOL) {
        tag.bit = (uint8_t)sample_below(sample, 16);
    }
    return tag;
}

static struct catalog *finish(struct catalog_tag *tags, char *names, size_t count)
{
    struct catalog *catalog;
    struct err_text why = {""};
    if (catalog_new(tags, count, &catalog, &why) != ERR_OK) {
        fprintf(stderr, "sample catalog: %s\n", why.text);
        abort();
    }
    free(tags);
    free(names);
    return catalog;
}

struct catalog *sample_catalog(struct sample *sample, size_t count)
{
    struct catalog_tag *tags = calloc(count, sizeof *tags);
    char *names = calloc(count, NAME_SPACE);
    for (size_t i = 0; i < count; i++) {
        char *name = names + i * NAME_SPACE;
        snprintf(name, NAME_SPACE, "tag-%zu", i);
        tags[i] = random_tag(sample, name);
    }
    return finish(tags, names, count);
}

struct catalog *sample_registers(enum value_type type, size_t count)
{
    struct catalog_tag *tags = calloc(count, sizeof *tags);
    char *names = calloc(count, NAME_SPACE);
    for (size_t i = 0; i < count; i++) {
        char *name = names + i * NAME_SPACE;
        snprintf(name, NAME_SPACE, "vessel-%zu/pressure", i);
        tags[i] = (struct catalog_tag){.name = name,
                                       .unit = "bar",
                                       .link = "plc",
                                       .unit_id = 1,
                                       .table = TABLE_HOLDING,
                                       .address = (uint16_t)(i % 30000 * 2),
                                       .type = type,
                                       .words = value_type_words(type),
                                       .scale = 0.1};
    }
    return finish(tags, names, count);
}

static enum quality random_quality(struct sample *sample)
{
    static const enum quality rare[] = {QUALITY_UNCERTAIN_CLOCK, QUALITY_CLAMPED, QUALITY_BAD_TIMEOUT,
                                        (enum quality)(QUALITY_BAD_EXCEPTION + 2)};
    uint64_t draw = sample_below(sample, 40);
    return draw < sizeof rare / sizeof rare[0] ? rare[draw] : QUALITY_GOOD;
}

struct reading sample_reading(struct sample *sample, const struct catalog *catalog, uint32_t tag)
{
    const struct catalog_tag *described = catalog_tag(catalog, tag);
    bool is_bit = described->type == VALUE_BOOL && described->table < TABLE_INPUT;
    struct reading reading = {.tag = tag, .quality = random_quality(sample)};
    reading.word_count = quality_has_value(reading.quality) ? described->words : 0;
    for (size_t i = 0; i < reading.word_count; i++) {
        reading.words[i] = (uint16_t)(sample_next(sample) & (is_bit ? 1 : UINT16_MAX));
    }
    return reading;
}
