/*
 * alarm_options: the part of bourdon-server's configuration that is about alarms, as a table.
 */
#ifndef BOURDON_SERVER_ALARM_ALARM_OPTIONS_H
#define BOURDON_SERVER_ALARM_ALARM_OPTIONS_H

#include "base/options.h"

enum { ALARM_RULES_MAX = 40000, /* four levels of 10 000 tags */ ALARM_COMMAND_MAX = 32 };

struct alarm_rule_options {
    struct place place;
    char *tag, *bridge; /* patterns */
    int level;          /* enum alarm_level */
    double limit, deadband;
    int64_t on_delay_us, off_delay_us;
};

struct alarm_options {
    struct place place;
    char *state;
    struct option_list command; /* of char *; empty = none */
    char *webhook;              /* "" = none */
    int64_t timeout_us;
    struct option_list rules; /* of struct alarm_rule_options; empty = no alarms */
};

extern const struct option alarm_options_table[];

void alarm_options_check(const struct alarm_options *options, struct diagnostics *diagnostics);

#endif
