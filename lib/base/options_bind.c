#include "base/options_bind.h"

#include "base/options_memory.h"
#include "base/options_value.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

enum { KEY_SHOWN_MAX = 60 }; /* bytes of an unknown key that a message repeats */

/* What one options_bind() carries along. */
struct binder {
    struct options_reader *reader;
    struct diagnostics *diagnostics;
    bool no_memory;
};

static void bind_map(struct binder *binder, const struct option *table, void *target, struct place place);

static size_t count_rows(const struct option *table)
{
    size_t count = 0;
    while (table[count].name) {
        count++;
    }
    assert(count <= OPTIONS_KEYS_MAX);
    return count;
}

static const char *node_name(const struct options_node *node)
{
    static const char *const names[] = {
        [OPTIONS_NODE_SCALAR] = "a single value",
        [OPTIONS_NODE_LIST] = "a list",
        [OPTIONS_NODE_MAP] = "a mapping",
        [OPTIONS_NODE_BAD] = "nothing",
    };
    return names[node->kind];
}

/* YAML's null: `key:`, `key: ~` and `key: null`. */
static bool is_null(const struct options_node *node)
{
    return node->kind == OPTIONS_NODE_SCALAR && node->plain &&
           (node->size == 0 || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

static void report_null(struct binder *binder, const struct option *option, struct place place)
{
    char hint[256] = "";
    if (option->kind == OPTION_LIST || option->kind == OPTION_STRINGS) {
        snprintf(hint, sizeof hint, "are the items indented below it? an empty list is written []");
    } else if (option->kind == OPTION_MAP) {
        snprintf(hint, sizeof hint, "are its keys indented below it?");
    } else if (option->fallback) {
        snprintf(hint, sizeof hint, "leave the key out to get the default of %s", option->fallback);
    }
    diagnostics_add(binder->diagnostics, place, *hint ? hint : NULL, "%s: has no value", option->name);
}

/* Whether the node is of the kind the option wants; if not, says so and passes over it. */
static bool expect(struct binder *binder, const struct option *option, const struct options_node *node,
                   enum options_node_kind kind, const char *wanted)
{
    if (node->kind == kind) {
        return true;
    }
    if (node->kind != OPTIONS_NODE_BAD) {
        diagnostics_add(binder->diagnostics, node->place, NULL, "%s: wants %s, not %s", option->name, wanted,
                        node_name(node));
        options_reader_skip(binder->reader, node);
    }
    return false;
}

static void complain(struct binder *binder, const struct option *option, struct place place,
                     const struct options_complaint *complaint)
{
    diagnostics_add(binder->diagnostics, place, *complaint->hint ? complaint->hint : NULL, "%s: %s",
                    option->name, complaint->message);
}

static void bind_scalar(struct binder *binder, const struct option *option, void *field,
                        const struct options_node *node)
{
    if (!expect(binder, option, node, OPTIONS_NODE_SCALAR, "a single value")) {
        return;
    }
    struct options_complaint complaint;
    enum err err = options_value_parse(option, node->text, node->size, field, &complaint);
    if (err == ERR_CONFIG) {
        complain(binder, option, node->place, &complaint);
    }
    binder->no_memory |= err == ERR_NO_MEMORY;
}

static size_t max_items(const struct option *option)
{
    return option->max_items ? option->max_items : OPTIONS_ITEMS_MAX;
}

/* Of a list that has grown past its maximum: said once, with the first item too many. */
static void report_surplus(struct binder *binder, const struct option *option,
                           const struct options_node *node)
{
    diagnostics_add(binder->diagnostics, node->place, NULL, "%s: more than %zu items", option->name,
                    max_items(option));
}

static void bind_string_item(struct binder *binder, const struct option *option, struct option_list *list,
                             const struct options_node *node)
{
    if (is_null(node)) {
        diagnostics_add(binder->diagnostics, node->place, NULL, "%s: an item has no value", option->name);
        return;
    }
    if (!expect(binder, option, node, OPTIONS_NODE_SCALAR, "a list of single values")) {
        return;
    }
    char **string = options_list_append(option, list);
    struct options_complaint complaint;
    enum err err = string ? options_value_copy(node->text, node->size, string, &complaint) : ERR_NO_MEMORY;
    if (err != ERR_OK && string) {
        list->count--;
    }
    if (err == ERR_CONFIG) {
        complain(binder, option, node->place, &complaint);
    }
    binder->no_memory |= err == ERR_NO_MEMORY;
}

static void bind_map_item(struct binder *binder, const struct option *option, struct option_list *list,
                          const struct options_node *node)
{
    if (!expect(binder, option, node, OPTIONS_NODE_MAP, "a list of mappings")) {
        return;
    }
    void *item = options_list_append(option, list);
    if (!item || options_defaults(option->table, item) != ERR_OK) {
        binder->no_memory = true;
        return;
    }
    bind_map(binder, option->table, item, node->place);
}

static void bind_item(struct binder *binder, const struct option *option, struct option_list *list,
                      const struct options_node *node)
{
    if (option->kind == OPTION_STRINGS) {
        bind_string_item(binder, option, list, node);
    } else {
        bind_map_item(binder, option, list, node);
    }
}

static void bind_list(struct binder *binder, const struct option *option, struct option_list *list,
                      const struct options_node *node)
{
    bool lone_string = option->kind == OPTION_STRINGS && node->kind == OPTIONS_NODE_SCALAR;
    if (!lone_string && !expect(binder, option, node, OPTIONS_NODE_LIST, "a list")) {
        return;
    }
    options_list_clear(option, list); /* the default gives way */
    if (lone_string) {
        bind_item(binder, option, list, node);
        return;
    }
    struct options_node item;
    for (size_t seen = 0; !binder->no_memory && options_reader_next(binder->reader, &item); seen++) {
        if (seen < max_items(option)) {
            bind_item(binder, option, list, &item);
            continue;
        }
        if (seen == max_items(option)) {
            report_surplus(binder, option, &item);
        }
        options_reader_skip(binder->reader, &item);
    }
    if (option->required && list->count == 0 && !options_reader_stopped(binder->reader)) {
        diagnostics_add(binder->diagnostics, node->place, NULL, "%s: must not be empty", option->name);
    }
}

static void bind_value(struct binder *binder, const struct option *option, void *structure,
                       const struct options_node *node)
{
    void *field = (char *)structure + option->offset;
    if (is_null(node)) {
        report_null(binder, option, node->place);
    } else if (option->kind == OPTION_LIST || option->kind == OPTION_STRINGS) {
        bind_list(binder, option, field, node);
    } else if (option->kind != OPTION_MAP) {
        bind_scalar(binder, option, field, node);
    } else if (expect(binder, option, node, OPTIONS_NODE_MAP, "a mapping")) {
        bind_map(binder, option->table, field, node->place);
    }
}

static void list_keys(const struct option *table, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "the keys here are ");
    for (const struct option *option = table; option->name && used < size; option++) {
        used += (size_t)snprintf(text + used, size - used, "%s%s", option == table ? "" : ", ", option->name);
    }
}

static void report_unknown(struct binder *binder, const struct option *table, const struct options_node *key)
{
    const char *names[OPTIONS_KEYS_MAX];
    size_t count = count_rows(table);
    for (size_t i = 0; i < count; i++) {
        names[i] = table[i].name;
    }
    char hint[512];
    const char *near = did_you_mean(key->text, names, count);
    if (near) {
        snprintf(hint, sizeof hint, "did you mean \"%s\"?", near);
    } else {
        list_keys(table, hint, sizeof hint);
    }
    diagnostics_add(binder->diagnostics, key->place, hint, "%.*s: unknown key", KEY_SHOWN_MAX, key->text);
}

static const struct option *find_row(const struct option *table, const struct options_node *key)
{
    for (; table->name; table++) {
        if (strlen(table->name) == key->size && memcmp(table->name, key->text, key->size) == 0) {
            return table;
        }
    }
    return NULL;
}

/* The row of a key, unless the key is wrong: then says so. */
static const struct option *accept_key(struct binder *binder, const struct option *table,
                                       const struct options_node *key, struct place *seen)
{
    if (key->kind != OPTIONS_NODE_SCALAR) {
        if (key->kind != OPTIONS_NODE_BAD) {
            diagnostics_add(binder->diagnostics, key->place, NULL, "a key must be a single word, not %s",
                            node_name(key));
            options_reader_skip(binder->reader, key);
        }
        return NULL;
    }
    const struct option *option = find_row(table, key);
    if (!option) {
        report_unknown(binder, table, key);
        return NULL;
    }
    struct place *first = &seen[option - table];
    if (first->line > 0) {
        char hint[64];
        snprintf(hint, sizeof hint, "the first one is in line %" PRIu32, first->line);
        diagnostics_add(binder->diagnostics, key->place, hint, "%s: given twice", option->name);
        return NULL;
    }
    *first = key->place;
    return option;
}

static void report_missing(struct binder *binder, const struct option *table, const struct place *seen,
                           struct place place)
{
    for (const struct option *option = table; option->name; option++) {
        if (option->required && seen[option - table].line == 0) {
            diagnostics_add(binder->diagnostics, place, option->help, "%s: required key is missing",
                            option->name);
        }
    }
}

static void bind_map(struct binder *binder, const struct option *table, void *target, struct place place)
{
    struct place seen[OPTIONS_KEYS_MAX] = {0};
    memcpy(target, &place, sizeof place);
    struct options_node key;
    while (!binder->no_memory && options_reader_next(binder->reader, &key)) {
        struct place key_place = key.place;
        const struct option *option = accept_key(binder, table, &key, seen);
        struct options_node value;
        if (!options_reader_next(binder->reader, &value)) {
            return;
        }
        if (!option) {
            options_reader_skip(binder->reader, &value);
            continue;
        }
        bool collection = value.kind == OPTIONS_NODE_LIST || value.kind == OPTIONS_NODE_MAP;
        diagnostics_note_key(binder->diagnostics, place, option->name, collection ? key_place : value.place);
        bind_value(binder, option, target, &value);
    }
    if (!binder->no_memory && !options_reader_stopped(binder->reader)) {
        diagnostics_note_key(binder->diagnostics, place, NULL, key.place);
        report_missing(binder, table, seen, place);
    }
}

static void bind_root(struct binder *binder, const struct option *table, void *target,
                      const struct options_node *root)
{
    static const struct place nothing_seen[OPTIONS_KEYS_MAX];
    if (root->kind == OPTIONS_NODE_MAP) {
        bind_map(binder, table, target, root->place);
    } else if (is_null(root)) {
        memcpy(target, &root->place, sizeof root->place);
        report_missing(binder, table, nothing_seen, root->place);
    } else if (root->kind != OPTIONS_NODE_BAD) {
        char hint[512];
        list_keys(table, hint, sizeof hint);
        diagnostics_add(binder->diagnostics, root->place, hint, "a configuration is a mapping, not %s",
                        node_name(root));
        options_reader_skip(binder->reader, root);
    }
}

enum err options_bind(struct options_reader *reader, struct diagnostics *diagnostics,
                      const struct option *table, void *target)
{
    struct binder binder = {.reader = reader, .diagnostics = diagnostics};
    struct options_node root;
    if (!options_reader_next(reader, &root)) {
        if (options_reader_stopped(reader)) {
            return ERR_OK;
        }
        /* An empty file is an empty mapping at its start. */
        root = (struct options_node){
            .kind = OPTIONS_NODE_SCALAR,
            .plain = true,
            .place = {.file = root.place.file, .line = 1, .column = 1},
        };
    }
    bind_root(&binder, table, target, &root);
    if (!binder.no_memory) {
        (void)options_reader_next(reader, &root); /* nothing may follow the document */
    }
    return binder.no_memory ? ERR_NO_MEMORY : ERR_OK;
}
