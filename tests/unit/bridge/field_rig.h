/* field_rig: a field over one PLC, in this process, for tests of the field side. */
#ifndef BOURDON_TESTS_FIELD_RIG_H
#define BOURDON_TESTS_FIELD_RIG_H

#include "field/field.h"
#include "support/plc_server.h"
#include "support/reading_collector.h"

struct rig_options {
    struct place place;
    struct field_options field;
};

struct rig {
    struct plc_server *plc;
    struct reading_collector collector;
    struct reading_sink sink;
    struct rig_options options;
    struct catalog *catalog;
    struct field *field;
};

void rig_set_up(struct rig *rig);
/* `units` is the YAML of the units of the one link, in flow style; `more` what else the link has. */
void rig_start(struct rig *rig, const char *more, const char *units);
void rig_tear_down(struct rig *rig);

#endif
