#include "net/tls_diagnose.h"

#include "base/options.h"

struct judgement {
    const void *mapping;
    struct diagnostics *diagnostics;
};

static void add(void *owner, const char *option, const struct err_text *why)
{
    const struct judgement *judgement = owner;
    struct place place = option_place(judgement->diagnostics, judgement->mapping, option);
    diagnostics_add(judgement->diagnostics, place, NULL, "%s: %s", option, why->text);
}

void tls_diagnose(const struct tls_options *options, const void *mapping, struct diagnostics *diagnostics,
                  struct tls_context **context)
{
    struct judgement judgement = {.mapping = mapping, .diagnostics = diagnostics};
    const struct tls_faults faults = {.found = add, .owner = &judgement};
    *context = NULL;
    bool trusts = options->ca[0] != '\0' || (options->pin && options->pin[0] != '\0');
    if (trusts && options->certificate[0] != '\0' && options->key[0] != '\0') {
        (void)!tls_context_load(options, &faults, context);
    }
}
