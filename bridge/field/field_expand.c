#include "field/field_expand.h"

#include "field/field_walk.h"

#include <stdlib.h>
#include <string.h>

static char nothing[] = "";

static enum err count_tag(void *owner, const struct field_tag *tag)
{
    (void)tag;
    ++*(size_t *)owner;
    return ERR_OK;
}

static bool is_own(const struct field_tag *tag)
{
    const struct tag_options *own = tag->unit->tags.items;
    return tag->options >= own && tag->options < own + tag->unit->tags.count;
}

static struct unit_options *unit_of(const struct field_expansion *expansion, const struct field_tag *tag)
{
    const struct link_options *links = expansion->links.items;
    return (struct unit_options *)links[tag->link_index].units.items + tag->unit_index;
}

/* The tags of a unit follow each other in the walk. */
static enum err place_tag(void *owner, const struct field_tag *tag)
{
    struct field_expansion *expansion = owner;
    struct unit_options *unit = unit_of(expansion, tag);
    struct tag_options *placed = &expansion->tags[expansion->tag_count];
    *placed = *tag->options;
    placed->name = strdup(tag->described.name);
    if (!placed->name) {
        return ERR_NO_MEMORY;
    }
    expansion->tag_count++;
    if (!is_own(tag)) {
        placed->reference = nothing;
        placed->table = (int)tag->described.table;
        placed->address = tag->described.address;
    }
    if (unit->tags.count++ == 0) {
        unit->tags.items = placed;
    }
    return ERR_OK;
}

/* Links and units of their own, the units without tags and templates. */
static enum err copy_units(const struct field_options *options, struct field_expansion *expansion)
{
    const struct link_options *links = options->links.items;
    size_t count = 0;
    for (size_t i = 0; i < options->links.count; i++) {
        count += links[i].units.count;
    }
    struct link_options *copies = calloc(options->links.count + 1, sizeof *copies);
    expansion->links = (struct option_list){.items = copies, .count = options->links.count};
    expansion->units = calloc(count + 1, sizeof *expansion->units);
    if (!copies || !expansion->units) {
        return ERR_NO_MEMORY;
    }
    struct unit_options *unit = expansion->units;
    for (size_t i = 0; i < options->links.count; i++) {
        const struct unit_options *units = links[i].units.items;
        copies[i] = links[i];
        copies[i].units.items = unit;
        for (size_t j = 0; j < links[i].units.count; j++, unit++) {
            *unit = units[j];
            unit->tags = (struct option_list){.count = 0};
            unit->templates = (struct option_list){.count = 0};
        }
    }
    return ERR_OK;
}

enum err field_expand(const struct field_options *options, struct field_expansion *expansion)
{
    *expansion = (struct field_expansion){.tag_count = 0};
    size_t tags = 0;
    enum err result = field_walk(options, count_tag, &tags);
    if (result == ERR_OK) {
        result = copy_units(options, expansion);
    }
    expansion->tags = calloc(tags + 1, sizeof *expansion->tags);
    if (result == ERR_OK) {
        result = expansion->tags ? field_walk(options, place_tag, expansion) : ERR_NO_MEMORY;
    }
    if (result != ERR_OK) {
        field_expansion_fini(expansion);
    }
    return result;
}

void field_expansion_fini(struct field_expansion *expansion)
{
    for (size_t i = 0; expansion->tags && i < expansion->tag_count; i++) {
        free(expansion->tags[i].name);
    }
    free(expansion->tags);
    free(expansion->units);
    free(expansion->links.items);
    *expansion = (struct field_expansion){.tag_count = 0};
}
