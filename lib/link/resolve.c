#include "link/resolve.h"

#include "base/clock.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Shared by the owner and the thread; the last of them frees it. */
struct resolve_lookup {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool done;
    bool abandoned; /* by the owner */
    int result;     /* of getaddrinfo() */
    struct resolve_addresses addresses;
    char port[8];
    char host[];
};

static int look_up(const char *host, const char *port, int flags, struct resolve_addresses *addresses)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICSERV | flags,
    };
    struct addrinfo *list = NULL;
    int result = getaddrinfo(host, port, &hints, &list);
    addresses->count = 0;
    for (struct addrinfo *at = result == 0 ? list : NULL; at; at = at->ai_next) {
        if (addresses->count < RESOLVE_ADDRESSES_MAX) {
            memcpy(&addresses->items[addresses->count], at->ai_addr, at->ai_addrlen);
            addresses->sizes[addresses->count++] = at->ai_addrlen;
        }
    }
    if (list) {
        freeaddrinfo(list);
    }
    return result;
}

static void free_lookup(struct resolve_lookup *lookup)
{
    pthread_mutex_destroy(&lookup->mutex);
    pthread_cond_destroy(&lookup->changed);
    free(lookup);
}

static void *run_lookup(void *argument)
{
    struct resolve_lookup *lookup = argument;
    struct resolve_addresses addresses;
    int result = look_up(lookup->host, lookup->port, 0, &addresses);
    pthread_mutex_lock(&lookup->mutex);
    lookup->result = result;
    lookup->addresses = addresses;
    lookup->done = true;
    bool abandoned = lookup->abandoned;
    pthread_cond_signal(&lookup->changed);
    pthread_mutex_unlock(&lookup->mutex);
    if (abandoned) {
        free_lookup(lookup);
    }
    return NULL;
}

static struct resolve_lookup *new_lookup(const char *host, const char *port)
{
    size_t size = strlen(host) + 1;
    struct resolve_lookup *lookup = calloc(1, sizeof *lookup + size);
    if (!lookup) {
        return NULL;
    }
    memcpy(lookup->host, host, size);
    snprintf(lookup->port, sizeof lookup->port, "%s", port);
    pthread_mutex_init(&lookup->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&lookup->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return lookup;
}

/* NULL: out of memory or threads. */
static struct resolve_lookup *start_lookup(const char *host, const char *port, struct err_text *why)
{
    struct resolve_lookup *lookup = new_lookup(host, port);
    if (!lookup) {
        err_set(why, ERR_NO_MEMORY, "look up %s: out of memory", host);
        return NULL;
    }
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    int result = pthread_create(&thread, &attributes, run_lookup, lookup);
    pthread_attr_destroy(&attributes);
    if (result != 0) {
        err_errno(why, result, "look up %s: start a thread", host);
        free_lookup(lookup);
        return NULL;
    }
    return lookup;
}

/* False: the deadline came or the owner cancelled. */
static bool await(struct resolve_lookup *lookup, const struct resolve_wait *wait)
{
    while (!lookup->done && !atomic_load(wait->cancelled)) {
        int64_t now_us = clock_mono_us();
        if (now_us >= wait->deadline_us) {
            return false;
        }
        int64_t until_us = now_us + RESOLVE_SLICE_MS * CLOCK_US_PER_MS;
        until_us = until_us < wait->deadline_us ? until_us : wait->deadline_us;
        struct timespec until = {
            .tv_sec = until_us / CLOCK_US_PER_S,
            .tv_nsec = until_us % CLOCK_US_PER_S * 1000,
        };
        pthread_cond_timedwait(&lookup->changed, &lookup->mutex, &until);
    }
    return lookup->done;
}

enum err resolve_host(struct resolve *resolve, const char *host, uint16_t port_number,
                      const struct resolve_wait *wait, struct resolve_addresses *addresses,
                      struct err_text *why)
{
    char port[8];
    snprintf(port, sizeof port, "%u", port_number);
    if (look_up(host, port, AI_NUMERICHOST, addresses) == 0) {
        return ERR_OK;
    }
    if (!resolve->lookup) {
        resolve->lookup = start_lookup(host, port, why);
    }
    struct resolve_lookup *lookup = resolve->lookup; /* perhaps under way since last time */
    if (!lookup) {
        return ERR_NO_MEMORY;
    }
    pthread_mutex_lock(&lookup->mutex);
    bool done = await(lookup, wait);
    pthread_mutex_unlock(&lookup->mutex);
    if (!done) {
        return atomic_load(wait->cancelled)
                   ? err_set(why, ERR_CLOSED, "interrupted")
                   : err_set(why, ERR_TIMEOUT, "%s: no answer from the name server", host);
    }
    int result = lookup->result;
    *addresses = lookup->addresses;
    free_lookup(lookup);
    resolve->lookup = NULL;
    return result == 0 ? ERR_OK : err_set(why, ERR_NOT_FOUND, "%s: %s", host, gai_strerror(result));
}

void resolve_fini(struct resolve *resolve)
{
    struct resolve_lookup *lookup = resolve->lookup;
    if (!lookup) {
        return;
    }
    pthread_mutex_lock(&lookup->mutex);
    lookup->abandoned = true;
    bool done = lookup->done;
    pthread_mutex_unlock(&lookup->mutex);
    if (done) {
        free_lookup(lookup);
    }
    resolve->lookup = NULL;
}
