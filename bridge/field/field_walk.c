#include "field/field_walk.h"

#include "field/field_template.h"
#include "tunnel/tag_address.h"

#include <stdio.h>
#include <string.h>

static uint8_t words_of(const struct tag_options *tag)
{
    if (tag->type == VALUE_STRING) {
        return (uint8_t)((tag->length + 1) / 2);
    }
    return value_type_words((enum value_type)tag->type);
}

/* False where the address cannot be told. */
static bool resolve_address(const struct tag_options *tag, int64_t base, struct catalog_tag *described)
{
    described->table = (enum table)tag->table;
    int64_t address = tag->address;
    if (*tag->reference) {
        struct tag_address parsed;
        if (tag_address_parse(tag->reference, &parsed, NULL) != ERR_OK) {
            return false;
        }
        described->table = parsed.table;
        address = parsed.address;
    }
    if (address < 0 || described->table == TABLE_NONE) {
        return false;
    }
    address += base;
    described->address = (uint16_t)address;
    return address + words_of(tag) - 1 <= UINT16_MAX;
}

/* The walk, and where in it we are. */
struct walk {
    enum err (*each)(void *owner, const struct field_tag *tag);
    void *owner;
    struct field_tag tag;
    char prefix[CATALOG_NAME_MAX + 1];
    char name[CATALOG_NAME_MAX + 2]; /* one too long is to be seen as such */
    int64_t base;
};

static enum err visit_tag(struct walk *walk, const struct tag_options *options)
{
    struct catalog_tag *described = &walk->tag.described;
    snprintf(walk->name, sizeof walk->name, "%s%s", walk->prefix, options->name);
    *described = (struct catalog_tag){
        .name = walk->name,
        .unit = options->unit,
        .link = walk->tag.link->name,
        .unit_id = (uint8_t)walk->tag.unit->id,
        .type = (enum value_type)options->type,
        .order = (uint8_t)((options->word_order | options->byte_order) &
                           (ORDER_WORDS_SWAPPED | ORDER_BYTES_SWAPPED)),
        .bit = options->bit > 0 ? (uint8_t)options->bit : 0,
        .scale = options->scale,
        .offset = options->offset,
        .priority = (uint8_t)options->priority,
    };
    bool resolved = resolve_address(options, walk->base, described);
    described->words = resolved ? words_of(options) : 0;
    walk->tag.options = options;
    walk->tag.place = options->place;
    return walk->each(walk->owner, &walk->tag);
}

static enum err visit_tags(struct walk *walk, const struct option_list *list)
{
    const struct tag_options *tags = list->items;
    enum err result = ERR_OK;
    for (size_t i = 0; i < list->count && result == ERR_OK; i++) {
        result = visit_tag(walk, &tags[i]);
    }
    return result;
}

static enum err visit_templates(struct walk *walk, const struct option_list *list)
{
    const struct template_options *templates = list->items;
    enum err result = ERR_OK;
    for (size_t i = 0; i < list->count && result == ERR_OK; i++) {
        const struct field_template *template = templates[i].loaded;
        if (!template) {
            continue;
        }
        size_t size = strlen(walk->prefix);
        snprintf(walk->prefix + size, sizeof walk->prefix - size, "%s", templates[i].prefix);
        walk->base += templates[i].base;
        result = visit_templates(walk, &template->templates);
        if (result == ERR_OK) {
            result = visit_tags(walk, &template->tags);
        }
        walk->base -= templates[i].base;
        walk->prefix[size] = '\0';
    }
    return result;
}

enum err field_walk(const struct field_options *options,
                    enum err (*each)(void *owner, const struct field_tag *tag), void *owner)
{
    struct walk walk = {.each = each, .owner = owner};
    const struct link_options *links = options->links.items;
    for (size_t i = 0; i < options->links.count; i++) {
        const struct unit_options *units = links[i].units.items;
        walk.tag.link = &links[i];
        walk.tag.link_index = i;
        for (size_t j = 0; j < links[i].units.count; j++) {
            walk.tag.unit = &units[j];
            walk.tag.unit_index = j;
            enum err result = visit_templates(&walk, &units[j].templates);
            if (result == ERR_OK) {
                result = visit_tags(&walk, &units[j].tags);
            }
            if (result != ERR_OK) {
                return result;
            }
        }
    }
    return ERR_OK;
}
