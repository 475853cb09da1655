#include "scan/survey.h"

#include "base/argument_value.h"
#include "base/array.h"
#include "line_reader.h"
#include "modbus/pdu.h"
#include "plc/plc.h"
#include "terminal_text.h"
#include "tunnel/tag_words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_LINE "bourdon-scan 1"

enum { WORDS_MAX = 6, /* one more than any fact has: further ones do not matter */ PATH_MAX_BYTES = 4096 };

void survey_init(struct survey *survey, const char *url)
{
    *survey = (struct survey){.url = url};
    for (size_t i = 0; i < SURVEY_UNITS; i++) {
        for (int table = TABLE_COIL; table < SURVEY_TABLES; table++) {
            survey->units[i].tables[table].most = plc_read_max((enum table)table);
        }
    }
}

void survey_fini(struct survey *survey)
{
    for (size_t i = 0; i < SURVEY_UNITS; i++) {
        for (int table = TABLE_COIL; table < SURVEY_TABLES; table++) {
            finder_known_fini(&survey->units[i].tables[table]);
        }
    }
}

/* ---- reading ---- */

/* One line in words. */
struct fact {
    char *words[WORDS_MAX];
    size_t count;
    struct survey_unit *unit;   /* of the second word; NULL = it is none */
    struct finder_known *table; /* of the third word; likewise */
};

static bool take_url(struct survey *survey, const struct fact *fact)
{
    return fact->count == 2 && strcmp(fact->words[1], survey->url) == 0;
}

static bool take_absent(struct survey *survey, const struct fact *fact)
{
    (void)survey;
    if (fact->unit) {
        fact->unit->state = SURVEY_ABSENT;
    }
    return fact->unit && fact->count == 2;
}

static bool take_present(struct survey *survey, const struct fact *fact)
{
    (void)survey;
    if (fact->unit) {
        fact->unit->state = SURVEY_PRESENT;
    }
    return fact->unit && fact->count == 2;
}

static bool take_table(struct survey *survey, const struct fact *fact)
{
    (void)survey;
    uint64_t next;
    uint64_t most;
    if (!fact->table || fact->count != 5 || !argument_count(fact->words[3], 0, PDU_ADDRESSES, &next) ||
        !argument_count(fact->words[4], 1, fact->table->most, &most)) {
        return false;
    }
    fact->table->next = (uint32_t)next;
    fact->table->most = (uint32_t)most;
    return true;
}

static bool take_range(struct survey *survey, const struct fact *fact)
{
    (void)survey;
    uint64_t first;
    uint64_t last;
    if (!fact->table || fact->count != 5 || !argument_count(fact->words[3], 0, PDU_ADDRESSES - 1, &first) ||
        !argument_count(fact->words[4], first, PDU_ADDRESSES - 1, &last)) {
        return false;
    }
    const struct finder_known *table = fact->table;
    bool behind = table->count == 0 || table->ranges[table->count - 1].end <= first;
    return behind &&
           finder_add(fact->table, (struct finder_range){(uint32_t)first, (uint32_t)last + 1}) == ERR_OK;
}

/* The rest of the line is free text. */
static bool take_device(const char *line, struct survey *survey)
{
    char *text;
    unsigned long unit = strtoul(line, &text, 10);
    if (line[0] < '0' || line[0] > '9' || unit >= SURVEY_UNITS || (*text != ' ' && *text != '\0')) {
        return false;
    }
    survey->units[unit].identified = true;
    terminal_text_copy(*text ? text + 1 : text, survey->units[unit].device, SURVEY_DEVICE_MAX);
    return true;
}

static void split(char *line, struct survey *survey, struct fact *fact)
{
    char *rest = NULL;
    uint64_t unit;
    *fact = (struct fact){.count = 0};
    for (char *word = strtok_r(line, " ", &rest); word && fact->count < WORDS_MAX;
         word = strtok_r(NULL, " ", &rest)) {
        fact->words[fact->count++] = word;
    }
    if (fact->count > 1 && argument_count(fact->words[1], 0, SURVEY_UNITS - 1, &unit)) {
        fact->unit = &survey->units[unit];
    }
    const struct option_choice *table = fact->count > 2 ? tag_word_find(tag_tables, fact->words[2]) : NULL;
    if (fact->unit && table && table->value != TABLE_NONE) {
        fact->table = &fact->unit->tables[table->value];
    }
}

