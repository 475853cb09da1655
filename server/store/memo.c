#include "store/memo.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 8192 };

struct entry {
    struct entry *next;
    void *value;
    size_t size;
    uint8_t key[];
};

struct memo {
    size_t limit, cost;
    void (*forget)(void *value);
    struct entry *buckets[BUCKETS];
};

struct memo *memo_new(size_t limit, void (*forget)(void *value))
{
    struct memo *memo = calloc(1, sizeof *memo);
    if (memo) {
        memo->limit = limit;
        memo->forget = forget;
    }
    return memo;
}

void memo_clear(struct memo *memo)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        struct entry *entry;
        while ((entry = memo->buckets[i])) {
            memo->buckets[i] = entry->next;
            if (memo->forget) {
                memo->forget(entry->value);
            }
            free(entry);
        }
    }
    memo->cost = 0;
}

bool memo_is_over(const struct memo *memo)
{
    return memo->cost > memo->limit;
}

void memo_free(struct memo *memo)
{
    if (memo) {
        memo_clear(memo);
        free(memo);
    }
}

/* FNV-1a. Keys are names and random bytes of peers that have a certificate: no defence against a flood. */
static size_t bucket_of(struct bytes key)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < key.size; i++) {
        hash = (hash ^ key.data[i]) * UINT64_C(1099511628211);
    }
    return (size_t)(hash % BUCKETS);
}

void *memo_find(const struct memo *memo, struct bytes key)
{
    for (struct entry *entry = memo->buckets[bucket_of(key)]; entry; entry = entry->next) {
        if (entry->size == key.size && memcmp(entry->key, key.data, key.size) == 0) {
            return entry->value;
        }
    }
    return NULL;
}

enum err memo_keep(struct memo *memo, struct bytes key, void *value, size_t cost)
{
    struct entry *entry = malloc(sizeof *entry + key.size);
    if (!entry) {
        return ERR_NO_MEMORY;
    }
    struct entry **bucket = &memo->buckets[bucket_of(key)];
    *entry = (struct entry){.next = *bucket, .value = value, .size = key.size};
    memcpy(entry->key, key.data, key.size);
    *bucket = entry;
    memo->cost += cost;
    return ERR_OK;
}
