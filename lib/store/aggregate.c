#include "store/aggregate.h"

#include "base/array.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

struct series {
    char *bridge, *tag, *unit;
};

struct bucket {
    uint32_t series;
    int64_t number; /* time / every */
    uint64_t count, without;
    double sum, min, max, last;
    int64_t last_us;
};

/* Open addressing: index + 1 into an array, 0 = free. The capacity is a power of two, at least twice full. */
struct places {
    uint32_t *items;
    size_t capacity;
};

struct aggregate {
    int64_t every_us;
    size_t limit;
    struct series *series;
    size_t series_count, series_capacity;
    struct places series_places;
    struct bucket *buckets;
    size_t count, capacity;
    struct places places;
    uint32_t newest_series; /* of the point before: the next one mostly has the same */
};

static const char *const kind_names[AGGREGATE_KINDS] = {"mean", "min", "max", "last"};

bool aggregate_kind_parse(const char *text, enum aggregate_kind *kind)
{
    for (size_t i = 0; i < ARRAY_LENGTH(kind_names); i++) {
        if (strcmp(text, kind_names[i]) == 0) {
            *kind = (enum aggregate_kind)i;
            return true;
        }
    }
    return false;
}

const char *aggregate_kind_name(enum aggregate_kind kind)
{
    return kind_names[kind];
}

struct aggregate *aggregate_new(int64_t every_us, size_t limit)
{
    struct aggregate *aggregate = calloc(1, sizeof *aggregate);
    if (aggregate) {
        aggregate->every_us = every_us;
        aggregate->limit = limit < AGGREGATE_BUCKETS_MAX ? limit : AGGREGATE_BUCKETS_MAX;
    }
    return aggregate;
}

void aggregate_free(struct aggregate *aggregate)
{
    if (!aggregate) {
        return;
    }
    for (size_t i = 0; i < aggregate->series_count; i++) {
        free(aggregate->series[i].bridge);
        free(aggregate->series[i].tag);
        free(aggregate->series[i].unit);
    }
    free(aggregate->series);
    free(aggregate->series_places.items);
    free(aggregate->buckets);
    free(aggregate->places.items);
    free(aggregate);
}

/* ---- hashing ---- */

