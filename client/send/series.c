#include "send/series.h"

#include "tunnel/batch_builder.h"
#include "tunnel/text.h"

#include <stdlib.h>
#include <string.h>

/* Whole numbers up to this are exact in a double. */
#define EXACT_MAX (INT64_C(1) << 53)

/* What was seen of a tag's values, as bits. */
enum {
    SEEN_BOOL = 1,
    SEEN_TEXT = 2,
    SEEN_WHOLE = 4,
    SEEN_NEGATIVE = 8,
    SEEN_ABOVE_INT64 = 16,
    SEEN_FRACTION = 32,
    SEEN_INEXACT = 64, /* a whole number that a double cannot hold */
    SEEN_NUMBER = SEEN_WHOLE | SEEN_FRACTION,
};

struct tag {
    char *name;
    char *unit;
    unsigned seen;
    size_t text_size; /* of the longest text */
    uint32_t index;   /* in the catalog */
};

struct kept {
    int64_t time_us;
    uint32_t order; /* how many came before it */
    uint16_t tag;
    uint8_t quality;
    uint8_t form; /* enum value_form */
    union {
        int64_t i64;
        uint64_t u64;
        double f64;
        char *text;
    } as;
};
_Static_assert(SERIES_TAGS_MAX <= UINT16_MAX, "a tag fits kept.tag");

struct series {
    struct tag *tags; /* in the order in which they came */
    uint16_t *sorted; /* their numbers by name */
    size_t tag_count;
    struct kept *kept;
    size_t count, capacity;
    size_t untimed; /* readings without a time of their own */
};

struct series *series_new(void)
{
    struct series *series = calloc(1, sizeof *series);
    if (!series) {
        return NULL;
    }
    series->tags = calloc(SERIES_TAGS_MAX, sizeof *series->tags);
    series->sorted = calloc(SERIES_TAGS_MAX, sizeof *series->sorted);
    if (!series->tags || !series->sorted) {
        series_free(series);
        return NULL;
    }
    return series;
}

void series_free(struct series *series)
{
    if (!series) {
        return;
    }
    for (size_t i = 0; i < series->count; i++) {
        if (series->kept[i].form == VALUE_FORM_TEXT) {
            free(series->kept[i].as.text);
        }
    }
    for (size_t i = 0; i < series->tag_count; i++) {
        free(series->tags[i].name);
        free(series->tags[i].unit);
    }
    free(series->kept);
    free(series->tags);
    free(series->sorted);
    free(series);
}

size_t series_count(const struct series *series)
{
    return series->count;
}

bool series_is_timed(const struct series *series)
{
    return series->untimed == 0;
}

/* ---- tags ---- */

