#include "scan/scan.h"

#include "base/clock.h"
#include "scan/identify.h"
#include "tunnel/tag_words.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SAVE_INTERVAL_US CLOCK_US_PER_S

static void rest(struct scan *scan)
{
    int64_t left_us = scan->next_us - clock_mono_us();
    if (left_us > 0) {
        const struct timespec time = {.tv_sec = left_us / CLOCK_US_PER_S,
                                      .tv_nsec = left_us % CLOCK_US_PER_S * 1000};
        nanosleep(&time, NULL);
    }
    scan->next_us = clock_mono_us() + scan->options->interval_us;
}

static enum scan_end fail(struct scan *scan, const char *next)
{
    scan->next = next;
    return SCAN_FAILED;
}

static enum scan_end save(struct scan *scan, bool now)
{
    int64_t now_us = clock_mono_us();
    if (!scan->options->state || (!now && now_us - scan->saved_us < SAVE_INTERVAL_US)) {
        return SCAN_GOES_ON;
    }
    scan->saved_us = now_us;
    if (survey_save(scan->survey, scan->options->state, &scan->why) == ERR_OK) {
        return SCAN_GOES_ON;
    }
    return fail(scan, "What was found until now is shown below.");
}

static bool is_busy(const struct plc_answer *answer)
{
    return answer->result == PLC_EXCEPTION &&
           (answer->exception == MODBUS_ACKNOWLEDGE || answer->exception == MODBUS_SERVER_DEVICE_BUSY);
}

/* One request, in time. */
static enum scan_end ask(struct scan *scan, const struct plc_span *span, struct plc_answer *answer)
{
    for (int tries = 0; tries < SCAN_RETRIES_MAX; tries++) {
        if (*scan->interrupted) {
            return SCAN_INTERRUPTED;
        }
        rest(scan);
        scan->requests++;
        (void)plc_read(scan->plc, span, answer);
        if (answer->result == PLC_UNREACHABLE) {
            scan->why = answer->why;
            return fail(scan, answer->next);
        }
        if (!is_busy(answer)) {
            break;
        }
    }
    return save(scan, false);
}

/* ---- units ---- */

static bool is_there(const struct plc_answer *answer)
{
    bool gateway_alone = answer->exception == MODBUS_GATEWAY_PATH_UNAVAILABLE ||
                         answer->exception == MODBUS_GATEWAY_TARGET_FAILED;
    return answer->result == PLC_ANSWERED || (answer->result == PLC_EXCEPTION && !gateway_alone);
}

/* Any answer of its own shows a unit, also that it has no holding register 0. */
static enum scan_end find_unit(struct scan *scan, uint8_t id)
{
    const struct plc_span span = {.unit = id, .table = TABLE_HOLDING, .address = 0, .quantity = 1};
    struct plc_answer answer;
    enum scan_end end = ask(scan, &span, &answer);
    if (end != SCAN_INTERRUPTED && end != SCAN_FAILED) {
        scan->survey->units[id].state = is_there(&answer) ? SURVEY_PRESENT : SURVEY_ABSENT;
    }
    return end;
}

static enum scan_end find_units(struct scan *scan)
{
    enum scan_end end = SCAN_GOES_ON;
    for (size_t id = 0; id < SURVEY_UNITS && end == SCAN_GOES_ON; id++) {
        if (scan->options->units[id] && scan->survey->units[id].state == SURVEY_UNKNOWN) {
            progress_show(&scan->progress, "unit", id, 0, "is asked", clock_mono_us());
            end = find_unit(scan, (uint8_t)id);
        }
    }
    return end;
}