static uint64_t mix(uint64_t hash)
{
    hash = (hash ^ (hash >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    return hash ^ (hash >> 33);
}

static uint64_t hash_bucket(uint32_t series, int64_t number)
{
    return mix(mix((uint64_t)number) + series);
}

static uint64_t hash_names(const char *bridge, const char *tag)
{
    uint64_t hash = UINT64_C(14695981039346656037); // FNV-1a
    for (const char *at = bridge; *at; at++) {
        hash = (hash ^ (uint8_t)*at) * UINT64_C(1099511628211);
    }
    hash *= UINT64_C(1099511628211);
    for (const char *at = tag; *at; at++) {
        hash = (hash ^ (uint8_t)*at) * UINT64_C(1099511628211);
    }
    return mix(hash);
}

/* The free place where an item of this hash goes. */
static void put_place(struct places *places, uint64_t hash, size_t index)
{
    size_t at = hash & (places->capacity - 1);
    while (places->items[at] != 0) {
        at = (at + 1) & (places->capacity - 1);
    }
    places->items[at] = (uint32_t)index + 1;
}

/* Grows an array to hold one more, and returns whether its places must be made anew. */
static enum err grow(void **array, size_t *capacity, size_t count, size_t size, struct places *places,
                     bool *moved)
{
    *moved = count == *capacity;
    if (!*moved) {
        return ERR_OK;
    }
    size_t wanted = *capacity > 0 ? *capacity * 2 : FIRST_CAPACITY;
    void *grown = realloc(*array, wanted * size);
    if (!grown) {
        return ERR_NO_MEMORY;
    }
    *array = grown;
    uint32_t *items = calloc(wanted * 2, sizeof *items);
    if (!items) {
        return ERR_NO_MEMORY;
    }
    free(places->items);
    *places = (struct places){.items = items, .capacity = wanted * 2};
    *capacity = wanted;
    return ERR_OK;
}

/* ---- series ---- */

static bool is_series(const struct series *series, const struct aggregate_point *point)
{
    return strcmp(series->tag, point->tag) == 0 && strcmp(series->bridge, point->bridge) == 0;
}

static enum err make_series(struct aggregate *aggregate, const struct aggregate_point *point, uint64_t hash,
                            uint32_t *index)
{
    bool moved;
    void *array = aggregate->series;
    if (aggregate->series_count == AGGREGATE_SERIES_MAX) {
        return ERR_LIMIT;
    }
    enum err result = grow(&array, &aggregate->series_capacity, aggregate->series_count,
                           sizeof(struct series), &aggregate->series_places, &moved);
    aggregate->series = array;
    if (result != ERR_OK) {
        return result;
    }
    for (size_t i = 0; moved && i < aggregate->series_count; i++) {
        put_place(&aggregate->series_places,
                  hash_names(aggregate->series[i].bridge, aggregate->series[i].tag), i);
    }
    struct series series = {strdup(point->bridge), strdup(point->tag), strdup(point->unit)};
    if (!series.bridge || !series.tag || !series.unit) {
        free(series.bridge);
        free(series.tag);
        free(series.unit);
        return ERR_NO_MEMORY;
    }
    *index = (uint32_t)aggregate->series_count;
    aggregate->series[aggregate->series_count++] = series;
    put_place(&aggregate->series_places, hash, *index);
    return ERR_OK;
}

static enum err find_series(struct aggregate *aggregate, const struct aggregate_point *point, uint32_t *index)
{
    *index = aggregate->newest_series;
    if (aggregate->series_count > 0 && is_series(&aggregate->series[*index], point)) {
        return ERR_OK;
    }
    uint64_t hash = hash_names(point->bridge, point->tag);
    const struct places *places = &aggregate->series_places;
    size_t mask = places->capacity - 1;
    for (size_t at = hash & mask; places->capacity > 0 && places->items[at] != 0; at = (at + 1) & mask) {
        *index = places->items[at] - 1;
        if (is_series(&aggregate->series[*index], point)) {
            return ERR_OK;
        }
    }
    return make_series(aggregate, point, hash, index);
}

/* ---- buckets ---- */

static enum err make_bucket(struct aggregate *aggregate, uint32_t series, int64_t number,
                            struct bucket **bucket)
{
    bool moved;
    void *array = aggregate->buckets;
    if (aggregate->count == aggregate->limit) {
        return ERR_LIMIT;
    }
    enum err result =
        grow(&array, &aggregate->capacity, aggregate->count, sizeof **bucket, &aggregate->places, &moved);
    aggregate->buckets = array;
    if (result != ERR_OK) {
        return result;
    }
    for (size_t i = 0; moved && i < aggregate->count; i++) {
        put_place(&aggregate->places, hash_bucket(aggregate->buckets[i].series, aggregate->buckets[i].number),
                  i);
    }
    put_place(&aggregate->places, hash_bucket(series, number), aggregate->count);
    *bucket = &aggregate->buckets[aggregate->count++];
    **bucket = (struct bucket){.series = series, .number = number};
    return ERR_OK;
}

static enum err find_bucket(struct aggregate *aggregate, uint32_t series, int64_t number,
                            struct bucket **bucket)
{
    const struct places *places = &aggregate->places;
    size_t mask = places->capacity - 1;
    for (size_t at = hash_bucket(series, number) & mask; places->capacity > 0 && places->items[at] != 0;
         at = (at + 1) & mask) {
        *bucket = &aggregate->buckets[places->items[at] - 1];
        if ((*bucket)->series == series && (*bucket)->number == number) {
            return ERR_OK;
        }
    }
    return make_bucket(aggregate, series, number, bucket);
}

static void add_value(struct bucket *bucket, const struct aggregate_point *point)
{
    if (!isfinite(point->value)) {
        bucket->without++;
        return;
    }
    bool first = bucket->count == 0;
    bucket->count++;
    bucket->sum += point->value;
    bucket->min = first || point->value < bucket->min ? point->value : bucket->min;
    bucket->max = first || point->value > bucket->max ? point->value : bucket->max;
    if (first || point->time_us >= bucket->last_us) {
        bucket->last = point->value;
        bucket->last_us = point->time_us;
    }
}

enum err aggregate_add(struct aggregate *aggregate, const struct aggregate_point *point)
{
    uint32_t series;
    enum err result = find_series(aggregate, point, &series);
    if (result != ERR_OK) {
        return result;
    }
    struct bucket *bucket;
    aggregate->newest_series = series;
    result = find_bucket(aggregate, series, point->time_us / aggregate->every_us, &bucket);
    if (result == ERR_OK) {
        add_value(bucket, point);
    }
    return result;
}

/* ---- reading it ---- */

static int compare(const void *a, const void *b, void *owner)
{
    const struct aggregate *aggregate = owner;
    const struct bucket *left = a;
    const struct bucket *right = b;
    if (left->number != right->number) {
        return left->number < right->number ? -1 : 1;
    }
    const struct series *series = aggregate->series;
    int order = strcmp(series[left->series].bridge, series[right->series].bridge);
    return order != 0 ? order : strcmp(series[left->series].tag, series[right->series].tag);
}

void aggregate_finish(struct aggregate *aggregate)
{
    if (aggregate->count > 0) {
        qsort_r(aggregate->buckets, aggregate->count, sizeof *aggregate->buckets, compare, aggregate);
    }
}

size_t aggregate_count(const struct aggregate *aggregate)
{
    return aggregate->count;
}

struct aggregate_row aggregate_get(const struct aggregate *aggregate, size_t index)
{
    const struct bucket *bucket = &aggregate->buckets[index];
    const struct series *series = &aggregate->series[bucket->series];
    bool any = bucket->count > 0;
    return (struct aggregate_row){
        .bridge = series->bridge,
        .tag = series->tag,
        .unit = series->unit,
        .start_us = bucket->number * aggregate->every_us,
        .count = bucket->count,
        .without = bucket->without,
        .values = {[AGGREGATE_MEAN] = any ? bucket->sum / (double)bucket->count : NAN,
                   [AGGREGATE_MIN] = any ? bucket->min : NAN,
                   [AGGREGATE_MAX] = any ? bucket->max : NAN,
                   [AGGREGATE_LAST] = any ? bucket->last : NAN},
    };
}
