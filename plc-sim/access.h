/*
 * access: which role may do what at an endpoint of MODBUS/TCP Security. A table of rules: what no rule allows
 * is denied. Roles are compared byte by byte; "" is a session without a valid role, which reads everything
 * where no rule speaks of it. Pure.
 */
#ifndef BOURDON_PLCSIM_ACCESS_H
#define BOURDON_PLCSIM_ACCESS_H

#include "base/options.h"
#include "modbus/pdu.h"

struct access_rule {
    struct place place;
    char *role;
    bool read, write;
    int64_t first, last; /* addresses */
};

enum { ACCESS_RULES_MAX = 100 };

extern const struct option access_table[];

/*
 * Whether the role may send the request. A request that reads or writes addresses lies with each span within
 * one rule; one without addresses, or ill-formed, needs a rule of its kind for any address.
 */
bool access_allows(const struct access_rule *rules, size_t count, const char *role, struct bytes pdu);

#endif
