/*
 * policy: who may do what at the gateway of MODBUS/TCP Security (v36, section 8.4, R-16 to R-31).
 *
 * A policy is a list of rules that allow; what no rule allows is denied. A request is allowed if one rule of
 * the certificate's role allows all that it reads and one rule (the same or another) all that it writes: a
 * range that reaches past the addresses of a rule by one register is not allowed by it. Where several rules
 * would do, the first in the file decides, and what it demands of a write (limits of the change, reading
 * back, rate) holds.
 *
 * Deciding is pure: no clock, no file. A policy is immutable once loaded and counted: a reload makes a new
 * one. Loading is in gateway/policy_file.h. Any thread.
 */
#ifndef BOURDON_GATEWAY_POLICY_H
#define BOURDON_GATEWAY_POLICY_H

#include "gateway/policy_guard.h"
#include "modbus/pdu.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    POLICY_RULES_MAX = 256,
    POLICY_ROLES_MAX = 64,  /* of one rule */
    POLICY_RANGES_MAX = 64, /* of one rule */
    POLICY_ROLE_SIZE = 255, /* bytes */
    POLICY_RATE_MAX = 1000000,
};

/* First to last, both included. */
struct policy_range {
    uint16_t first, last;
};

struct policy_rule {
    char *name;
    char **roles; /* byte-exact; owned with what they point to */
    size_t role_count;
    bool no_role; /* also, or only, for certificates without a (valid) role */
    bool read, write;
    uint64_t units[4];     /* a bit a unit */
    uint64_t functions[2]; /* a bit a function code */
    struct policy_range ranges[POLICY_RANGES_MAX];
    size_t range_count;
    struct policy_guard guard; /* of writes */
    uint32_t rate;             /* requests a second, of all sessions together; 0 = any */
};

/* The rules of one role, in the order of the file. */
struct policy_role {
    const char *role; /* NULL: no role. Borrowed from a rule */
    const struct policy_rule **rules;
    size_t count;
};

struct policy {
    atomic_uint references;
    struct policy_rule *rules;
    size_t rule_count;
    struct policy_role *roles;
    size_t role_count;
};

struct policy *policy_ref(struct policy *policy);
void policy_unref(struct policy *policy); /* NULL is fine */

/* The rules of a role, compared byte by byte; `role` NULL or empty: of certificates without one. NULL: there
 * are none, everything is denied. Borrowed from the policy. */
const struct policy_role *policy_find(const struct policy *policy, const char *role);

/* What a decision hung on: the last check that the rule which came furthest did not pass. */
enum policy_verdict {
    POLICY_ALLOWED,
    POLICY_NO_RULES, /* the role has none */
    POLICY_UNIT,     /* none for this unit … */
    POLICY_FUNCTION, /* … for this function code … */
    POLICY_ACCESS,   /* … that allows to read, or to write, with it … */
    POLICY_ADDRESS,  /* … at all of these addresses … */
    POLICY_VALUE,    /* … with these values */
    POLICY_CHANGE,   /* the value would change by more than allowed, or end outside of the limits */
    POLICY_RATE,     /* too many requests in this second */
};

struct policy_decision {
    enum policy_verdict verdict;
    bool write; /* which half of the request was denied: what it writes, or reads */
    const struct policy_rule *read_rule, *write_rule; /* that allow; NULL = not needed, or none */
    const struct policy_rule *closest;                /* denied: the rule that came furthest; may be NULL */
};

/*
 * Decides on a well-formed request to a unit. Of functions without addresses (07, 08, 0B, 0C, 11, 14, 15, 2B)
 * only the code counts, and a rule must list it. ALLOWED of a write still depends on write_rule->guard, see
 * policy_guard_needs_old().
 */
struct policy_decision policy_decide(const struct policy_role *role, uint8_t unit,
                                     const struct pdu_request *request);

/* Whether any rule of the role has this function of this unit: if not, nobody needs to look whether the
 * request is well-formed. */
bool policy_may(const struct policy_role *role, uint8_t unit, uint8_t function);

/* What a function code does to the device. False: policies do not know it. */
struct policy_function {
    bool reads, writes;
    bool addressed; /* at addresses of coils, inputs or registers */
};
bool policy_function(uint8_t code, struct policy_function *function);

/* "its addresses", "the rate", … for logs; a sentence for people is made by the command line. */
const char *policy_verdict_text(enum policy_verdict verdict);

#endif
