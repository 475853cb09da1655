/* bridge_state: what the bridge consists of, for bridge.c and bridge_report.c. */
#ifndef BOURDON_BRIDGE_BRIDGE_STATE_H
#define BOURDON_BRIDGE_BRIDGE_STATE_H

#include "base/daemon.h"
#include "bridge_options.h"
#include "field/board.h"
#include "field/field.h"
#include "gateway/gateway.h"
#include "net/control.h"
#include "uplink/uplink.h"

enum bridge_state { BRIDGE_STARTING, BRIDGE_RUNNING, BRIDGE_FLUSHING, BRIDGE_DRAINING, BRIDGE_STOPPED };

struct bridge {
    const struct daemon *daemon;
    const char *config;
    struct bridge_options options;
    enum bridge_state state;
    bool failed;
    bool wrong_spool;   /* it is another bridge's, program's or version's */
    int64_t started_us; /* monotonic */
    struct loop *loop;
    struct loop_signal *stop_signals[2];
    struct loop_signal *reload_signal;
    struct loop_timer *deadline_timer;
    struct loop_timer *watchdog_timer;
    struct spool_thread *spool;
    struct uplink *uplink;
    struct control *control;
    struct board *board;     /* outlives the field, whose readings it sees */
    struct field *field;     /* NULL while stopping */
    struct gateway *gateway; /* NULL: there is none */
};

#endif
