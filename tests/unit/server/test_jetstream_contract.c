#include "store/jetstream.h"
#include "store_contract.h"
#include "support/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int places;

static void make(void)
{
    places++;
}

/* The cluster goes away with all that is in it. */
static void leave(void)
{
}

static enum err open_jetstream(struct store **store, struct err_text *why)
{
    char where[512];
    snprintf(where, sizeof where, "%stest-%d-%d?replicas=%s", getenv("BOURDON_NATS"), (int)getpid(), places,
             getenv("BOURDON_REPLICAS") ? getenv("BOURDON_REPLICAS") : "1");
    return store_open(where, store, why);
}

int main(void)
{
    static const struct contract_kind jetstream = {
        .name = "jetstream_contract", .make = make, .remove = leave, .open = open_jetstream, .shared = true};
    return getenv("BOURDON_NATS") ? store_contract_run(&jetstream) : SYSTEM_SKIPPED;
}
