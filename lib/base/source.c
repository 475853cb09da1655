#include "base/source.h"

#include <stdlib.h>
#include <string.h>

static size_t count_lines(const char *text, size_t size)
{
    size_t lines = 1;
    for (size_t i = 0; i < size; i++) {
        lines += text[i] == '\n';
    }
    return lines;
}

static void index_lines(struct source *source)
{
    source->line_starts[0] = 0;
    source->lines = 1;
    for (size_t i = 0; i < source->size; i++) {
        if (source->text[i] == '\n') {
            source->line_starts[source->lines++] = (uint32_t)(i + 1);
        }
    }
}

enum err source_init(struct source *source, const char *name, const char *text, size_t size)
{
    if (size >= UINT32_MAX) {
        return ERR_LIMIT;
    }
    *source = (struct source){
        .name = strdup(name),
        .text = malloc(size + 1),
        .size = size,
        .line_starts = calloc(count_lines(text, size), sizeof *source->line_starts),
    };
    if (!source->name || !source->text || !source->line_starts) {
        source_fini(source);
        return ERR_NO_MEMORY;
    }
    if (size > 0) {
        memcpy(source->text, text, size);
    }
    source->text[size] = '\0';
    index_lines(source);
    return ERR_OK;
}

void source_fini(struct source *source)
{
    free(source->name);
    free(source->text);
    free(source->line_starts);
    *source = (struct source){0};
}

struct source_position source_position(const struct source *source, size_t offset)
{
    uint32_t at = (uint32_t)(offset < source->size ? offset : source->size);
    uint32_t low = 0;
    uint32_t high = source->lines;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (source->line_starts[middle] <= at) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return (struct source_position){.line = low + 1, .column = at - source->line_starts[low] + 1};
}

struct bytes source_line(const struct source *source, uint32_t line)
{
    if (line == 0 || line > source->lines) {
        return (struct bytes){0};
    }
    size_t start = source->line_starts[line - 1];
    size_t end = line < source->lines ? source->line_starts[line] : source->size;
    while (end > start && (source->text[end - 1] == '\n' || source->text[end - 1] == '\r')) {
        end--;
    }
    return (struct bytes){.data = (const uint8_t *)source->text + start, .size = end - start};
}
