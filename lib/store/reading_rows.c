#include "store/reading_rows.h"

#include <stdlib.h>
#include <string.h>

/* A kept reading; its words begin where those of the one before end. */
struct entry {
    int64_t request_us, response_us;
    uint32_t tag;
    uint32_t words_end;
    uint8_t quality;
};

struct reading_rows {
    struct batch_decoder *decoder;
    struct buffer entries;               /* of struct entry */
    struct buffer words;                 /* of uint16_t */
    const struct reading_filter *filter; /* while loading */
};

struct reading_rows *reading_rows_new(void)
{
    struct reading_rows *rows = calloc(1, sizeof *rows);
    if (!rows) {
        return NULL;
    }
    buffer_init(&rows->entries, BATCH_READINGS_MAX * sizeof(struct entry));
    buffer_init(&rows->words, (size_t)BATCH_READINGS_MAX * READING_WORDS_MAX * sizeof(uint16_t));
    rows->decoder = batch_decoder_new();
    if (!rows->decoder) {
        free(rows);
        return NULL;
    }
    return rows;
}

void reading_rows_free(struct reading_rows *rows)
{
    if (!rows) {
        return;
    }
    batch_decoder_free(rows->decoder);
    buffer_fini(&rows->entries);
    buffer_fini(&rows->words);
    free(rows);
}

static bool wanted(const struct reading_filter *filter, const struct reading *reading)
{
    return reading->response_us >= filter->from_us && reading->response_us <= filter->to_us &&
           (!filter->one_tag || reading->tag == filter->tag);
}

static enum err keep(void *owner, const struct reading *reading)
{
    struct reading_rows *rows = owner;
    if (!wanted(rows->filter, reading)) {
        return ERR_OK;
    }
    enum err result = buffer_append(&rows->words, reading->words, reading->word_count * sizeof(uint16_t));
    if (result != ERR_OK) {
        return result;
    }
    struct entry entry = {
        .request_us = reading->request_us,
        .response_us = reading->response_us,
        .tag = reading->tag,
        .words_end = (uint32_t)(rows->words.size / sizeof(uint16_t)),
        .quality = (uint8_t)reading->quality,
    };
    return buffer_append(&rows->entries, &entry, sizeof entry);
}

void reading_rows_clear(struct reading_rows *rows)
{
    buffer_clear(&rows->entries);
    buffer_clear(&rows->words);
}

enum err reading_rows_load(struct reading_rows *rows, const struct batch_view *view,
                           const struct catalog *catalog, const struct reading_filter *filter,
                           struct err_text *why)
{
    reading_rows_clear(rows);
    rows->filter = filter;
    const struct batch_visitor visitor = {.owner = rows, .reading = keep};
    return filter->one_tag
               ? batch_decode_tag(rows->decoder, view, catalog, (uint32_t)filter->tag, &visitor, why)
               : batch_decode(rows->decoder, view, catalog, &visitor, why);
}

size_t reading_rows_count(const struct reading_rows *rows)
{
    return rows->entries.size / sizeof(struct entry);
}

static struct entry entry_at(const struct reading_rows *rows, size_t index)
{
    struct entry entry;
    memcpy(&entry, buffer_bytes(&rows->entries).data + index * sizeof entry, sizeof entry);
    return entry;
}

struct reading_row reading_rows_get(const struct reading_rows *rows, size_t index)
{
    struct entry entry = entry_at(rows, index);
    size_t start = index > 0 ? entry_at(rows, index - 1).words_end : 0;
    return (struct reading_row){
        .tag = entry.tag,
        .quality = (enum quality)entry.quality,
        .request_us = entry.request_us,
        .response_us = entry.response_us,
        .words = (const uint16_t *)(const void *)buffer_bytes(&rows->words).data + start,
        .word_count = entry.words_end - start,
    };
}
