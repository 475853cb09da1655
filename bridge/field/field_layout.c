#include "field/field_layout.h"

#include "base/clock.h"
#include "field/field_walk.h"
#include "field/tag_limits.h"
#include "link/link_url.h"

#include <stdlib.h>

/* How far back a rule is compared: tags with the same rule mostly follow each other. */
enum { RULES_COMPARED = 16, RULES_FIRST = 4 };

struct filling {
    struct field_layout *layout;
    size_t *first_unit; /* of each link */
    uint32_t next_tag;
};

static struct layout_unit *unit_of(const struct filling *filling, const struct field_tag *tag)
{
    return &filling->layout->units[filling->first_unit[tag->link_index] + tag->unit_index];
}

static bool same_rule(const struct report_rule *a, const struct report_rule *b)
{
    return a->bounded == b->bounded && a->low == b->low && a->high == b->high && a->deadband == b->deadband &&
           a->max_age_us == b->max_age_us;
}

static enum err append_rule(struct layout_unit *unit, const struct report_rule *rule)
{
    if (unit->rule_count == FIELD_RULES_MAX) {
        return ERR_LIMIT;
    }
    bool power_of_two = (unit->rule_count & (unit->rule_count - 1)) == 0;
    if (unit->rule_count == 0 || (power_of_two && unit->rule_count >= RULES_FIRST)) {
        size_t capacity = unit->rule_count ? unit->rule_count * 2 : RULES_FIRST;
        struct report_rule *rules = realloc(unit->rules, capacity * sizeof *rules);
        if (!rules) {
            return ERR_NO_MEMORY;
        }
        unit->rules = rules;
    }
    unit->rules[unit->rule_count++] = *rule;
    return ERR_OK;
}

/* Puts one plus the rule's index into `*number`; 0 for a tag without. */
static enum err find_rule(struct layout_unit *unit, const struct tag_options *tag, uint16_t *number)
{
    struct tag_limits limits;
    const char *key;
    const char *hint;
    (void)tag_limits_parse(tag, &limits, &key, &hint);
    const struct report_rule rule = {
        .bounded = limits.bounded,
        .low = limits.low,
        .high = limits.high,
        .deadband = limits.deadband,
        .max_age_us = tag->max_age_us,
    };
    *number = 0;
    if (!rule.bounded && rule.deadband < 0) {
        return ERR_OK;
    }
    for (size_t i = unit->rule_count; i > 0 && unit->rule_count - i < RULES_COMPARED; i--) {
        if (same_rule(&unit->rules[i - 1], &rule)) {
            *number = (uint16_t)i;
            return ERR_OK;
        }
    }
    enum err result = append_rule(unit, &rule);
    *number = (uint16_t)unit->rule_count;
    return result;
}

static enum err count_tag(void *owner, const struct field_tag *tag)
{
    struct filling *filling = owner;
    unit_of(filling, tag)->point_count++;
    return ERR_OK;
}

static enum err place_tag(void *owner, const struct field_tag *tag)
{
    struct filling *filling = owner;
    struct layout_unit *unit = unit_of(filling, tag);
    struct plan_point *point = &unit->points[unit->point_count++];
    *point = (struct plan_point){
        .tag = filling->next_tag++,
        .address = tag->described.address,
        .size = tag->described.words,
        .table = (uint8_t)tag->described.table,
        .rate_us = tag->options->rate_us,
    };
    return find_rule(unit, tag->options, &point->rule);
}

static enum err make_units(const struct field_options *options, struct filling *filling)
{
    const struct link_options *links = options->links.items;
    struct field_layout *layout = filling->layout;
    for (size_t i = 0; i < options->links.count; i++) {
        filling->first_unit[i] = layout->unit_count;
        layout->unit_count += links[i].units.count;
    }
    layout->units = calloc(layout->unit_count + 1, sizeof *layout->units);
    if (!layout->units) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < options->links.count; i++) {
        const struct unit_options *units = links[i].units.items;
        for (size_t j = 0; j < links[i].units.count; j++) {
            struct layout_unit *unit = &layout->units[filling->first_unit[i] + j];
            unit->link = &links[i];
            unit->options = &units[j];
        }
    }
    return field_walk(options, count_tag, filling);
}

static enum err make_points(const struct field_options *options, struct filling *filling)
{
    for (size_t i = 0; i < filling->layout->unit_count; i++) {
        struct layout_unit *unit = &filling->layout->units[i];
        unit->points = calloc(unit->point_count + 1, sizeof *unit->points);
        if (!unit->points) {
            return ERR_NO_MEMORY;
        }
        unit->point_count = 0;
    }
    return field_walk(options, place_tag, filling);
}

enum err field_layout_make(const struct field_options *options, struct field_layout *layout,
                           struct err_text *why)
{
    *layout = (struct field_layout){.unit_count = 0};
    struct filling filling = {
        .layout = layout,
        .first_unit = calloc(options->links.count + 1, sizeof *filling.first_unit),
    };
    enum err result = filling.first_unit ? make_units(options, &filling) : ERR_NO_MEMORY;
    if (result == ERR_OK) {
        result = make_points(options, &filling);
    }
    free(filling.first_unit);
    if (result != ERR_OK) {
        field_layout_fini(layout);
        return err_set(why, result, "lay out the tags: %s", err_name(result));
    }
    return ERR_OK;
}

void field_layout_fini(struct field_layout *layout)
{
    for (size_t i = 0; layout->units && i < layout->unit_count; i++) {
        free(layout->units[i].points);
        free(layout->units[i].rules);
    }
    free(layout->units);
    *layout = (struct field_layout){.unit_count = 0};
}

struct unit_setup field_layout_take(struct layout_unit *unit)
{
    const struct unit_options *options = unit->options;
    struct link_url url;
    bool serial = link_url_parse(unit->link->url, &url, NULL) == ERR_OK && url.scheme == LINK_RTU;
    struct unit_setup setup = {
        .id = (uint8_t)options->id,
        .limits = {.max_registers = (uint16_t)options->max_registers,
                   .max_bits = (uint16_t)options->max_bits,
                   .gap = (uint16_t)options->gap},
        .pause_us = options->pause_us,
        .quarantine_us = serial ? unit->link->response_timeout_us : 0,
        .breaker_cap_ms = (uint32_t)(unit->link->reconnect_max_us / CLOCK_US_PER_MS),
        .align = unit->link->align,
        .points = unit->points,
        .point_count = unit->point_count,
        .rules = unit->rules,
    };
    unit->points = NULL;
    unit->rules = NULL;
    return setup;
}
