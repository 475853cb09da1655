#include "field/field_template.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct option field_template_file_table[] = {
    {.name = "templates",
     .kind = OPTION_LIST,
     .offset = offsetof(struct field_template, templates),
     .table = field_template_table,
     .item_size = sizeof(struct template_options),
     .max_items = 64,
     .help = "Templates this one builds on."},
    {.name = "tags",
     .kind = OPTION_LIST,
     .offset = offsetof(struct field_template, tags),
     .table = field_tag_table,
     .item_size = sizeof(struct tag_options),
     .max_items = CATALOG_TAGS_MAX,
     .help = "What is read from a device of this kind."},
    OPTIONS_END,
};

/* What loading needs on its way down. */
struct loader {
    struct field_options *options;
    struct diagnostics *diagnostics;
    unsigned depth;
};

static enum err load_list(struct loader *loader, struct option_list *list, const char *from);

/* `file` as seen from the folder of `from`; NULL: out of memory. */
static char *path_beside(const char *from, const char *file)
{
    const char *slash = strrchr(from, '/');
    if (*file == '/' || !slash) {
        return strdup(file);
    }
    char *path;
    return asprintf(&path, "%.*s/%s", (int)(slash - from), from, file) < 0 ? NULL : path;
}

static struct field_template *find_loaded(const struct field_options *options, const char *path)
{
    struct field_template *template = options->templates;
    while (template && strcmp(template->path, path) != 0) {
        template = template->next;
    }
    return template;
}

/* Takes over `path`. */
static enum err load_new(struct loader *loader, char *path, struct field_template **out)
{
    struct field_template *template = calloc(1, sizeof *template);
    if (!template) {
        free(path);
        return ERR_NO_MEMORY;
    }
    template->path = path;
    template->next = loader->options->templates;
    loader->options->templates = template;
    *out = template;
    enum err result = options_load(path, field_template_file_table, template, loader->diagnostics);
    if (result == ERR_NO_MEMORY) {
        return result;
    }
    template->loading = true;
    result = load_list(loader, &template->templates, path);
    template->loading = false;
    return result;
}

static enum err load_one(struct loader *loader, struct template_options *wanted, const char *from)
{
    struct place place = option_place(loader->diagnostics, wanted, "file");
    char *path = path_beside(from, wanted->file);
    if (!path) {
        return ERR_NO_MEMORY;
    }
    struct field_template *template = find_loaded(loader->options, path);
    if (!template && access(path, R_OK) != 0) {
        diagnostics_add(loader->diagnostics, place, "the path is relative to the file that names it",
                        "file: there is no readable template %s", path);
        free(path);
        return ERR_OK;
    }
    if (template && template->loading) {
        diagnostics_add(loader->diagnostics, place, NULL, "file: the template %s includes itself", path);
        free(path);
        return ERR_OK;
    }
    if (template) {
        free(path);
        wanted->loaded = template;
        return ERR_OK;
    }
    if (loader->depth == FIELD_TEMPLATE_DEPTH_MAX) {
        diagnostics_add(loader->diagnostics, place, NULL, "file: templates are nested more than %d deep",
                        FIELD_TEMPLATE_DEPTH_MAX);
        free(path);
        return ERR_OK;
    }
    loader->depth++;
    enum err result = load_new(loader, path, &wanted->loaded);
    loader->depth--;
    return result;
}

static enum err load_list(struct loader *loader, struct option_list *list, const char *from)
{
    struct template_options *wanted = list->items;
    enum err result = ERR_OK;
    for (size_t i = 0; i < list->count && result == ERR_OK; i++) {
        if (*wanted[i].file) {
            result = load_one(loader, &wanted[i], from);
        }
    }
    return result;
}

enum err field_template_load_all(struct field_options *options, const char *path,
                                 struct diagnostics *diagnostics)
{
    struct loader loader = {.options = options, .diagnostics = diagnostics};
    struct link_options *links = options->links.items;
    enum err result = ERR_OK;
    for (size_t i = 0; i < options->links.count && result == ERR_OK; i++) {
        struct unit_options *units = links[i].units.items;
        for (size_t j = 0; j < links[i].units.count && result == ERR_OK; j++) {
            result = load_list(&loader, &units[j].templates, path);
        }
    }
    return result;
}

void field_template_free_all(struct field_template *first)
{
    while (first) {
        struct field_template *next = first->next;
        options_free(field_template_file_table, first);
        free(first->path);
        free(first);
        first = next;
    }
}
