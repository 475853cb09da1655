#include "spool/batcher.h"

#include <stdlib.h>

enum { PRIORITIES = 256 };

struct class
{
    struct batch_builder *builder;
    uint8_t priority;
    bool full;         /* the builder refused a reading */
    int64_t oldest_us; /* when its first reading was added */
    int64_t first_request_us;
};

struct batcher {
    const struct catalog *catalog;
    struct batcher_limits limits;
    size_t class_count;
    struct class classes[BATCHER_CLASSES_MAX];
    uint8_t class_of[PRIORITIES];
};

static void assign_classes(struct batcher *batcher)
{
    bool used[PRIORITIES] = {false};
    for (size_t i = 0; i < catalog_count(batcher->catalog); i++) {
        used[catalog_tag(batcher->catalog, i)->priority] = true;
    }
    for (size_t priority = 0; priority < PRIORITIES; priority++) {
        if (used[priority] && batcher->class_count < BATCHER_CLASSES_MAX) {
            batcher->classes[batcher->class_count++].priority = (uint8_t)priority;
        }
        batcher->class_of[priority] = (uint8_t)(batcher->class_count > 0 ? batcher->class_count - 1 : 0);
    }
}

struct batcher *batcher_new(const struct catalog *catalog, const struct batcher_limits *limits)
{
    struct batcher *batcher = calloc(1, sizeof *batcher);
    if (!batcher) {
        return NULL;
    }
    batcher->catalog = catalog;
    batcher->limits = *limits;
    assign_classes(batcher);
    for (size_t i = 0; i < batcher->class_count; i++) {
        batcher->classes[i].builder = batch_builder_new(catalog);
        if (!batcher->classes[i].builder) {
            batcher_free(batcher);
            return NULL;
        }
    }
    return batcher;
}

void batcher_free(struct batcher *batcher)
{
    if (!batcher) {
        return;
    }
    for (size_t i = 0; i < batcher->class_count; i++) {
        batch_builder_free(batcher->classes[i].builder);
    }
    free(batcher);
}

static bool is_full(const struct batcher *batcher, const struct class *class)
{
    return class->full || batch_builder_count(class->builder) >= batcher->limits.max_readings;
}

enum err batcher_add(struct batcher *batcher, const struct reading *reading, int64_t now_us)
{
    if (reading->tag >= catalog_count(batcher->catalog)) {
        return ERR_MALFORMED;
    }
    uint8_t priority = catalog_tag(batcher->catalog, reading->tag)->priority;
    struct class *class = &batcher->classes[batcher->class_of[priority]];
    if (is_full(batcher, class)) {
        return ERR_BUSY;
    }
    bool first = batch_builder_count(class->builder) == 0;
    enum err result = batch_builder_add(class->builder, reading);
    if (result == ERR_LIMIT && !first) {
        class->full = true;
        return ERR_BUSY;
    }
    if (result == ERR_OK && first) {
        class->oldest_us = now_us;
    }
    if (result == ERR_OK && (first || reading->request_us < class->first_request_us)) {
        class->first_request_us = reading->request_us;
    }
    return result;
}

static int64_t class_deadline_us(const struct batcher *batcher, const struct class *class)
{
    if (batch_builder_count(class->builder) == 0) {
        return INT64_MAX;
    }
    return is_full(batcher, class) ? INT64_MIN : class->oldest_us + batcher->limits.max_age_us;
}

size_t batcher_due(const struct batcher *batcher, int64_t now_us)
{
    for (size_t i = 0; i < batcher->class_count; i++) {
        if (batch_builder_count(batcher->classes[i].builder) > 0 &&
            class_deadline_us(batcher, &batcher->classes[i]) <= now_us) {
            return i;
        }
    }
    return BATCHER_NOTHING;
}

int64_t batcher_deadline_us(const struct batcher *batcher)
{
    int64_t earliest = INT64_MAX;
    for (size_t i = 0; i < batcher->class_count; i++) {
        int64_t deadline = class_deadline_us(batcher, &batcher->classes[i]);
        earliest = deadline < earliest ? deadline : earliest;
    }
    return earliest;
}

int64_t batcher_first_request_us(const struct batcher *batcher)
{
    int64_t first_us = INT64_MAX;
    for (size_t i = 0; i < batcher->class_count; i++) {
        const struct class *class = &batcher->classes[i];
        if (batch_builder_count(class->builder) > 0 && class->first_request_us < first_us) {
            first_us = class->first_request_us;
        }
    }
    return first_us;
}

uint8_t batcher_priority(const struct batcher *batcher, size_t class)
{
    return batcher->classes[class].priority;
}

enum err batcher_take(struct batcher *batcher, size_t class, const struct batch_identity *identity,
                      struct buffer *out)
{
    enum err result = batch_builder_finish(batcher->classes[class].builder, identity, out);
    if (result == ERR_OK) {
        batcher->classes[class].full = false;
    }
    return result;
}
