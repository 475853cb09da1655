#include "front/admission.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096, KEY_SIZE = 16, IPV6_PREFIX_SIZE = 8, IPV4_MAPPED_SIZE = 12 };

struct admission_address {
    struct admission_address *next;
    size_t open, handshakes;
    uint8_t key[KEY_SIZE];
};

struct admission {
    struct server_metrics *metrics;
    pthread_mutex_t lock;
    struct admission_limits limits;
    size_t connections;
    /* Addresses with so many handshakes; of 0 not kept, of the last: or more. */
    size_t crowds[ADMISSION_CROWD + 1];
    size_t most; /* the largest of them that there is; 0 = none */
    struct admission_address *buckets[BUCKETS];
};

static const struct {
    const char *name;
    enum server_metric metric;
} results[] = {
    [ADMISSION_GRANTED] = {"", SERVER_ACCEPTED},
    [ADMISSION_TOO_MANY] = {"connections", SERVER_TURNED_AWAY_TOTAL},
    [ADMISSION_TOO_MANY_OF_ADDRESS] = {"connections_per_address", SERVER_TURNED_AWAY_ADDRESS},
    [ADMISSION_TOO_MANY_HANDSHAKES] = {"handshakes", SERVER_TURNED_AWAY_HANDSHAKES},
};

const char *admission_result_name(enum admission_result result)
{
    return results[result].name;
}

struct admission *admission_new(const struct admission_limits *limits, struct server_metrics *metrics)
{
    struct admission *admission = calloc(1, sizeof *admission);
    if (!admission) {
        return NULL;
    }
    admission->metrics = metrics;
    admission->limits = *limits;
    pthread_mutex_init(&admission->lock, NULL);
    return admission;
}

void admission_free(struct admission *admission)
{
    if (!admission) {
        return;
    }
    pthread_mutex_destroy(&admission->lock);
    free(admission);
}

void admission_set_limits(struct admission *admission, const struct admission_limits *limits)
{
    pthread_mutex_lock(&admission->lock);
    admission->limits = *limits;
    pthread_mutex_unlock(&admission->lock);
}

/* IPv4 as mapped into IPv6 (RFC 4291 section 2.5.5.2); of other IPv6 addresses the network part. */
static void make_key(const struct sockaddr_storage *from, uint8_t *key)
{
    memset(key, 0, KEY_SIZE);
    if (from->ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, from, sizeof v4);
        key[10] = key[11] = 0xff;
        memcpy(key + IPV4_MAPPED_SIZE, &v4.sin_addr, KEY_SIZE - IPV4_MAPPED_SIZE);
    } else if (from->ss_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, from, sizeof v6);
        bool mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
        memcpy(key, &v6.sin6_addr, mapped ? KEY_SIZE : IPV6_PREFIX_SIZE);
    }
}

static struct admission_address **bucket_of(struct admission *admission, const uint8_t *key)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (size_t i = 0; i < KEY_SIZE; i++) {
        hash = (hash ^ key[i]) * 16777619U;
    }
    return &admission->buckets[hash % BUCKETS];
}

/* With the lock held. NULL: it has nothing open. */
static struct admission_address *find(struct admission *admission, const uint8_t *key)
{
    struct admission_address *address = *bucket_of(admission, key);
    while (address && memcmp(address->key, key, KEY_SIZE) != 0) {
        address = address->next;
    }
    return address;
}

/* With the lock held. NULL: out of memory. */
static struct admission_address *find_or_make(struct admission *admission, const uint8_t *key)
{
    struct admission_address *known = find(admission, key);
    if (known) {
        return known;
    }
    struct admission_address **bucket = bucket_of(admission, key);
    struct admission_address *made = malloc(sizeof *made);
    if (!made) {
        return NULL;
    }
    *made = (struct admission_address){.next = *bucket};
    memcpy(made->key, key, KEY_SIZE);
    *bucket = made;
    return made;
}