/* The place of a name in `sorted`, or where it belongs. */
static size_t find_place(const struct series *series, const char *name)
{
    size_t low = 0;
    size_t high = series->tag_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(series->tags[series->sorted[middle]].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static enum err check_text(const char *what, const char *text, size_t min, size_t max, struct err_text *why)
{
    size_t size = strlen(text);
    if (size < min || size > max) {
        return err_set(why, ERR_MALFORMED, "%s of %zu bytes; it has %zu to %zu", what, size, min, max);
    }
    return text_is_printable(text, size)
               ? ERR_OK
               : err_set(why, ERR_MALFORMED, "%s that is not printable UTF-8", what);
}

static enum err add_tag(struct series *series, const struct item *item, size_t place, struct err_text *why)
{
    if (series->tag_count == SERIES_TAGS_MAX) {
        return err_set(why, ERR_LIMIT, "more than %d tags", SERIES_TAGS_MAX);
    }
    enum err result = check_text("a tag's name", item->tag, 1, CATALOG_NAME_MAX, why);
    if (result == ERR_OK) {
        result = check_text("a unit", item->unit, 0, CATALOG_UNIT_MAX, why);
    }
    if (result != ERR_OK) {
        return result;
    }
    struct tag *tag = &series->tags[series->tag_count];
    *tag = (struct tag){.name = strdup(item->tag), .unit = strdup(item->unit)};
    if (!tag->name || !tag->unit) {
        free(tag->name);
        free(tag->unit);
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    memmove(&series->sorted[place + 1], &series->sorted[place],
            (series->tag_count - place) * sizeof *series->sorted);
    series->sorted[place] = (uint16_t)series->tag_count++;
    return ERR_OK;
}

/* The tag of an item, new or known; a unit that is not given is the one it had. */
static enum err find_tag(struct series *series, const struct item *item, uint16_t *number,
                         struct err_text *why)
{
    size_t place = find_place(series, item->tag);
    bool known =
        place < series->tag_count && strcmp(series->tags[series->sorted[place]].name, item->tag) == 0;
    enum err result = known ? ERR_OK : add_tag(series, item, place, why);
    if (result != ERR_OK) {
        return result;
    }
    *number = series->sorted[place];
    struct tag *tag = &series->tags[*number];
    if (item->unit[0] && strcmp(item->unit, tag->unit) != 0) {
        return err_set(why, ERR_MALFORMED, "%s has the unit \"%s\" here and \"%s\" before", item->tag,
                       item->unit, tag->unit);
    }
    return ERR_OK;
}

static unsigned kind_of(const struct value *value)
{
    switch (value->form) {
    case VALUE_FORM_BOOL:
        return SEEN_BOOL;
    case VALUE_FORM_TEXT:
        return SEEN_TEXT;
    case VALUE_FORM_INT:
        return SEEN_WHOLE | (value->as.i64 < 0 ? SEEN_NEGATIVE : 0U) |
               (value->as.i64 > EXACT_MAX || value->as.i64 < -EXACT_MAX ? SEEN_INEXACT : 0U);
    case VALUE_FORM_UINT:
        return SEEN_WHOLE | SEEN_ABOVE_INT64 | SEEN_INEXACT;
    case VALUE_FORM_FLOAT:
        return SEEN_FRACTION;
    case VALUE_FORM_NONE:
    default:
        return 0;
    }
}

/* Whether one type holds all that was seen, exactly. */
static bool agree(unsigned seen)
{
    bool mixed = (seen & SEEN_BOOL && seen & ~(unsigned)SEEN_BOOL) ||
                 (seen & SEEN_TEXT && seen & ~(unsigned)SEEN_TEXT);
    bool too_wide = seen & SEEN_NEGATIVE && seen & SEEN_ABOVE_INT64;
    return !mixed && !too_wide && !(seen & SEEN_FRACTION && seen & SEEN_INEXACT);
}

static enum value_type type_of(unsigned seen)
{
    if (seen & SEEN_BOOL) {
        return VALUE_BOOL;
    }
    if (seen & SEEN_TEXT) {
        return VALUE_STRING;
    }
    if (seen & SEEN_FRACTION || !(seen & SEEN_NUMBER)) {
        return VALUE_FLOAT64;
    }
    return seen & SEEN_ABOVE_INT64 ? VALUE_UINT64 : VALUE_INT64;
}

/* ---- readings ---- */

static enum err check_item(const struct item *item, struct err_text *why)
{
    if (item->time_us < 0 || item->time_us > BATCH_TIME_MAX_US) {
        return err_set(why, ERR_MALFORMED, "a time that is not in the years 1970 to 9999");
    }
    bool has_value = item->value.form != VALUE_FORM_NONE;
    if (has_value != quality_has_value(item->quality)) {
        return err_set(why, ERR_MALFORMED, has_value ? "quality %s and a value" : "quality %s and no value",
                       quality_token(item->quality));
    }
    return ERR_OK;
}

static enum err keep_value(const struct value *value, struct kept *kept)
{
    kept->form = (uint8_t)value->form;
    if (value->form == VALUE_FORM_TEXT) {
        kept->as.text = strdup(value->as.text);
        return kept->as.text ? ERR_OK : ERR_NO_MEMORY;
    }
    if (value->form == VALUE_FORM_BOOL) {
        kept->as.u64 = value->as.flag;
    } else {
        kept->as.u64 = value->as.u64; /* any number: the bits */
    }
    return ERR_OK;
}

static enum err keep(struct series *series, const struct item *item, uint16_t tag, struct err_text *why)
{
    if (series->count == SERIES_READINGS_MAX) {
        return err_set(why, ERR_LIMIT, "more than %d readings: send them in parts", SERIES_READINGS_MAX);
    }
    if (series->count == series->capacity) {
        size_t capacity = series->capacity > 0 ? 2 * series->capacity : 1024;
        struct kept *kept = realloc(series->kept, capacity * sizeof *kept);
        if (!kept) {
            return err_set(why, ERR_NO_MEMORY, "out of memory");
        }
        series->kept = kept;
        series->capacity = capacity;
    }
    struct kept *kept = &series->kept[series->count];
    *kept = (struct kept){.time_us = item->time_us,
                          .order = (uint32_t)series->count,
                          .tag = tag,
                          .quality = (uint8_t)item->quality};
    if (keep_value(&item->value, kept) != ERR_OK) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    series->count++;
    series->untimed += item->time_us == 0;
    return ERR_OK;
}

enum err series_add(struct series *series, const struct item *item, struct err_text *why)
{
    uint16_t number;
    enum err result = check_item(item, why);
    if (result == ERR_OK) {
        result = find_tag(series, item, &number, why);
    }
    if (result != ERR_OK) {
        return result;
    }
    struct tag *tag = &series->tags[number];
    unsigned seen = tag->seen | kind_of(&item->value);
    if (!agree(seen)) {
        return err_set(why, ERR_MALFORMED, "%s has values of a kind here that do not go with those before",
                       tag->name);
    }
    result = keep(series, item, number, why);
    if (result != ERR_OK) {
        return result;
    }
    tag->seen = seen;
    size_t text_size = item->value.form == VALUE_FORM_TEXT ? strlen(item->value.as.text) : 0;
    tag->text_size = text_size > tag->text_size ? text_size : tag->text_size;
    return ERR_OK;
}

/* ---- the catalog ---- */

static int by_time(const void *left, const void *right)
{
    const struct kept *a = left;
    const struct kept *b = right;
    int order = (a->time_us > b->time_us) - (a->time_us < b->time_us);
    return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

static void settle_times(struct series *series, const struct series_run *run)
{
    for (size_t i = 0; i < series->count; i++) {
        struct kept *kept = &series->kept[i];
        if (kept->time_us != 0) {
            continue;
        }
        kept->time_us = run->now_us;
        if (kept->quality == QUALITY_GOOD && !run->synchronised) {
            kept->quality = QUALITY_UNCERTAIN_CLOCK;
        }
    }
    if (series->count > 0) {
        qsort(series->kept, series->count, sizeof *series->kept, by_time);
    }
}

static struct catalog_tag describe(const struct tag *tag)
{
    struct catalog_tag described = {
        .name = tag->name, .unit = tag->unit, .link = "", .type = type_of(tag->seen), .scale = 1};
    size_t text_words = (tag->text_size + 1) / 2;
    uint8_t words = value_type_words(described.type);
    described.words = words > 0 ? words : (uint8_t)(text_words > 0 ? text_words : 1);
    return described;
}

enum err series_catalog(struct series *series, const struct series_run *run, struct catalog **catalog,
                        struct err_text *why)
{
    settle_times(series, run);
    struct catalog_tag *tags = calloc(series->tag_count + 1, sizeof *tags);
    if (!tags) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; i < series->tag_count; i++) {
        struct tag *tag = &series->tags[series->sorted[i]];
        tag->index = (uint32_t)i;
        tags[i] = describe(tag);
    }
    enum err result = catalog_new(tags, series->tag_count, catalog, why);
    free(tags);
    return result;
}

/* ---- batches ---- */

static struct value value_of(const struct kept *kept, enum value_type type)
{
    struct value value = {.form = (enum value_form)kept->form};
    if (value.form == VALUE_FORM_TEXT) {
        memcpy(value.as.text, kept->as.text, strlen(kept->as.text) + 1);
    } else if (value.form == VALUE_FORM_BOOL) {
        value.as.flag = kept->as.u64 != 0;
    } else if (type == VALUE_FLOAT64 && value.form == VALUE_FORM_INT) {
        value.form = VALUE_FORM_FLOAT;
        value.as.f64 = (double)kept->as.i64;
    } else {
        value.as.u64 = kept->as.u64;
    }
    return value;
}

static enum err make_reading(const struct series *series, const struct kept *kept,
                             const struct catalog *catalog, struct reading *reading)
{
    uint32_t index = series->tags[kept->tag].index;
    const struct catalog_tag *tag = catalog_tag(catalog, index);
    *reading = (struct reading){.tag = index,
                                .quality = (enum quality)kept->quality,
                                .request_us = kept->time_us,
                                .response_us = kept->time_us};
    if (kept->form == VALUE_FORM_NONE) {
        return ERR_OK;
    }
    reading->word_count = tag->words;
    struct value value = value_of(kept, tag->type);
    return value_encode(tag, &value, reading->words);
}

/* What makes one batch after the other. */
struct maker {
    struct batch_builder *builder;
    struct batch_identity identity; /* of the next one */
    struct buffer encoded;
    enum err (*each)(void *owner, const struct batch_view *view);
    void *owner;
};

static enum err finish_batch(struct maker *maker, struct err_text *why)
{
    struct batch_view view;
    buffer_clear(&maker->encoded);
    enum err result = batch_builder_finish(maker->builder, &maker->identity, &maker->encoded);
    if (result == ERR_OK) {
        result = batch_open(buffer_bytes(&maker->encoded), &view, why);
    }
    if (result != ERR_OK) {
        return err_set(why, result, "batch %llu: %s", (unsigned long long)maker->identity.sequence,
                       err_name(result));
    }
    maker->identity.sequence++;
    return maker->each(maker->owner, &view);
}

static enum err add_reading(struct maker *maker, const struct reading *reading, size_t max_readings,
                            struct err_text *why)
{
    enum err result = batch_builder_add(maker->builder, reading);
    if (result == ERR_LIMIT) { /* full by bytes before it is full by count */
        result = finish_batch(maker, why);
        if (result == ERR_OK) {
            result = batch_builder_add(maker->builder, reading);
        }
    }
    if (result != ERR_OK) {
        return err_set(why, result, "a reading cannot be encoded: %s", err_name(result));
    }
    return batch_builder_count(maker->builder) >= max_readings ? finish_batch(maker, why) : ERR_OK;
}

enum err series_batches(const struct series *series, const struct series_run *run,
                        const struct catalog *catalog,
                        enum err (*each)(void *owner, const struct batch_view *view), void *owner,
                        struct err_text *why)
{
    struct maker maker = {.builder = batch_builder_new(catalog),
                          .identity = {.sequence = run->first_sequence},
                          .each = each,
                          .owner = owner};
    if (!maker.builder) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    memcpy(maker.identity.epoch, run->epoch, sizeof maker.identity.epoch);
    buffer_init(&maker.encoded, BATCH_SIZE_MAX);
    enum err result = ERR_OK;
    for (size_t i = 0; i < series->count && result == ERR_OK; i++) {
        struct reading reading;
        result = make_reading(series, &series->kept[i], catalog, &reading);
        if (result == ERR_OK) {
            result = add_reading(&maker, &reading, run->max_readings, why);
        }
    }
    if (result == ERR_OK && batch_builder_count(maker.builder) > 0) {
        result = finish_batch(&maker, why);
    }
    buffer_fini(&maker.encoded);
    batch_builder_free(maker.builder);
    return result;
}
