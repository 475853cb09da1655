#include "base/options_memory.h"

#include "base/options_value.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void *field_of(const struct option *option, void *structure)
{
    return (char *)structure + option->offset;
}

void *options_list_append(const struct option *option, struct option_list *list)
{
    size_t size = option->kind == OPTION_LIST ? option->item_size : sizeof(char *);
    bool full = (list->count & (list->count - 1)) == 0; /* the capacity is the next power of two */
    if (full) {
        void *items = reallocarray(list->items, list->count ? list->count * 2 : 1, size);
        if (!items) {
            return NULL;
        }
        list->items = items;
    }
    void *item = (char *)list->items + list->count * size;
    memset(item, 0, size);
    list->count++;
    return item;
}

void options_list_clear(const struct option *option, struct option_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (option->kind == OPTION_LIST) {
            options_free(option->table, (char *)list->items + i * option->item_size);
        } else {
            free(((char **)list->items)[i]);
        }
    }
    free(list->items);
    *list = (struct option_list){0};
}

static enum err set_default(const struct option *option, void *field)
{
    const char *text = option->fallback;
    if (!text && option->kind == OPTION_STRING) {
        text = "";
    }
    if (option->kind == OPTION_STRINGS && text) {
        field = options_list_append(option, field);
        if (!field) {
            return ERR_NO_MEMORY;
        }
    }
    if (!text) {
        return ERR_OK;
    }
    struct options_complaint complaint;
    enum err err = option->kind == OPTION_STRING || option->kind == OPTION_STRINGS
                       ? options_value_copy(text, strlen(text), field, &complaint)
                       : options_value_parse(option, text, strlen(text), field, &complaint);
    assert(err != ERR_CONFIG); /* a default is a literal of ours */
    return err;
}

static enum err set_defaults(const struct option *table, void *target)
{
    enum err err = ERR_OK;
    for (const struct option *option = table; option->name && err == ERR_OK; option++) {
        void *field = field_of(option, target);
        err = option->kind == OPTION_MAP ? set_defaults(option->table, field) : set_default(option, field);
    }
    return err;
}

static size_t size_of_field(const struct option *option)
{
    switch (option->kind) {
    case OPTION_STRING:
        return sizeof(char *);
    case OPTION_BOOL:
        return sizeof(bool);
    case OPTION_INT:
    case OPTION_DURATION:
    case OPTION_SIZE:
        return sizeof(int64_t);
    case OPTION_FLOAT:
        return sizeof(double);
    case OPTION_CHOICE:
        return sizeof(int);
    case OPTION_STRINGS:
    case OPTION_LIST:
        return sizeof(struct option_list);
    case OPTION_MAP:
        break;
    }
    return 0;
}

/* Everything first, so that options_free() is right whatever happens next. */
static void clear_fields(const struct option *table, void *target)
{
    memset(target, 0, sizeof(struct place));
    for (const struct option *option = table; option->name; option++) {
        void *field = field_of(option, target);
        if (option->kind == OPTION_MAP) {
            clear_fields(option->table, field);
        } else {
            memset(field, 0, size_of_field(option));
        }
    }
}

enum err options_defaults(const struct option *table, void *target)
{
    clear_fields(table, target);
    return set_defaults(table, target);
}

void options_free(const struct option *table, void *target)
{
    for (const struct option *option = table; option->name; option++) {
        void *field = field_of(option, target);
        if (option->kind == OPTION_STRING) {
            free(*(char **)field);
            *(char **)field = NULL;
        } else if (option->kind == OPTION_MAP) {
            options_free(option->table, field);
        } else if (option->kind == OPTION_LIST || option->kind == OPTION_STRINGS) {
            options_list_clear(option, field);
        }
    }
}
