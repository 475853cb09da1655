#include "truth/verdict.h"

#include <stdlib.h>
#include <string.h>

/* A reading as far as order and doubles need it. */
struct record {
    uint64_t key; /* of bridge and tag */
    const struct catalog_tag *tag;
    int64_t stream;
    uint64_t seq;
    int64_t request_us, response_us;
    size_t index; /* in which order they came: keeps sorting stable */
};

struct verdict {
    struct verdict_options options;
    uint64_t counts[VERDICT_CLASSES];
    struct record *records;
    size_t count, capacity;
    const char *unknown_link;
};

const char *verdict_class_name(enum verdict_class class)
{
    static const char *const names[VERDICT_CLASSES] = {"true",    "no_value",   "no_plc",   "corrupt",
                                                       "phantom", "duplicated", "reordered"};
    return (unsigned)class < VERDICT_CLASSES ? names[class] : "unknown";
}

struct verdict *verdict_new(const struct verdict_options *options)
{
    struct verdict *verdict = calloc(1, sizeof *verdict);
    if (verdict) {
        verdict->options = *options;
    }
    return verdict;
}

void verdict_free(struct verdict *verdict)
{
    if (verdict) {
        free(verdict->records);
        free(verdict);
    }
}

/* FNV-1a, 64 bits, over a text and its end. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    do {
        hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    } while (*text++);
    return hash;
}

static enum err remember(struct verdict *verdict, const struct stored_reading *stored)
{
    if (verdict->count == verdict->capacity) {
        size_t capacity = verdict->capacity > 0 ? 2 * verdict->capacity : 4096;
        struct record *records = realloc(verdict->records, capacity * sizeof *records);
        if (!records) {
            return ERR_NO_MEMORY;
        }
        verdict->records = records;
        verdict->capacity = capacity;
    }
    verdict->records[verdict->count] = (struct record){
        .key = hash_text(hash_text(UINT64_C(0xcbf29ce484222325), stored->bridge), stored->tag->name),
        .tag = stored->tag,
        .stream = stored->stream,
        .seq = stored->seq,
        .request_us = stored->reading->request_us,
        .response_us = stored->reading->response_us,
        .index = verdict->count,
    };
    verdict->count++;
    return ERR_OK;
}

static const struct verdict_link *find_link(const struct verdict *verdict, const char *name)
{
    for (size_t i = 0; i < verdict->options.link_count; i++) {
        if (strcmp(verdict->options.links[i].link, name) == 0) {
            return &verdict->options.links[i];
        }
    }
    return NULL;
}

/* Where the link reads; where the PLC served at one place only, that is it. */
static enum err find_endpoint(struct verdict *verdict, const char *link, size_t *endpoint)
{
    const struct verdict_link *named = find_link(verdict, link);
    if (named) {
        *endpoint = truth_file_endpoint(verdict->options.truth, named->endpoint);
        return ERR_OK;
    }
    *endpoint = 0;
    if (truth_file_endpoint_count(verdict->options.truth) <= 1) {
        return ERR_OK;
    }
    verdict->unknown_link = link;
    return ERR_NOT_FOUND;
}

static void count(struct verdict *verdict, enum verdict_class class, const struct record *record)
{
    verdict->counts[class]++;
    if (class >= VERDICT_CORRUPT) {
        verdict->options.found(verdict->options.owner, class, record->tag, record->seq, record->request_us);
    }
}

static enum verdict_class ask(struct verdict *verdict, const struct stored_reading *stored, size_t endpoint)
{
    const struct truth_question question = {
        .endpoint = endpoint,
        .unit = stored->tag->unit_id,
        .table = stored->tag->table,
        .address = stored->tag->address,
        .words = stored->reading->words,
        .count = stored->reading->word_count,
        .from_us = stored->reading->request_us,
        .to_us = stored->reading->response_us,
    };
    /* An endpoint that was named and never served anything. */
    if (endpoint == TRUTH_NO_ENDPOINT) {
        return VERDICT_PHANTOM;
    }
    switch (truth_file_ask(verdict->options.truth, &question)) {
    case TRUTH_SERVED:
        return VERDICT_TRUE;
    case TRUTH_DIFFERENT:
        return VERDICT_CORRUPT;
    case TRUTH_NEVER:
    default:
        return VERDICT_PHANTOM;
    }
}

enum err verdict_add(void *owner, const struct stored_reading *stored)
{
    struct verdict *verdict = owner;
    enum verdict_class class = VERDICT_NO_VALUE;
    enum err result = remember(verdict, stored);
    if (result != ERR_OK) {
        return result;
    }
    if (stored->tag->table == TABLE_NONE) {
        class = VERDICT_NO_PLC;
    } else if (quality_has_value(stored->reading->quality)) {
        size_t endpoint;
        result = find_endpoint(verdict, stored->tag->link, &endpoint);
        if (result != ERR_OK) {
            return result;
        }
        class = ask(verdict, stored, endpoint);
    }
    count(verdict, class, &verdict->records[verdict->count - 1]);
    return ERR_OK;
}

const char *verdict_unknown_link(const struct verdict *verdict)
{
    return verdict->unknown_link;
}

/* ---- what only the whole shows ---- */

#define ORDER(left, right) (((left) > (right)) - ((left) < (right)))

static int by_time(const void *left, const void *right)
{
    const struct record *a = left;
    const struct record *b = right;
    int order = ORDER(a->key, b->key);
    order = order != 0 ? order : ORDER(a->request_us, b->request_us);
    order = order != 0 ? order : ORDER(a->response_us, b->response_us);
    return order != 0 ? order : ORDER(a->index, b->index);
}

static int by_sequence(const void *left, const void *right)
{
    const struct record *a = left;
    const struct record *b = right;
    int order = ORDER(a->key, b->key);
    order = order != 0 ? order : ORDER(a->stream, b->stream);
    return order != 0 ? order : ORDER(a->index, b->index);
}

static void find_doubles(struct verdict *verdict)
{
    qsort(verdict->records, verdict->count, sizeof *verdict->records, by_time);
    for (size_t i = 1; i < verdict->count; i++) {
        const struct record *before = &verdict->records[i - 1];
        const struct record *record = &verdict->records[i];
        if (record->key == before->key && record->request_us == before->request_us &&
            record->response_us == before->response_us) {
            count(verdict, VERDICT_DUPLICATED, record);
        }
    }
}

static void find_reordered(struct verdict *verdict)
{
    qsort(verdict->records, verdict->count, sizeof *verdict->records, by_sequence);
    int64_t newest_us = INT64_MIN;
    for (size_t i = 0; i < verdict->count; i++) {
        const struct record *record = &verdict->records[i];
        const struct record *before = i > 0 ? record - 1 : NULL;
        if (!before || record->key != before->key || record->stream != before->stream) {
            newest_us = INT64_MIN;
        }
        if (record->request_us < newest_us) {
            count(verdict, VERDICT_REORDERED, record);
        } else {
            newest_us = record->request_us;
        }
    }
}

void verdict_finish(struct verdict *verdict)
{
    if (verdict->count > 0) {
        find_doubles(verdict);
        find_reordered(verdict);
    }
}

uint64_t verdict_count(const struct verdict *verdict, enum verdict_class class)
{
    return verdict->counts[class];
}

uint64_t verdict_readings(const struct verdict *verdict)
{
    return verdict->count;
}
