/*
 * field_print: polls what a configuration's `links:` say and prints each reading as
 * `tag<TAB>quality<TAB>value`, until standard input ends. The field side alone, for tests against foreign
 * PLCs.
 */
#include "field/field.h"
#include "tunnel/value.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct root {
    struct place place;
    struct field_options field;
};

static const struct option root_table[] = {
    {.name = "links",
     .kind = OPTION_LIST,
     .offset = offsetof(struct root, field.links),
     .table = field_link_table,
     .item_size = sizeof(struct link_options)},
    OPTIONS_END,
};

struct printer {
    pthread_mutex_t mutex;
    const struct catalog *catalog;
};

static void print_reading(const struct catalog *catalog, const struct reading *reading)
{
    const struct catalog_tag *tag = catalog_tag(catalog, reading->tag);
    char text[VALUE_TEXT_MAX] = "";
    struct value value;
    if (reading->word_count > 0 && value_decode(tag, reading->words, reading->word_count, &value) == ERR_OK) {
        value_text(&value, text);
    }
    printf("%s\t%s\t%s\t%lld\t%lld\t", tag->name, quality_token(reading->quality), text,
           (long long)reading->request_us, (long long)reading->response_us);
    for (size_t i = 0; i < reading->word_count; i++) {
        printf("%04x", reading->words[i]);
    }
    printf("\n");
}

static bool print_readings(void *owner, const struct reading *readings, size_t count)
{
    struct printer *printer = owner;
    pthread_mutex_lock(&printer->mutex);
    for (size_t i = 0; i < count; i++) {
        print_reading(printer->catalog, &readings[i]);
    }
    fflush(stdout);
    pthread_mutex_unlock(&printer->mutex);
    return true;
}

static void await_end_of_input(void)
{
    while (getchar() != EOF) {
    }
}

static enum err run(const struct root *root, struct err_text *why)
{
    struct catalog *catalog = NULL;
    enum err result = field_options_catalog(&root->field, &catalog, why);
    struct printer printer = {.mutex = PTHREAD_MUTEX_INITIALIZER, .catalog = catalog};
    const struct reading_sink sink = {.owner = &printer, .put = print_readings};
    struct field *field = NULL;
    if (result == ERR_OK) {
        result = field_start(&root->field, catalog, &sink, &field, why);
    }
    if (result == ERR_OK) {
        await_end_of_input();
        field_stop(field, 0);
    }
    catalog_free(catalog);
    return result;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: field_print CONFIG\n");
        return EXIT_FAILURE;
    }
    struct root root = {.place = {0}};
    struct diagnostics *diagnostics = diagnostics_new();
    struct err_text why = {.text = ""};
    enum err result = options_load(argv[1], root_table, &root, diagnostics);
    if (result == ERR_OK) {
        result = field_options_check(&root.field, argv[1], diagnostics);
    }
    diagnostics_print(diagnostics, stderr);
    if (result == ERR_OK) {
        result = run(&root, &why);
        fprintf(stderr, "%s", why.text);
    }
    field_options_fini(&root.field);
    options_free(root_table, &root);
    diagnostics_free(diagnostics);
    return result == ERR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
