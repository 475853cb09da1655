#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 4096 };

/* "delay unit=1 delay=250ms" → the YAML of a fault, so that one table reads both. */
static bool words_to_yaml(const char *words, char *yaml, size_t size)
{
    char copy[WORDS_MAX];
    if (snprintf(copy, sizeof copy, "%s", words) >= (int)sizeof copy) {
        return false;
    }
    size_t used = 0;
    char *rest;
    for (char *word = strtok_r(copy, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
        char *equals = strchr(word, '=');
        bool is_kind = used == 0 && !equals;
        if (!equals && !is_kind) {
            return false;
        }
        if (equals) {
            *equals = '\0';
        }
        int written = snprintf(yaml + used, size - used, "%s: %s\n", is_kind ? "kind" : word,
                               is_kind ? word : equals + 1);
        if (written < 0 || (size_t)written >= size - used) {
            return false;
        }
        used += (size_t)written;
    }
    return used > 0;
}

static enum err explain(const struct diagnostics *diagnostics, struct err_text *why)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    if (memory) {
        diagnostics_print(diagnostics, memory);
        fclose(memory);
    }
    enum err result = err_set(why, ERR_CONFIG, "%s", text ? text : "wrong fault");
    free(text);
    return result;
}

enum err command_add_fault(struct faults *faults, const char *words, int64_t now_us, uint32_t *id,
                           struct err_text *why)
{
    char yaml[2 * WORDS_MAX];
    if (!words_to_yaml(words, yaml, sizeof yaml)) {
        return err_set(why, ERR_CONFIG, "expected KIND KEY=VALUE ..., got \"%s\"", words);
    }
    struct diagnostics *diagnostics = diagnostics_new();
    struct fault_options options;
    if (!diagnostics) {
        return err_set(why, ERR_NO_MEMORY, "%s", err_name(ERR_NO_MEMORY));
    }
    enum err result = options_load_text("fault", yaml, strlen(yaml), fault_table, &options, diagnostics);
    if (result != ERR_OK) {
        result = explain(diagnostics, why);
    } else {
        result = faults_add(faults, &options, now_us, id);
        (void)err_set(why, result, "%s", err_name(result));
    }
    options_free(fault_table, &options);
    diagnostics_free(diagnostics);
    return result;
}

static void write_error(struct json *json, const char *text)
{
    json_object(json, NULL);
    json_string(json, "error", text);
    json_object_end(json);
}

static void write_number(struct json *json, const char *key, uint64_t number)
{
    json_object(json, NULL);
    json_u64(json, key, number);
    json_object_end(json);
}

static void add(struct faults *faults, const char *words, int64_t now_us, struct json *json)
{
    uint32_t id = 0;
    struct err_text why = {.text = ""};
    if (command_add_fault(faults, words, now_us, &id, &why) == ERR_OK) {
        write_number(json, "id", id);
    } else {
        write_error(json, why.text);
    }
}

static void clear(struct faults *faults, const char *which, struct json *json)
{
    size_t before = faults->count;
    char *end;
    unsigned long id = strtoul(which, &end, 10);
    if (strcmp(which, "all") == 0) {
        faults_clear_all(faults);
    } else if (which[0] < '0' || which[0] > '9' || *end || faults_clear(faults, (uint32_t)id) != ERR_OK) {
        write_error(json, "no such fault");
        return;
    }
    write_number(json, "cleared", before - faults->count);
}

/* What follows the words at the start of a request; NULL if it does not start with them. */
static const char *after(const char *request, const char *words)
{
    size_t size = strlen(words);
    return strncmp(request, words, size) == 0 ? request + size : NULL;
}

void command_fault(struct faults *faults, const char *request, int64_t now_us, struct json *json)
{
    const char *words;
    if (strcmp(request, "fault list") == 0) {
        faults_list(faults, now_us, json);
    } else if ((words = after(request, "fault add ")) != NULL) {
        add(faults, words, now_us, json);
    } else if ((words = after(request, "fault clear ")) != NULL) {
        clear(faults, words, json);
    } else {
        write_error(json,
                    "expected: fault add KIND KEY=VALUE ..., fault list, fault clear ID, fault clear all");
    }
}
