#include "front/policy.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum err copy_names(const struct option_list *list, struct policy *policy)
{
    char *const *names = list->items;
    policy->names = calloc(list->count + 1, sizeof *policy->names);
    if (!policy->names) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < list->count; i++) {
        policy->any_name = policy->any_name || strcmp(names[i], "*") == 0;
        policy->names[i] = strdup(names[i]);
        if (!policy->names[i]) {
            return ERR_NO_MEMORY;
        }
        policy->name_count++;
    }
    qsort(policy->names, policy->name_count, sizeof *policy->names, compare_names);
    return ERR_OK;
}

static struct frame_hello make_hello(const struct server_options *options, const uint8_t *store_id)
{
    struct frame_hello hello = {
        .max_batch = (uint32_t)options->limits.batch_bytes,
        .max_catalog = (uint32_t)options->limits.catalog_bytes,
        .window_batches = (uint32_t)options->limits.window_batches,
        .window_bytes = (uint32_t)options->limits.window_bytes,
        .t1_ms = (uint32_t)(options->timers.t1_us / CLOCK_US_PER_MS),
        .t2_ms = (uint32_t)(options->timers.t2_us / CLOCK_US_PER_MS),
        .t3_ms = (uint32_t)(options->timers.t3_us / CLOCK_US_PER_MS),
    };
    char host[FRAME_TEXT_MAX / 2] = "";
    gethostname(host, sizeof host - 1);
    snprintf(hello.server, sizeof hello.server, "bourdon-server %s on %s", BOURDON_VERSION, host);
    if (store_id) {
        memcpy(hello.store_id, store_id, sizeof hello.store_id);
    }
    return hello;
}

enum err policy_new(const struct server_options *options, struct tls_context *tls, const uint8_t *store_id,
                    struct policy **out)
{
    struct policy *policy = calloc(1, sizeof *policy);
    if (!policy) {
        tls_context_unref(tls);
        return ERR_NO_MEMORY;
    }
    atomic_init(&policy->references, 1);
    policy->tls = tls;
    policy->hello = make_hello(options, store_id);
    policy->knows_store = store_id != NULL;
    policy->t3_max_ms = (uint32_t)(options->timers.t3_max_us / CLOCK_US_PER_MS);
    policy->handshake_ms = options->limits.handshake_us / CLOCK_US_PER_MS;
    if (copy_names(&options->bridges, policy) != ERR_OK) {
        policy_unref(policy);
        return ERR_NO_MEMORY;
    }
    *out = policy;
    return ERR_OK;
}

struct policy *policy_ref(struct policy *policy)
{
    atomic_fetch_add(&policy->references, 1);
    return policy;
}

void policy_unref(struct policy *policy)
{
    if (!policy || atomic_fetch_sub(&policy->references, 1) > 1) {
        return;
    }
    for (size_t i = 0; i < policy->name_count; i++) {
        free(policy->names[i]);
    }
    free(policy->names);
    tls_context_unref(policy->tls);
    free(policy);
}

uint32_t policy_t3_ms(const struct policy *policy, size_t sessions)
{
    enum { MS_PER_S = 1000 };
    uint32_t t3_ms = policy->hello.t3_ms;
    // t3 * (sessions / few)^2, where few sessions with t3 make POLICY_TESTS_PER_S; at most 1e5^2 * 1e6.
    uint64_t grown_ms = (uint64_t)sessions * sessions * MS_PER_S * MS_PER_S /
                        ((uint64_t)POLICY_TESTS_PER_S * POLICY_TESTS_PER_S * t3_ms);
    if (grown_ms <= t3_ms || policy->t3_max_ms <= t3_ms) {
        return t3_ms;
    }
    return grown_ms < policy->t3_max_ms ? (uint32_t)grown_ms : policy->t3_max_ms;
}

bool policy_allows(const struct policy *policy, const char *bridge)
{
    return policy->any_name ||
           bsearch(&bridge, policy->names, policy->name_count, sizeof *policy->names, compare_names);
}
