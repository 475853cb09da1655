#include "field/field_plan.h"

#include "base/options_unit.h"
#include "field/field_layout.h"
#include "field/line.h"

#include <stdlib.h>

struct planned_unit {
    const struct layout_unit *layout;
    struct plan plan;
    int64_t pause_us;
};

/* The units of one link. */
struct planned_link {
    const struct link_options *options;
    struct link_url url;
    struct planned_unit *units;
    size_t unit_count;
};

/* What a link's requests take of each second. */
struct load {
    size_t requests;
    double line; /* of the line's time; 1 = all of it */
    double unit; /* of the time of its busiest unit, pauses included */
};

static void fini_link(struct planned_link *link)
{
    for (size_t i = 0; i < link->unit_count; i++) {
        plan_fini(&link->units[i].plan);
    }
    free(link->units);
}

static enum err plan_link(struct layout_unit *layouts, const struct link_options *options,
                          struct planned_link *link)
{
    *link = (struct planned_link){.options = options};
    enum err result = link_url_parse(options->url, &link->url, NULL);
    if (result != ERR_OK) {
        return result;
    }
    link->units = calloc(options->units.count + 1, sizeof *link->units);
    if (!link->units) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < options->units.count; i++) {
        struct unit_setup setup = field_layout_take(&layouts[i]);
        struct planned_unit *unit = &link->units[i];
        free(setup.rules);
        *unit = (struct planned_unit){.layout = &layouts[i], .pause_us = setup.pause_us};
        if (plan_init(&unit->plan, &setup.limits, setup.points, setup.point_count) != ERR_OK) {
            fini_link(link);
            return ERR_NO_MEMORY;
        }
        link->unit_count++;
    }
    return ERR_OK;
}

/* The share one request has of the line's time. */
static double share_of(const struct planned_link *link, const struct plan_group *group,
                       const struct plan_block *block)
{
    return (double)line_request_us(&link->url, link->options->latency_us, block) / (double)group->rate_us;
}

static void add_unit_load(const struct planned_link *link, const struct planned_unit *unit, struct load *load)
{
    double busy = 0;
    for (size_t i = 0; i < unit->plan.group_count; i++) {
        const struct plan_group *group = &unit->plan.groups[i];
        for (size_t j = 0; j < group->block_count; j++) {
            double share = share_of(link, group, plan_block(&unit->plan, i, j));
            load->requests++;
            load->line += share;
            busy += share + (double)unit->pause_us / (double)group->rate_us;
        }
    }
    load->unit = busy > load->unit ? busy : load->unit;
}

static struct load load_of(const struct planned_link *link)
{
    struct load load = {.requests = 0};
    for (size_t i = 0; i < link->unit_count; i++) {
        add_unit_load(link, &link->units[i], &load);
    }
    return load;
}

static const char *table_name(enum table table)
{
    static const char *const names[] = {"none", "coil", "discrete", "input", "holding"};
    return names[table];
}

static void print_block(const struct planned_link *link, const struct plan_group *group,
                        const struct plan_block *block, FILE *out)
{
    char rate[32];
    options_unit_format_duration(group->rate_us, rate, sizeof rate);
    double request_ms = (double)line_request_us(&link->url, link->options->latency_us, block) / 1000;
    fprintf(out, "    every %-7s %-8s %5u to %-5u  %4u %s, %u tag%s, %.1f ms, %.2f %% of the line\n", rate,
            table_name(block->table), block->address, block->address + block->quantity - 1U, block->quantity,
            plan_table_is_bits(block->table) ? "bits" : "registers", block->count,
            block->count == 1 ? "" : "s", request_ms, 100 * share_of(link, group, block));
}

static enum err print_link(void *owner, const struct planned_link *link)
{
    FILE *out = owner;
    fprintf(out, "link %s  %s\n", link->options->name, link->options->url);
    for (size_t i = 0; i < link->unit_count; i++) {
        const struct plan *plan = &link->units[i].plan;
        fprintf(out, "  unit %lld\n", (long long)link->units[i].layout->options->id);
        for (size_t j = 0; j < plan->group_count; j++) {
            for (size_t k = 0; k < plan->groups[j].block_count; k++) {
                print_block(link, &plan->groups[j], plan_block(plan, j, k), out);
            }
        }
    }
    struct load load = load_of(link);
    fprintf(out, "  %zu request%s, %.2f %% of the line's time\n", load.requests,
            load.requests == 1 ? "" : "s", 100 * load.line);
    return ERR_OK;
}

static enum err check_link(void *owner, const struct planned_link *link)
{
    struct diagnostics *diagnostics = owner;
    struct load load = load_of(link);
    struct place place = option_place(diagnostics, link->options, "url");
    if (load.line > 1) {
        diagnostics_warn(
            diagnostics, place, "read less often, permit a gap, or use a faster line",
            "url: the schedule does not fit: %zu request%s take%s %.0f ms of line time in each second",
            load.requests, load.requests == 1 ? "" : "s", load.requests == 1 ? "s" : "", 1000 * load.line);
    } else if (load.unit > 1) {
        diagnostics_warn(
            diagnostics, place, "read less often, permit a gap, or shorten the pause",
            "url: the schedule does not fit: with its pauses one unit is busy for %.0f ms in each "
            "second",
            1000 * load.unit);
    }
    return ERR_OK;
}

static enum err each_link(const struct field_options *options,
                          enum err (*each)(void *owner, const struct planned_link *link), void *owner)
{
    struct field_layout layout;
    enum err result = field_layout_make(options, &layout, NULL);
    if (result != ERR_OK) {
        return result;
    }
    const struct link_options *links = options->links.items;
    struct layout_unit *units = layout.units;
    for (size_t i = 0; i < options->links.count && result == ERR_OK; i++) {
        struct planned_link link;
        result = plan_link(units, &links[i], &link);
        if (result == ERR_OK) {
            result = each(owner, &link);
            fini_link(&link);
        }
        units += links[i].units.count;
    }
    field_layout_fini(&layout);
    return result;
}

enum err field_plan_print(const struct field_options *options, FILE *out)
{
    return each_link(options, print_link, out);
}

enum err field_plan_check(const struct field_options *options, struct diagnostics *diagnostics)
{
    return each_link(options, check_link, diagnostics);
}
