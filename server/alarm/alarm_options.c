#include "alarm/alarm_options.h"

#include "alarm/alarm.h"

#include <string.h>

static const struct option_choice levels[] = {
    {"high_high", ALARM_HIGH_HIGH},
    {"high", ALARM_HIGH},
    {"low", ALARM_LOW},
    {"low_low", ALARM_LOW_LOW},
    {NULL, 0},
};

#define RULE(field) offsetof(struct alarm_rule_options, field)
static const struct option rule_table[] = {
    {.name = "tag",
     .kind = OPTION_STRING,
     .offset = RULE(tag),
     .required = true,
     .placeholder = "PATTERN",
     .help = "Tags whose name matches, as with file names: boiler-*/pressure."},
    {.name = "bridge",
     .kind = OPTION_STRING,
     .offset = RULE(bridge),
     .fallback = "*",
     .placeholder = "PATTERN",
     .help = "Of bridges whose name matches."},
    {.name = "level",
     .kind = OPTION_CHOICE,
     .offset = RULE(level),
     .required = true,
     .choices = levels,
     .help = "Which alarm of the tag this is. Of rules for the same tag and level the first one counts."},
    {.name = "limit",
     .kind = OPTION_FLOAT,
     .offset = RULE(limit),
     .required = true,
     .help = "Beyond it, above for high and below for low, the alarm becomes active. In the tag's unit."},
    {.name = "deadband",
     .kind = OPTION_FLOAT,
     .offset = RULE(deadband),
     .fallback = "0",
     .min = 0,
     .max = -1,
     .help = "How far back inside the limit the value must come for the alarm to return (hysteresis)."},
    {.name = "on_delay",
     .kind = OPTION_DURATION,
     .offset = RULE(on_delay_us),
     .fallback = "0s",
     .min = 0,
     .max = 86400e6,
     .help = "How long the value must be beyond the limit."},
    {.name = "off_delay",
     .kind = OPTION_DURATION,
     .offset = RULE(off_delay_us),
     .fallback = "0s",
     .min = 0,
     .max = 86400e6,
     .help = "How long it must be back inside."},
    OPTIONS_END,
};

#define OWN(field) offsetof(struct alarm_options, field)
const struct option alarm_options_table[] = {
    {.name = "state",
     .kind = OPTION_STRING,
     .offset = OWN(state),
     .fallback = "/var/lib/bourdon/server/alarms.db",
     .placeholder = "FILE",
     .help = "Where the states of alarms are kept, made if it is not there. Changes at a restart."},
    {.name = "command",
     .kind = OPTION_STRINGS,
     .offset = OWN(command),
     .max_items = ALARM_COMMAND_MAX,
     .placeholder = "WORD",
     .help = "A program and its arguments, run for each change of a state that is not shelved, with the "
             "change as "
             "JSON on its standard input. One at a time; no shell."},
    {.name = "webhook",
     .kind = OPTION_STRING,
     .offset = OWN(webhook),
     .placeholder = "URL",
     .help = "Where the same JSON is posted to. Needs curl."},
    {.name = "timeout",
     .kind = OPTION_DURATION,
     .offset = OWN(timeout_us),
     .fallback = "10s",
     .min = 100e3,
     .max = 300e6,
     .help = "A command or webhook that takes longer is killed, and counts as failed."},
    {.name = "rules",
     .kind = OPTION_LIST,
     .offset = OWN(rules),
     .table = rule_table,
     .item_size = sizeof(struct alarm_rule_options),
     .max_items = ALARM_RULES_MAX,
     .help = "The alarms. Without rules nothing is watched."},
    OPTIONS_END,
};

void alarm_options_check(const struct alarm_options *options, struct diagnostics *diagnostics)
{
    bool url = strncmp(options->webhook, "http://", 7) == 0 || strncmp(options->webhook, "https://", 8) == 0;
    if (options->webhook[0] != '\0' && !url) {
        diagnostics_add(diagnostics, option_place(diagnostics, options, "webhook"), NULL,
                        "webhook: begins with http:// or https://");
    }
    if (options->command.count > 0 && ((char **)options->command.items)[0][0] != '/') {
        diagnostics_add(diagnostics, option_place(diagnostics, options, "command"),
                        "for example /usr/local/bin/page-the-operator",
                        "command: the program is an absolute path");
    }
    if (options->rules.count > 0 && options->state[0] == '\0') {
        diagnostics_add(diagnostics, option_place(diagnostics, options, "state"), NULL,
                        "state: alarms need a file for their states");
    }
}
