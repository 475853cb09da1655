#include "scan/fragment.h"

#include "plc/plc.h"
#include "tunnel/tag_words.h"

#include <inttypes.h>

static bool is_bits(int table)
{
    return table == TABLE_COIL || table == TABLE_DISCRETE;
}

static bool has_ranges(const struct survey_unit *unit)
{
    for (int table = TABLE_COIL; table < SURVEY_TABLES; table++) {
        if (unit->tables[table].count > 0) {
            return true;
        }
    }
    return false;
}

/* The smaller of what two tables of a kind let be read at once, where that is less than the standard's. */
static void write_limit(FILE *file, const struct survey_unit *unit, const char *key, enum table a,
                        enum table b)
{
    uint32_t most = unit->tables[a].most < unit->tables[b].most ? unit->tables[a].most : unit->tables[b].most;
    if (most < plc_read_max(a)) {
        fprintf(file, "        %s: %u\n", key, most);
    }
}

static void write_range(FILE *file, size_t unit, int table, struct finder_range range, size_t *left)
{
    const char *name = tag_word_name(tag_tables, table);
    const char *type = is_bits(table) ? "bool" : "uint16";
    uint32_t address = range.first;
    for (; address<range.end && * left> 0; address++, (*left)--) {
        fprintf(file, "          - {name: unit-%zu/%s-%u, table: %s, address: %u, type: %s, rate: 1s}\n",
                unit, name, address, name, address, type);
    }
    if (address < range.end) {
        fprintf(file, "          # %s %u to %u can be read, too\n", name, address, range.end - 1);
    }
}

static void write_unit(FILE *file, size_t id, const struct survey_unit *unit, size_t *left)
{
    fprintf(file, "      - id: %zu", id);
    fprintf(file, *unit->device ? "  # %s\n" : "%s\n", unit->device);
    write_limit(file, unit, "max_registers", TABLE_INPUT, TABLE_HOLDING);
    write_limit(file, unit, "max_bits", TABLE_COIL, TABLE_DISCRETE);
    fputs("        tags:\n", file);
    for (int table = TABLE_COIL; table < SURVEY_TABLES; table++) {
        const struct finder_known *known = &unit->tables[table];
        for (size_t i = 0; i < known->count; i++) {
            write_range(file, id, table, known->ranges[i], left);
        }
    }
}

bool fragment_is_worthwhile(const struct survey *survey)
{
    for (size_t i = 0; i < SURVEY_UNITS; i++) {
        if (has_ranges(&survey->units[i])) {
            return true;
        }
    }
    return false;
}

/* A scalar that any text may be: YAML 1.2, section 7.3.2. */
static void write_quoted(FILE *file, const char *key, const char *text)
{
    fprintf(file, "%s: '", key);
    for (const char *at = text; *at; at++) {
        fprintf(file, *at == '\'' ? "'%c" : "%c", *at);
    }
    fputs("'\n", file);
}

static void write_tls(FILE *file, const struct plc_access *access)
{
    fputs("    tls:\n", file);
    write_quoted(file, "      certificate", access->certificate);
    write_quoted(file, "      key", access->key);
    if (access->ca) {
        write_quoted(file, "      ca", access->ca);
    }
    if (access->pin) {
        write_quoted(file, "      pin", access->pin);
    }
}

void fragment_write(FILE *file, const struct survey *survey)
{
    size_t left = FRAGMENT_TAGS_MAX;
    fputs("# Found by bourdon scan. Goes into a bridge's configuration; \"bourdon probe\" tells which "
          "registers\n"
          "# belong together, and in which order.\n"
          "links:\n"
          "  - name: scanned\n",
          file);
    write_quoted(file, "    url", survey->url);
    if (survey->access && survey->access->certificate) {
        write_tls(file, survey->access);
    }
    fputs("    units:\n", file);
    for (size_t i = 0; i < SURVEY_UNITS; i++) {
        if (has_ranges(&survey->units[i]) && left > 0) {
            write_unit(file, i, &survey->units[i], &left);
        }
    }
}
