#include "secure.h"

#include <stddef.h>

#define SECURE(member) .offset = offsetof(struct secure_scenario, member)
#define PEM            .kind = OPTION_STRING, .placeholder = "FILE"

const struct option secure_table[] = {
    {.name = "ca",
     PEM,
     SECURE(ca),
     .required = true,
     .help = "Certificates of the authorities that clients must come from, PEM."},
    {.name = "certificate",
     PEM,
     SECURE(certificate),
     .required = true,
     .help = "The endpoint's certificate, then any intermediate ones, PEM."},
    {.name = "key", PEM, SECURE(key), .required = true, .help = "Its private key, PEM."},
    {.name = "second_certificate",
     PEM,
     SECURE(second_certificate),
     .help = "One with the other kind of key, RSA or P-256."},
    {.name = "second_key", PEM, SECURE(second_key), .help = "The private key of that."},
    {.name = "crl", PEM, SECURE(crl), .help = "Certificate revocation lists, PEM."},
    {.name = "profile",
     .kind = OPTION_CHOICE,
     SECURE(profile),
     .fallback = "mbaps-v36",
     .choices = tls_profile_choices,
     .help = "Which versions and ciphers are spoken."},
    {.name = "roles",
     .kind = OPTION_LIST,
     SECURE(roles),
     .table = access_table,
     .item_size = sizeof(struct access_rule),
     .max_items = ACCESS_RULES_MAX,
     .help = "Who may do what; what no rule allows is exception 01. Clients without a role read everything "
             "where no rule speaks of role \"\"."},
    OPTIONS_END,
};

bool secure_is_wanted(const struct secure_scenario *secure)
{
    return secure->place.line > 0;
}

enum err secure_context(const struct secure_scenario *secure, struct tls_context **context,
                        struct err_text *why)
{
    const struct tls_options options = {
        .side = TLS_SERVER,
        .profile = (enum tls_profile)secure->profile,
        .ca = secure->ca,
        .certificate = secure->certificate,
        .key = secure->key,
        .second = {.certificate = secure->second_certificate, .key = secure->second_key},
        .crl = secure->crl,
    };
    return tls_context_new(&options, context, why);
}
