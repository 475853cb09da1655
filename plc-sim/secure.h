/* secure: what makes an endpoint one of MODBUS/TCP Security: its certificates, and who may do what. */
#ifndef BOURDON_PLCSIM_SECURE_H
#define BOURDON_PLCSIM_SECURE_H

#include "access.h"
#include "net/tls.h"

struct secure_scenario {
    struct place place; /* all zero: the endpoint is a plain one */
    char *ca;
    char *certificate, *key;
    char *second_certificate, *second_key; /* "" = none */
    char *crl;                             /* "" = none */
    int profile;                           /* enum tls_profile */
    struct option_list roles;              /* of struct access_rule */
};

extern const struct option secure_table[];

bool secure_is_wanted(const struct secure_scenario *secure);
MUST_USE enum err secure_context(const struct secure_scenario *secure, struct tls_context **context,
                                 struct err_text *why);

#endif
