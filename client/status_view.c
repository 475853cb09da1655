#include "status_view.h"

#include "output.h"
#include "terminal_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { INDENT = 2, CELL_MAX = 256 };

struct view {
    FILE *out;
    const struct json_tree *tree;
};

static void show_value(const struct view *view, const struct json_node *node, int indent);

static bool is_container(const struct json_node *node)
{
    return node->kind == JSON_OBJECT || node->kind == JSON_ARRAY;
}

/* Whether nothing in it is a list or an object, but for lists of plain values. */
static bool is_flat(const struct view *view, const struct json_node *parent, bool lists_too)
{
    for (const struct json_node *node = json_first(view->tree, parent); node;
         node = json_next(view->tree, node)) {
        bool plain_list = lists_too && node->kind == JSON_ARRAY && is_flat(view, node, false);
        if (is_container(node) && !plain_list) {
            return false;
        }
    }
    return true;
}

/* Durations are told by the ends of their keys: their µs, or 0 where it is none. */
static double unit_us(const struct json_node *node)
{
    size_t size = node->key ? strlen(node->key) : 0;
    if (node->kind != JSON_NUMBER || size < 4) {
        return 0;
    }
    return strcmp(node->key + size - 3, "_us") == 0 ? 1 : strcmp(node->key + size - 2, "_s") == 0 ? 1e6 : 0;
}

/* "last_ack" is "last ack" to people; a duration has its unit behind the value. */
static void key_text(const struct json_node *node, char *text)
{
    double unit = unit_us(node);
    terminal_text_copy(node->key, text, CELL_MAX);
    text[strlen(text) - (unit == 1 ? 3 : unit > 1 ? 2 : 0)] = '\0';
    for (char *at = text; *at; at++) {
        *at = *at == '_' ? ' ' : *at;
    }
}

static void join_list(const struct view *view, const struct json_node *list, char *text)
{
    size_t used = 0;
    text[0] = '\0';
    for (const struct json_node *node = json_first(view->tree, list); node && used < CELL_MAX;
         node = json_next(view->tree, node)) {
        char item[CELL_MAX];
        used += (size_t)snprintf(text + used, CELL_MAX - used, "%s%s", used > 0 ? ", " : "",
                                 terminal_text_copy(node->text, item, sizeof item));
    }
}

static const char *cell_text(const struct view *view, const struct json_node *node, char *text)
{
    if (!node || node->kind == JSON_NULL) {
        return "-";
    }
    if (node->kind == JSON_ARRAY) {
        join_list(view, node, text);
        return text;
    }
    if (node->kind == JSON_BOOL) {
        return strcmp(node->text, "true") == 0 ? "yes" : "no";
    }
    double unit = unit_us(node);
    double us = unit * strtod(node->text, NULL);
    return unit > 0 && fabs(us) < 1e18 ? output_duration_text((int64_t)us, text)
                                       : terminal_text_copy(node->text, text, CELL_MAX);
}

/* ---- tables ---- */

static bool is_table(const struct view *view, const struct json_node *list)
{
    const struct json_node *item = json_first(view->tree, list);
    for (; item; item = json_next(view->tree, item)) {
        if (item->kind != JSON_OBJECT || !is_flat(view, item, true)) {
            return false;
        }
    }
    return list->first > 0;
}

static int widest(const struct view *view, const struct json_node *list, const char *key, const char *name)
{
    int width = terminal_text_width(name);
    for (const struct json_node *item = json_first(view->tree, list); item;
         item = json_next(view->tree, item)) {
        char text[CELL_MAX];
        int size = terminal_text_width(cell_text(view, json_member(view->tree, item, key), text));
        width = size > width ? size : width;
    }
    return width;
}

/* The columns are the members of the first row. */
static void show_table(const struct view *view, const struct json_node *list, int indent)
{
    static char names[STATUS_VIEW_COLUMNS_MAX][CELL_MAX];
    struct output_column columns[STATUS_VIEW_COLUMNS_MAX + 1] = {{.name = "", .width = indent - INDENT}};
    const char *keys[STATUS_VIEW_COLUMNS_MAX];
    const struct json_node *first = json_first(view->tree, list);
    size_t count = 0;
    for (const struct json_node *node = json_first(view->tree, first);
         node && count < STATUS_VIEW_COLUMNS_MAX; node = json_next(view->tree, node)) {
        keys[count] = node->key;
        key_text(node, names[count]);
        columns[count + 1] = (struct output_column){.name = names[count],
                                                    .width = widest(view, list, node->key, names[count]),
                                                    .right = node->kind == JSON_NUMBER};
        count++;
    }
    struct output output = output_start(view->out, OUTPUT_TABLE, columns, count + 1);
    for (const struct json_node *item = first; item; item = json_next(view->tree, item)) {
        output_text(&output, "");
        for (size_t i = 0; i < count; i++) {
            char text[CELL_MAX];
            output_text(&output, cell_text(view, json_member(view->tree, item, keys[i]), text));
        }
        output_end_row(&output);
    }
    (void)output_finish(&output);
}

/* ---- objects and lists ---- */

static void show_list(const struct view *view, const struct json_node *list, int indent)
{
    if (is_table(view, list)) {
        show_table(view, list, indent);
        return;
    }
    for (const struct json_node *item = json_first(view->tree, list); item;
         item = json_next(view->tree, item)) {
        show_value(view, item, indent);
        if (item->next > 0) {
            fputc('\n', view->out);
        }
    }
}

static void show_member(const struct view *view, const struct json_node *node, int indent, int width)
{
    char key[CELL_MAX];
    char text[CELL_MAX];
    key_text(node, key);
    bool plain = !is_container(node) || (node->kind == JSON_ARRAY && is_flat(view, node, false));
    if (plain) {
        fprintf(view->out, "%*s%-*s  %s\n", indent, "", width, key, cell_text(view, node, text));
        return;
    }
    fprintf(view->out, "%*s%s\n", indent, "", key);
    show_value(view, node, indent + INDENT);
}

static void show_object(const struct view *view, const struct json_node *object, int indent)
{
    int width = 0;
    for (const struct json_node *node = json_first(view->tree, object); node;
         node = json_next(view->tree, node)) {
        char key[CELL_MAX];
        key_text(node, key);
        int size = is_container(node) ? 0 : terminal_text_width(key);
        width = size > width ? size : width;
    }
    for (const struct json_node *node = json_first(view->tree, object); node;
         node = json_next(view->tree, node)) {
        show_member(view, node, indent, width);
    }
}

static void show_value(const struct view *view, const struct json_node *node, int indent)
{
    char text[CELL_MAX];
    if (node->kind == JSON_OBJECT) {
        show_object(view, node, indent);
    } else if (node->kind == JSON_ARRAY) {
        show_list(view, node, indent);
    } else {
        fprintf(view->out, "%*s%s\n", indent, "", cell_text(view, node, text));
    }
}

void status_view_show(FILE *out, const struct json_tree *tree)
{
    const struct view view = {.out = out, .tree = tree};
    show_value(&view, &tree->nodes[0], 0);
}
