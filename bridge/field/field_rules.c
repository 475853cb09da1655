#include "field/field_rules.h"

#include "field/field_walk.h"
#include "field/tag_limits.h"
#include "link/link_url.h"
#include "tunnel/tag_address.h"
#include "tunnel/tag_words.h"

#include <stdlib.h>
#include <string.h>

/* Visible text: no control characters. */
static bool is_printable(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

static void check_url(const struct link_options *link, const char *key, const char *text,
                      struct diagnostics *diagnostics)
{
    struct link_url url;
    struct err_text why;
    if (link_url_parse(text, &url, &why) != ERR_OK) {
        diagnostics_add(
            diagnostics, option_place(diagnostics, link, key),
            "tcp://192.0.2.10:502, tls://192.0.2.10:802 or rtu:///dev/ttyS0?baud=19200&parity=even", "%s: %s",
            key, why.text);
    }
}

static bool has_way(const struct link_options *link, const char *scheme)
{
    size_t size = strlen(scheme);
    return strncmp(link->url, scheme, size) == 0 || strncmp(link->backup, scheme, size) == 0;
}

static bool reaches_serial_line(const struct link_options *link)
{
    return has_way(link, "rtu://");
}

static void check_unit(const struct link_options *link, const struct unit_options *unit,
                       struct diagnostics *diagnostics)
{
    bool individual = unit->id >= 1 && unit->id <= 247;
    if (!individual && (reaches_serial_line(link) || (unit->id != 0 && unit->id != 255))) {
        diagnostics_add(diagnostics, option_place(diagnostics, unit, "id"),
                        "1 to 247; over TCP also 0 and 255 for the device itself",
                        "id: %lld is no unit identifier that can be read", (long long)unit->id);
    }
    if (unit->tags.count == 0 && unit->templates.count == 0) {
        diagnostics_warn(diagnostics, unit->place, NULL, "id: unit %lld has no tags", (long long)unit->id);
    }
}

static void check_units(const struct link_options *link, struct diagnostics *diagnostics)
{
    bool seen[256] = {false};
    const struct unit_options *units = link->units.items;
    for (size_t i = 0; i < link->units.count; i++) {
        check_unit(link, &units[i], diagnostics);
        uint8_t id = (uint8_t)units[i].id;
        if (seen[id]) {
            diagnostics_add(diagnostics, option_place(diagnostics, &units[i], "id"),
                            "put all tags of a unit under one entry", "id: unit %u of link %s is there twice",
                            id, link->name);
        }
        seen[id] = true;
    }
}

static void check_link(const struct link_options *link, struct diagnostics *diagnostics)
{
    if (strlen(link->name) > CATALOG_LINK_MAX || !is_printable(link->name)) {
        diagnostics_add(diagnostics, option_place(diagnostics, link, "name"), NULL,
                        "name: a link's name has at most %d visible bytes", CATALOG_LINK_MAX);
    }
    check_url(link, "url", link->url, diagnostics);
    if (*link->backup) {
        check_url(link, "backup", link->backup, diagnostics);
    }
    if (link->outstanding > 1 && !has_way(link, "tcp://")) {
        diagnostics_add(diagnostics, option_place(diagnostics, link, "outstanding"), NULL,
                        "outstanding: link %s has no tcp:// way, and elsewhere requests go one at a time",
                        link->name);
    }
    check_units(link, diagnostics);
}

/* Whether both are the same serial line, whatever they say about its speed. */
static bool same_line(const char *url, const char *other)
{
    size_t size = strcspn(url, "?");
    return strncmp(url, "rtu://", 6) == 0 && strncmp(url, other, size) == 0 && strcspn(other, "?") == size;
}

static void check_link_pair(const struct link_options *link, const struct link_options *before,
                            struct diagnostics *diagnostics)
{
    if (*link->name && strcmp(link->name, before->name) == 0) {
        diagnostics_add(diagnostics, option_place(diagnostics, link, "name"), NULL,
                        "name: there are two links named '%s'", link->name);
    }
    const char *const keys[] = {"url", "backup"};
    const char *const urls[] = {link->url, link->backup};
    for (size_t i = 0; i < 2; i++) {
        if (same_line(urls[i], before->url) || same_line(urls[i], before->backup)) {
            diagnostics_add(diagnostics, option_place(diagnostics, link, keys[i]),
                            "put all its units under one link", "%s: %.*s belongs to link %s already",
                            keys[i], (int)strcspn(urls[i] + 6, "?"), urls[i] + 6, before->name);
        }
    }
}

static void check_links(const struct field_options *options, struct diagnostics *diagnostics)
{
    const struct link_options *links = options->links.items;
    size_t ways = 0;
    for (size_t i = 0; i < options->links.count; i++) {
        size_t before = ways;
        ways += *links[i].backup ? 2 : 1;
        if (before <= FIELD_LINKS_MAX && ways > FIELD_LINKS_MAX) {
            diagnostics_add(diagnostics, links[i].place, "share them out among several bridges",
                            "links: more than %d, backups counted", FIELD_LINKS_MAX);
        }
        check_link(&links[i], diagnostics);
        for (size_t j = 0; j < i; j++) {
            check_link_pair(&links[i], &links[j], diagnostics);
        }
    }
}

/* What the rules between tags look at. */
struct seen_tag {
    char *name; /* owned */
    const struct tag_options *options;
    struct place place;
    uint32_t link, unit;
    enum table table;
    uint16_t address;
    uint8_t words;
    bool shares; /* a single bit, or `overlap` was given */
};

struct rules {
    struct diagnostics *diagnostics;
    struct seen_tag *tags;
    size_t count, capacity;
};

static struct place tag_place(const struct rules *rules, const struct field_tag *tag, const char *key)
{
    return option_place(rules->diagnostics, tag->options, key);
}

static void check_tag_name(const struct rules *rules, const struct field_tag *tag)
{
    if (strlen(tag->described.name) > CATALOG_NAME_MAX || !is_printable(tag->described.name)) {
        diagnostics_add(rules->diagnostics, tag_place(rules, tag, "name"), NULL,
                        "name: a tag's name has 1 to %d visible bytes, with its prefix",
                        CATALOG_NAME_MAX - 1);
    }
    if (strlen(tag->options->unit) > CATALOG_UNIT_MAX || !is_printable(tag->options->unit)) {
        diagnostics_add(rules->diagnostics, tag_place(rules, tag, "unit"), NULL,
                        "unit: a unit of measure has at most %d visible bytes", CATALOG_UNIT_MAX);
    }
}

static void check_reference(const struct rules *rules, const struct field_tag *tag)
{
    struct tag_address parsed;
    struct err_text why;
    const struct tag_options *options = tag->options;
    if (tag_address_parse(options->reference, &parsed, &why) != ERR_OK) {
        diagnostics_add(rules->diagnostics, tag_place(rules, tag, "reference"),
                        "40001 is holding register 0; for zero-based numbers use table and address",
                        "reference: %s", why.text);
    } else if (options->address != FIELD_ADDRESS_NONE ||
               (options->table != TABLE_NONE && options->table != (int)parsed.table)) {
        diagnostics_add(rules->diagnostics, tag_place(rules, tag, "reference"),
                        "give either reference, or table and address",
                        "reference: '%s' says table and address already", options->reference);
    }
}

static void check_address(const struct rules *rules, const struct field_tag *tag)
{
    const struct tag_options *options = tag->options;
    if (*options->reference) {
        check_reference(rules, tag);
    } else if (options->address == FIELD_ADDRESS_NONE || options->table == TABLE_NONE) {
        diagnostics_add(rules->diagnostics, tag->place,
                        "table: holding with address: 0 (zero-based), or reference: 40001 (Modicon)",
                        "%s: the tag '%s' has no place in the device",
                        options->address == FIELD_ADDRESS_NONE ? "address" : "table", options->name);
    } else if (options->address < 0 || options->address > UINT16_MAX) {
        diagnostics_add(rules->diagnostics, tag_place(rules, tag, "address"),
                        "zero-based: 0 to 65535; for 40101 and the like use reference",
                        "address: %lld is outside 0 to 65535", (long long)options->address);
    }
}

static bool is_bit_table(enum table table)
{
    return table == TABLE_COIL || table == TABLE_DISCRETE;
}

static void check_type(const struct rules *rules, const struct field_tag *tag)
{
    const struct tag_options *options = tag->options;
    bool bits = is_bit_table(tag->described.table);
    if (bits && options->type != VALUE_BOOL) {
        diagnostics_add(rules->diagnostics, tag_place(rules, tag, "type"), NULL,
                        "type: a coil or discrete input can only be a bool");
    }
    if (!bits && options->type == VALUE_BOOL && options->bit == FIELD_BIT_NONE) {
        diagnostics_add(rules->diagnostics, tag_place(rules, tag, "type"), "bit: 0 is the least significant",
                        "type: a bool in a register needs its bit");
    }
    if (options->bit != FIELD_BIT_NONE && (bits || options->type != VALUE_BOOL)) {
        diagnostics_add(rules->diagnostics, tag_place(rules, tag, "bit"), NULL,
                        "bit: only a bool in a register has one");
    }
    if ((options->type == VALUE_STRING) != (options->length > 0)) {
        diagnostics_add(rules->diagnostics, tag_place(rules, tag, "length"), NULL,
                        "length: a string has 1 to %d characters, any other type none", FIELD_STRING_MAX);
    }
}

/* Letters must be as many as the value has bytes, and say the byte order alone. */
static void check_order(const struct rules *rules, const struct field_tag *tag)
{
    const struct tag_options *options = tag->options;
    int letters = options->word_order & (TAG_ORDER_4_LETTERS | TAG_ORDER_8_LETTERS);
    if (letters && letters != 2 * value_type_words((enum value_type)options->type)) {
        diagnostics_add(rules->diagnostics, tag_place(rules, tag, "word_order"),
                        "4 letters for 32 bits, 8 letters for 64 bits, big or little for any",
                        "word_order: %d letters do not fit the type", letters);
    }
    if (letters && options->byte_order) {
        diagnostics_add(rules->diagnostics, tag_place(rules, tag, "byte_order"), NULL,
                        "byte_order: word_order in letters says it already");
    }
}

static void check_conversion(const struct rules *rules, const struct field_tag *tag)
{
    const struct tag_options *options = tag->options;
    struct tag_limits limits;
    const char *key;
    const char *hint;
    if (!tag_limits_parse(options, &limits, &key, &hint)) {
        diagnostics_add(rules->diagnostics, tag_place(rules, tag, key), hint, "%s: does not make sense", key);
        return;
    }
    if (options->scale == 0) {
        diagnostics_add(rules->diagnostics, tag_place(rules, tag, "scale"), NULL,
                        "scale: 0 makes every value the same");
    }
    bool number = options->type != VALUE_BOOL && options->type != VALUE_STRING;
    if (!number && (limits.bounded || limits.deadband > 0 || options->scale != 1 || options->offset != 0)) {
        diagnostics_add(rules->diagnostics, tag->place, NULL,
                        "type: limits, scale, offset and deadband are for numbers only");
    }
    if (options->max_age_us > 0 && limits.deadband < 0) {
        diagnostics_warn(rules->diagnostics, tag_place(rules, tag, "max_age"), "add deadband: 0",
                         "max_age: without a deadband every reading is reported anyway");
    }
}

static void check_extent(const struct rules *rules, const struct field_tag *tag)
{
    const struct tag_options *options = tag->options;
    if (tag->described.words == 0) {
        diagnostics_add(rules->diagnostics, tag_place(rules, tag, "address"), NULL,
                        "address: the tag '%s' ends behind 65535", options->name);
    } else if (!is_bit_table(tag->described.table) && tag->described.words > tag->unit->max_registers) {
        diagnostics_add(rules->diagnostics, tag_place(rules, tag, "type"),
                        "read in parts, a value could be torn between two scans",
                        "type: %u registers do not fit in one read of %lld", tag->described.words,
                        (long long)tag->unit->max_registers);
    }
}

static enum err keep_tag(struct rules *rules, const struct field_tag *tag)
{
    if (rules->count == rules->capacity) {
        size_t capacity = rules->capacity ? rules->capacity * 2 : 64;
        struct seen_tag *tags = realloc(rules->tags, capacity * sizeof *tags);
        if (!tags) {
            return ERR_NO_MEMORY;
        }
        rules->tags = tags;
        rules->capacity = capacity;
    }
    char *name = strdup(tag->described.name);
    if (!name) {
        return ERR_NO_MEMORY;
    }
    rules->tags[rules->count++] = (struct seen_tag){
        .name = name,
        .options = tag->options,
        .place = tag->place,
        .link = (uint32_t)tag->link_index,
        .unit = (uint32_t)tag->unit_index,
        .table = tag->described.table,
        .address = tag->described.address,
        .words = tag->described.words,
        .shares = tag->options->overlap || tag->options->type == VALUE_BOOL,
    };
    return ERR_OK;
}

static enum err check_tag(void *owner, const struct field_tag *tag)
{
    struct rules *rules = owner;
    size_t before = diagnostics_count(rules->diagnostics);
    if (rules->count == CATALOG_TAGS_MAX) {
        diagnostics_add(rules->diagnostics, tag->place, NULL, "tags: there are more than %d",
                        CATALOG_TAGS_MAX);
        return ERR_LIMIT;
    }
    check_tag_name(rules, tag);
    check_address(rules, tag);
    check_type(rules, tag);
    check_order(rules, tag);
    check_conversion(rules, tag);
    if (diagnostics_count(rules->diagnostics) == before) {
        check_extent(rules, tag);
    }
    return keep_tag(rules, tag);
}

static int compare_names(const void *a, const void *b)
{
    const struct seen_tag *left = a;
    const struct seen_tag *right = b;
    int order = strcmp(left->name, right->name);
    return order ? order : (left->place.line > right->place.line) - (left->place.line < right->place.line);
}

static void check_tag_names(struct rules *rules)
{
    qsort(rules->tags, rules->count, sizeof *rules->tags, compare_names);
    for (size_t i = 1; i < rules->count; i++) {
        const struct seen_tag *tag = &rules->tags[i];
        if (*tag->name && strcmp(rules->tags[i - 1].name, tag->name) == 0) {
            diagnostics_add(rules->diagnostics, option_place(rules->diagnostics, tag->options, "name"),
                            "where a template is included twice, give each its prefix",
                            "name: the tag '%s' is there twice", tag->name);
        }
    }
}

static int compare_places(const void *a, const void *b)
{
    const struct seen_tag *left = a;
    const struct seen_tag *right = b;
    const int64_t differences[] = {
        (int64_t)left->link - right->link,
        (int64_t)left->unit - right->unit,
        (int64_t)left->table - (int64_t)right->table,
        (int64_t)left->address - right->address,
        (int64_t)left->words - right->words,
    };
    for (size_t i = 0; i < sizeof differences / sizeof differences[0]; i++) {
        if (differences[i]) {
            return differences[i] < 0 ? -1 : 1;
        }
    }
    return 0;
}

static bool same_table(const struct seen_tag *a, const struct seen_tag *b)
{
    return a->link == b->link && a->unit == b->unit && a->table == b->table;
}

/* Two values that share some registers but not all: at least one of the addresses or types is wrong. */
static void check_overlaps(struct rules *rules)
{
    const struct seen_tag *reach = NULL; /* of those before, the one that ends last */
    qsort(rules->tags, rules->count, sizeof *rules->tags, compare_places);
    for (size_t i = 0; i < rules->count; i++) {
        const struct seen_tag *tag = &rules->tags[i];
        if (tag->shares || tag->words == 0) {
            continue;
        }
        bool inside = reach && same_table(reach, tag) && tag->address < reach->address + reach->words;
        if (inside && (tag->address != reach->address || tag->words != reach->words)) {
            diagnostics_add(rules->diagnostics, tag->place, "overlap: yes if that is meant",
                            "address: '%s' lies partly on '%s' (%u to %u)", tag->name, reach->name,
                            reach->address, reach->address + reach->words - 1U);
        }
        if (!inside || tag->address + tag->words > reach->address + reach->words) {
            reach = tag;
        }
    }
}

static void check_between_tags(struct rules *rules)
{
    check_tag_names(rules);
    check_overlaps(rules);
}

enum err field_rules_check(const struct field_options *options, struct diagnostics *diagnostics)
{
    check_links(options, diagnostics);
    struct rules rules = {.diagnostics = diagnostics};
    enum err result = field_walk(options, check_tag, &rules);
    if (result == ERR_OK && rules.count > 0) {
        check_between_tags(&rules);
    }
    for (size_t i = 0; i < rules.count; i++) {
        free(rules.tags[i].name);
    }
    free(rules.tags);
    return result == ERR_LIMIT ? ERR_OK : result;
}
