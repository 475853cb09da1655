/*
 * unit: one device behind a link: its plan, when its groups of tags are due, its breaker, and what was
 * reported of each tag. Decides the next request and turns its outcome into readings; sends nothing itself.
 * Pure but for the memory of unit_init(); times and randomness come in from outside. One thread, but for the
 * counters.
 */
#ifndef BOURDON_FIELD_UNIT_H
#define BOURDON_FIELD_UNIT_H

#include "base/metrics.h"
#include "field/breaker.h"
#include "field/emitter.h"
#include "field/plan.h"
#include "field/report.h"
#include "field/schedule.h"
#include "modbus/pdu.h"
#include "tunnel/catalog.h"

enum { UNIT_STALE_PERIODS = 3 };
#define UNIT_STALE_GRACE_US INT64_C(1000000) /* on top: for rates near the time an answer may take */

/* For status and metrics; written by the unit's thread, read by any. */
enum unit_counter {
    UNIT_REQUESTS,
    UNIT_EXCEPTIONS,
    UNIT_FAILURES, /* requests without an answer */
    UNIT_OVERRUNS,
    UNIT_TAGS,
    UNIT_TAGS_REFUSED, /* now */
    UNIT_BREAKER,      /* enum breaker_state, now */
    UNIT_SUSPENSIONS,  /* times the breaker opened */
    UNIT_COUNTERS,
};

struct unit_group {
    struct schedule schedule;
    size_t next_block; /* of the pass */
    int64_t fresh_us;  /* monotonic: when the last pass ended */
    bool running;      /* a pass is */
    bool excused;      /* its being late is the unit's or the link's doing, not the line's */
};

struct unit {
    uint8_t id;
    const struct catalog *catalog;
    struct plan plan;
    struct unit_group *groups;   /* owned; one a group of the plan */
    struct report_rule *rules;   /* owned; plan_point.rule - 1 is the index, 0 = no rule */
    struct report_state *states; /* owned; one a point of the plan */
    struct breaker breaker;
    int64_t pause_us;
    int64_t quarantine_us;
    int64_t ready_us;     /* end of the pause */
    uint32_t refused_tag; /* the last one found: index in the catalog */
    metric_value counters[UNIT_COUNTERS];
};

struct unit_setup {
    uint8_t id;
    struct plan_limits limits;
    int64_t pause_us;
    int64_t quarantine_us; /* rest after a time-out, so that a late answer finds no request waiting: for lines
                              whose answers do not name their request */
    uint32_t breaker_cap_ms;
    bool align;
    struct plan_point *points; /* heap; the unit's from now on */
    size_t point_count;
    struct report_rule *rules; /* likewise; may be NULL */
};

/* Borrows the catalog. ERR_NO_MEMORY: nothing is left to free. */
MUST_USE enum err unit_init(struct unit *unit, const struct catalog *catalog, const struct unit_setup *setup);
void unit_fini(struct unit *unit);

/* Places the first polls; `*number` counts the schedules of the field and moves on. */
void unit_start(struct unit *unit, uint32_t *number, struct schedule_now now);

/* A group that is, or will be, next. */
struct unit_turn {
    struct unit *unit; /* NULL: there is nothing to read */
    size_t group;
    int64_t start_us;    /* not before */
    int64_t deadline_us; /* earliest first among those that may start */
};
struct unit_turn unit_next_turn(struct unit *unit, int64_t now_us);
/* Whether `a` goes before `b` at `now_us`. */
bool unit_turn_before(const struct unit_turn *a, const struct unit_turn *b, int64_t now_us);

/* The request of a turn that may start. False: its pass turned out empty (all its tags are left out). */
bool unit_request(const struct unit_turn *turn, struct schedule_now now, struct pdu_request *request);

/* What came of it. */
struct unit_answer {
    const struct pdu_response *response; /* value or exception */
    struct schedule_now now;
    uint32_t random;
};
/* The unit answered. True if it had been away. */
bool unit_answered(const struct unit_turn *turn, const struct unit_answer *answer, struct emitter *emitter);
/* The request got no answer: its tags become `quality`; if the breaker opens by this, the others become
 * suspended and the result is true. */
bool unit_failed(const struct unit_turn *turn, enum quality quality, const struct unit_answer *answer,
                 struct emitter *emitter);

/* No tag can be read: those that are not bad already become `quality`. */
void unit_mark(struct unit *unit, enum quality quality, int64_t now_us, struct emitter *emitter);
/*
 * Values that nobody has renewed for UNIT_STALE_PERIODS of their rate, because the line is too busy to come
 * to them, are reported once more as stale: the last value known must not pass for a live one. Texts, of
 * which none is kept, become timed out. Whether there are any is cheap to ask.
 */
bool unit_has_stale(const struct unit *unit, int64_t now_us);
void unit_mark_stale(struct unit *unit, int64_t now_us, struct emitter *emitter);

/* Whatever each tag's next reading is, it is reported. */
void unit_forget(struct unit *unit);

#endif