/* With the lock held: forgets an address that has nothing open. */
static void drop_if_unused(struct admission *admission, struct admission_address *address)
{
    if (address->open > 0) {
        return;
    }
    struct admission_address **link = bucket_of(admission, address->key);
    while (*link != address) {
        link = &(*link)->next;
    }
    *link = address->next;
    free(address);
}

static size_t crowd_of(const struct admission_address *address)
{
    return address->handshakes < ADMISSION_CROWD ? address->handshakes : ADMISSION_CROWD;
}

/* With the lock held. */
static void change_handshakes(struct admission *admission, struct admission_address *address, bool begins)
{
    admission->crowds[crowd_of(address)]--;
    address->handshakes = begins ? address->handshakes + 1 : address->handshakes - 1;
    size_t crowd = crowd_of(address);
    admission->crowds[crowd]++;
    admission->most = crowd > admission->most ? crowd : admission->most;
    while (admission->most > 0 && admission->crowds[admission->most] == 0) {
        admission->most--;
    }
}

static enum admission_result decide(const struct admission *admission,
                                    const struct admission_address *address, bool has_place)
{
    const struct admission_limits *limits = &admission->limits;
    if (admission->connections >= limits->connections) {
        return ADMISSION_TOO_MANY;
    }
    if (address->open >= limits->per_address) {
        return ADMISSION_TOO_MANY_OF_ADDRESS;
    }
    return has_place ? ADMISSION_GRANTED : ADMISSION_TOO_MANY_HANDSHAKES;
}

enum admission_result admission_enter(struct admission *admission, const struct sockaddr_storage *from,
                                      bool has_place, struct admission_address **out)
{
    uint8_t key[KEY_SIZE];
    make_key(from, key);
    enum admission_result result = ADMISSION_TOO_MANY;
    *out = NULL;
    pthread_mutex_lock(&admission->lock);
    struct admission_address *address = find_or_make(admission, key);
    if (address) {
        result = decide(admission, address, has_place);
    }
    if (result == ADMISSION_GRANTED) {
        address->open++;
        change_handshakes(admission, address, true);
        admission->connections++;
        *out = address;
    } else if (address) {
        drop_if_unused(admission, address);
    }
    pthread_mutex_unlock(&admission->lock);
    server_count(admission->metrics, results[result].metric, 1);
    server_count(admission->metrics, SERVER_CONNECTIONS, result == ADMISSION_GRANTED);
    server_count(admission->metrics, SERVER_HANDSHAKES, result == ADMISSION_GRANTED);
    return result;
}

void admission_handshake_done(struct admission *admission, struct admission_address *address)
{
    pthread_mutex_lock(&admission->lock);
    change_handshakes(admission, address, false);
    pthread_mutex_unlock(&admission->lock);
    server_count(admission->metrics, SERVER_HANDSHAKES, -1);
}

size_t admission_handshakes(struct admission *admission, const struct admission_address *address)
{
    pthread_mutex_lock(&admission->lock);
    size_t handshakes = address->handshakes;
    pthread_mutex_unlock(&admission->lock);
    return handshakes;
}

size_t admission_handshakes_from(struct admission *admission, const struct sockaddr_storage *from)
{
    uint8_t key[KEY_SIZE];
    make_key(from, key);
    pthread_mutex_lock(&admission->lock);
    const struct admission_address *address = find(admission, key);
    size_t handshakes = address ? address->handshakes : 0;
    pthread_mutex_unlock(&admission->lock);
    return handshakes;
}

size_t admission_most_handshakes(struct admission *admission)
{
    pthread_mutex_lock(&admission->lock);
    size_t most = admission->most;
    pthread_mutex_unlock(&admission->lock);
    return most;
}

void admission_leave(struct admission *admission, struct admission_address *address)
{
    pthread_mutex_lock(&admission->lock);
    admission->connections--;
    address->open--;
    drop_if_unused(admission, address);
    pthread_mutex_unlock(&admission->lock);
    server_count(admission->metrics, SERVER_CONNECTIONS, -1);
}