static bool take_line(char *line, struct survey *survey)
{
    static const struct {
        const char *word;
        bool (*take)(struct survey *survey, const struct fact *fact);
    } kinds[] = {
        {"url", take_url},     {"absent", take_absent}, {"present", take_present},
        {"table", take_table}, {"range", take_range},
    };
    struct fact fact;
    if (strncmp(line, "device ", 7) == 0) {
        return take_device(line + 7, survey);
    }
    split(line, survey, &fact);
    for (size_t i = 0; fact.count > 0 && i < ARRAY_LENGTH(kinds); i++) {
        if (strcmp(fact.words[0], kinds[i].word) == 0) {
            return kinds[i].take(survey, &fact);
        }
    }
    return false;
}

static enum err read_line(struct survey *survey, struct line_reader *reader, const char *path,
                          struct err_text *why)
{
    bool first = reader->number == 1;
    bool url = strncmp(reader->text, "url ", 4) == 0;
    if (first ? strcmp(reader->text, FIRST_LINE) == 0 : take_line(reader->text, survey)) {
        return ERR_OK;
    }
    if (first) {
        return err_set(why, ERR_MALFORMED, "%s is not the state of a scan: name another file", path);
    }
    if (url) {
        return err_set(why, ERR_CONFLICT, "%s is the state of a scan of another url: name another file",
                       path);
    }
    return err_set(why, ERR_MALFORMED, "%s: line %" PRIu64 " makes no sense: remove the file to begin anew",
                   path, reader->number);
}

static enum err read_lines(struct survey *survey, struct line_reader *reader, const char *path,
                           struct err_text *why)
{
    enum line_kind kind;
    while ((kind = line_reader_next(reader)) == LINE_GOOD) {
        enum err result = read_line(survey, reader, path, why);
        if (result != ERR_OK) {
            return result;
        }
    }
    if (kind == LINE_END) {
        return ERR_OK;
    }
    return err_set(why, ERR_MALFORMED, "%s: line %" PRIu64 " cannot be read", path, reader->number);
}

enum err survey_load(struct survey *survey, const char *path, struct err_text *why)
{
    struct line_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    enum err result = ERR_OK;
    reader->file = fopen(path, "re");
    if (reader->file) {
        result = read_lines(survey, reader, path, why);
        fclose(reader->file);
    } else if (errno != ENOENT) {
        result = err_errno(why, errno, "open %s", path);
    }
    free(reader);
    return result;
}

/* ---- writing ---- */

static void write_table(FILE *file, size_t unit, int table, const struct finder_known *known)
{
    const char *name = tag_word_name(tag_tables, table);
    fprintf(file, "table %zu %s %u %u\n", unit, name, known->next, known->most);
    for (size_t i = 0; i < known->count; i++) {
        fprintf(file, "range %zu %s %u %u\n", unit, name, known->ranges[i].first, known->ranges[i].end - 1);
    }
}

static void write_facts(FILE *file, const struct survey *survey)
{
    fprintf(file, FIRST_LINE "\nurl %s\n", survey->url);
    for (size_t i = 0; i < SURVEY_UNITS; i++) {
        const struct survey_unit *unit = &survey->units[i];
        if (unit->state == SURVEY_UNKNOWN) {
            continue;
        }
        fprintf(file, "%s %zu\n", unit->state == SURVEY_ABSENT ? "absent" : "present", i);
        if (unit->identified) {
            fprintf(file, "device %zu %s\n", i, unit->device);
        }
        for (int table = TABLE_COIL; table < SURVEY_TABLES; table++) {
            if (unit->tables[table].next > 0) {
                write_table(file, i, table, &unit->tables[table]);
            }
        }
    }
}

enum err survey_replace(const char *path, void (*write)(FILE *file, const struct survey *survey),
                        const struct survey *survey, struct err_text *why)
{
    char new_path[PATH_MAX_BYTES];
    if ((size_t)snprintf(new_path, sizeof new_path, "%s.new", path) >= sizeof new_path) {
        return err_set(why, ERR_LIMIT, "%s: the path is too long", path);
    }
    FILE *file = fopen(new_path, "we");
    if (!file) {
        return err_errno(why, errno, "write %s", new_path);
    }
    write(file, survey);
    bool written = !ferror(file) && fflush(file) == 0;
    if (fclose(file) != 0 || !written || rename(new_path, path) != 0) {
        enum err result = err_errno(why, errno, "write %s", path);
        unlink(new_path);
        return result;
    }
    return ERR_OK;
}

enum err survey_save(const struct survey *survey, const char *path, struct err_text *why)
{
    return survey_replace(path, write_facts, survey, why);
}
