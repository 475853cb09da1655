/* conversation: two ends of the plant's certificates meet, and what they say about it. For tests of this
 * folder. */
#ifndef BOURDON_TESTS_CONVERSATION_H
#define BOURDON_TESTS_CONVERSATION_H

#include "contexts.h"
#include "exchange.h"

/* The one exchange of a test. */
extern struct exchange exchange;

enum { PARTS_MAX = 5 };

/* Opens the exchange with a server and connects a client. part() ends it. */
void meet(const struct wish *server, const struct wish *client, const char *server_name);
/* Opens it with a server alone, or without TLS where `server` is NULL. */
void await(const struct wish *server);
void part(void);

/* Demands that the end was closed once, with this class, and that its reason has all the parts (up to NULL).
 */
void says(const char *who, const struct end *end, enum err code, const char *const *parts);

/* For on_opened of an end: writes this text as it is. */
extern const char *plain_greeting;
void greet_plainly(struct end *end);

#endif