/* Looking into a device once is enough, however many units it says it is. */
static size_t last_worthwhile(struct scan *scan)
{
    size_t asked = 0;
    size_t there = 0;
    size_t first = SURVEY_UNITS;
    for (size_t id = 0; id < SURVEY_UNITS; id++) {
        bool present = scan->options->units[id] && scan->survey->units[id].state == SURVEY_PRESENT;
        asked += scan->options->units[id];
        there += present;
        first = present && first == SURVEY_UNITS ? id : first;
    }
    if (asked < SCAN_CROWD || there < asked) {
        return SURVEY_UNITS;
    }
    progress_clear(&scan->progress);
    fprintf(
        stderr,
        "bourdon scan: all %zu units answer: it is one device that ignores the identifier. Only unit %zu is "
        "looked into; fewer --units look into each.\n",
        there, first);
    return first;
}

/* ---- tables ---- */

static void show_progress(struct scan *scan, uint8_t id, enum table table)
{
    char what[64];
    snprintf(what, sizeof what, "%s addresses of unit %u", tag_word_name(tag_tables, (int)table), id);
    progress_show(&scan->progress, "scanned", scan->survey->units[id].tables[table].next, scan->options->end,
                  what, clock_mono_us());
}

/* A table that the device does not have, or stops answering for, is done with. */
static bool ends_table(const struct plc_answer *answer, int *silences)
{
    *silences = answer->result == PLC_SILENT ? *silences + 1 : 0;
    bool gone = answer->exception == MODBUS_ILLEGAL_FUNCTION ||
                answer->exception == MODBUS_GATEWAY_PATH_UNAVAILABLE ||
                answer->exception == MODBUS_GATEWAY_TARGET_FAILED;
    return (answer->result == PLC_EXCEPTION && gone) || *silences == SCAN_SILENCES_MAX;
}

static enum scan_end scan_table(struct scan *scan, uint8_t id, enum table table)
{
    struct finder_known *known = &scan->survey->units[id].tables[table];
    struct finder finder = finder_start(known, scan->options->end, scan->options->step);
    struct finder_range range;
    int silences = 0;
    known->next = known->next < scan->options->first ? scan->options->first : known->next;
    while (finder_next(&finder, &range)) {
        const struct plc_span span = {.unit = id,
                                      .table = table,
                                      .address = (uint16_t)range.first,
                                      .quantity = range.end - range.first};
        struct plc_answer answer;
        show_progress(scan, id, table);
        enum scan_end end = ask(scan, &span, &answer);
        if (end != SCAN_GOES_ON) {
            return end;
        }
        if (ends_table(&answer, &silences)) {
            known->next = scan->options->end;
            return SCAN_GOES_ON;
        }
        enum err result = finder_take(&finder, answer.result == PLC_ANSWERED);
        if (result != ERR_OK) {
            (void)err_set(&scan->why, result, "unit %u: %s", id, err_name(result));
            return fail(scan, "Fewer --addresses need less.");
        }
    }
    return SCAN_GOES_ON;
}

static enum scan_end scan_unit(struct scan *scan, uint8_t id)
{
    struct survey_unit *unit = &scan->survey->units[id];
    enum scan_end end = SCAN_GOES_ON;
    if (!unit->identified) {
        rest(scan);
        identify(scan->plc, id, unit->device);
        unit->identified = true;
    }
    for (int table = TABLE_COIL; table < SURVEY_TABLES && end == SCAN_GOES_ON; table++) {
        if (scan->options->tables[table]) {
            end = scan_table(scan, id, (enum table)table);
        }
    }
    return end;
}

enum scan_end scan_run(struct scan *scan)
{
    enum scan_end end = find_units(scan);
    size_t last = end == SCAN_GOES_ON ? last_worthwhile(scan) : 0;
    for (size_t id = 0; id < SURVEY_UNITS && id <= last && end == SCAN_GOES_ON; id++) {
        if (scan->options->units[id] && scan->survey->units[id].state == SURVEY_PRESENT) {
            end = scan_unit(scan, (uint8_t)id);
        }
    }
    progress_clear(&scan->progress);
    if (end != SCAN_FAILED && save(scan, true) == SCAN_FAILED) {
        return SCAN_FAILED;
    }
    return end == SCAN_GOES_ON ? SCAN_DONE : end;
}
