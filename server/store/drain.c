#include "store/drain.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "store/jetstream_names.h"
#include "store/nats_link.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct part {
    struct nats_message *message;
    struct jetstream_about about;
    struct batch_view view;
    struct store_batch item;
    bool good; /* it is a batch, and put into the group */
};

struct drain {
    const struct drain_options *options;
    struct jetstream_place place;
    struct nats_link *link;
    struct nats_consumer *consumer;
    struct store *to;
    char batches[64], catalogs[64];
    struct part parts[DRAIN_GROUP];
    size_t count;
    int64_t purge_us; /* monotonic: the next one */
};

static bool stops(const struct drain *drain)
{
    return *drain->options->stop != 0;
}

static void pause_for(uint32_t ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&time, NULL);
}

/* ---- what is there ---- */

static void open_part(struct part *part)
{
    struct err_text why = {""};
    part->good = jetstream_about_read(nats_message_header(part->message, "Bourdon"), &part->about) &&
                 batch_open(nats_message_data(part->message), &part->view, &why) == ERR_OK;
    part->item = (struct store_batch){.bridge = part->about.bridge,
                                      .view = &part->view,
                                      .received_us = part->about.received_us,
                                      .historical = part->about.historical};
}

static enum err fetch(struct drain *drain, struct err_text *why)
{
    struct nats_message *messages[DRAIN_GROUP];
    enum err result =
        nats_consumer_fetch(drain->consumer, messages, DRAIN_GROUP, DRAIN_WAIT_MS, &drain->count, why);
    for (size_t i = 0; i < drain->count; i++) {
        drain->parts[i] = (struct part){.message = messages[i]};
        open_part(&drain->parts[i]);
    }
    return result;
}

static void forget_parts(struct drain *drain)
{
    for (size_t i = 0; i < drain->count; i++) {
        nats_message_free(drain->parts[i].message);
    }
    drain->count = 0;
}

/* ---- catalogs ---- */

/* Puts the catalog into the group from the stream. */
static enum err carry_catalog(struct drain *drain, const uint8_t *hash, struct err_text *why)
{
    char subject[JETSTREAM_SUBJECT_MAX];
    struct nats_message *message = NULL;
    jetstream_catalog_subject(drain->place.name, hash, subject);
    enum err result = nats_link_last(drain->link, drain->catalogs, subject, &message, why);
    if (result != ERR_OK) {
        return result;
    }
    struct store_catalog put = {
        .hash = hash, .encoded = nats_message_data(message), .received_us = clock_wall_us()};
    result = store_begin(drain->to, clock_wall_us(), why);
    if (result == ERR_OK) {
        result = store_put_catalog(drain->to, &put, why);
    }
    if (result == ERR_OK) {
        result = store_commit(drain->to, why);
    } else {
        store_rollback(drain->to);
    }
    nats_message_free(message);
    return result;
}

/* ---- moving ---- */

static enum err commit_group(struct drain *drain, struct err_text *why)
{
    enum err result = store_begin(drain->to, clock_wall_us(), why);
    if (result != ERR_OK) {
        return result;
    }
    for (size_t i = 0; i < drain->count && result == ERR_OK; i++) {
        if (drain->parts[i].good) {
            result = store_put_batch(drain->to, &drain->parts[i].item, why);
        }
    }
    if (result != ERR_OK) {
        store_rollback(drain->to);
        return result;
    }
    return store_commit(drain->to, why);
}

/* The other store says whose catalog it lacks; with that the group is sent once more. */
static enum err move_group(struct drain *drain, struct err_text *why)
{
    for (;;) {
        const struct part *lacking = NULL;
        enum err result = commit_group(drain, why);
        for (size_t i = 0; result == ERR_OK && !lacking && i < drain->count; i++) {
            bool lacks = drain->parts[i].good && drain->parts[i].item.result == STORE_NO_CATALOG;
            lacking = lacks ? &drain->parts[i] : NULL;
        }
        if (result != ERR_OK || !lacking) {
            return result;
        }
        result = carry_catalog(drain, lacking->view.catalog_hash, why);
        if (result != ERR_OK) {
            return result;
        }
    }
}

static bool may_be_tried_again(enum err result)
{
    return result == ERR_BUSY || result == ERR_DISK_FULL || result == ERR_NO_MEMORY;
}

static enum err move_group_until_done(struct drain *drain, struct err_text *why)
{
    struct backoff backoff = {.first_ms = DRAIN_RETRY_MS, .cap_ms = DRAIN_RETRY_MAX_MS};
    enum err result;
    bool said = false;
    while ((result = move_group(drain, why)) != ERR_OK && may_be_tried_again(result) && !stops(drain)) {
        if (!said) {
            log_warn("drain", log_event("waits"), log_str("reason", why->text));
            said = true;
        }
        pause_for(backoff_next_ms(&backoff, random_u32()));
    }
    return result;
}

/* ---- what cannot be moved ---- */

static enum err keep(struct drain *drain, const struct part *part, const char *reason, struct err_text *why)
{
    char subject[2 * JETSTREAM_SUBJECT_MAX];
    char mark[24];
    snprintf(mark, sizeof mark, "%016" PRIx64, nats_message_sequence(part->message));
    const char *original = nats_message_subject(part->message);
    snprintf(subject, sizeof subject, "%s.catalog.kept.%s.%s", drain->place.name,
             original + strlen(drain->place.name) + 1, mark);
    struct nats_post post = {.subject = subject,
                             .data = nats_message_data(part->message),
                             .about = nats_message_header(part->message, "Bourdon")};
    log_error("drain", log_event("batch_kept"), log_str("reason", reason), log_str("from", original),
              log_str("to", subject));
    return nats_link_post(drain->link, &post, 1, why);
}

static enum err acknowledge(struct drain *drain, struct err_text *why)
{
    enum err result = ERR_OK;
    uint64_t moved = 0;
    uint64_t duplicates = 0;
    for (size_t i = 0; i < drain->count && result == ERR_OK; i++) {
        const struct part *part = &drain->parts[i];
        if (!part->good) {
            result = keep(drain, part, "it is not a batch", why);
        } else if (part->item.result == STORE_CONFLICT) {
            result = keep(drain, part, "another batch with its identity is stored", why);
        }
        moved += part->good && part->item.result == STORE_COMMITTED;
        duplicates += part->good && part->item.result == STORE_DUPLICATE;
        if (result == ERR_OK) {
            result = nats_message_ack(part->message, why);
        }
    }
    if (result == ERR_OK) {
        result = nats_link_flush(drain->link, why);
    }
    log_info("drain", log_event("moved"), log_u64("batches", moved), log_u64("duplicates", duplicates));
    return result;
}

/* Removes what is moved, and says how much is not. */
static void look_back(struct drain *drain, uint64_t *left)
{
    struct err_text why = {""};
    struct nats_progress progress;
    enum err result = nats_consumer_progress(drain->link, drain->batches, "drain", &progress, &why);
    *left = result == ERR_OK ? progress.left : UINT64_MAX;
    if (result == ERR_OK && progress.floor > 0) {
        result = nats_link_purge(drain->link, drain->batches, progress.floor + 1, &why);
    }
    if (result != ERR_OK) {
        log_debug("drain", log_event("not_purged"), log_str("reason", why.text)); // next time
    }
    drain->purge_us = clock_mono_us() + DRAIN_PURGE_MS * CLOCK_US_PER_MS;
}

/* ---- the way ---- */

/* `*left`: what is not moved yet, where somebody looked. Another drain that died leaves what it had fetched
 * to others only after a while. */
static enum err step(struct drain *drain, uint64_t *left, struct err_text *why)
{
    enum err result = fetch(drain, why);
    bool idle = result == ERR_OK && drain->count == 0;
    if (result == ERR_OK && !idle) {
        result = move_group_until_done(drain, why);
    }
    if (result == ERR_OK && !idle) {
        result = acknowledge(drain, why);
    }
    forget_parts(drain);
    if ((idle && drain->options->once) || clock_mono_us() >= drain->purge_us) {
        look_back(drain, left);
    }
    return result;
}

static enum err loop(struct drain *drain, struct err_text *why)
{
    struct backoff backoff = {.first_ms = DRAIN_RETRY_MS, .cap_ms = DRAIN_RETRY_MAX_MS};
    uint64_t left = UINT64_MAX;
    while (!stops(drain) && !(left == 0 && drain->options->once)) {
        enum err result = step(drain, &left, why);
        if (result != ERR_OK && !may_be_tried_again(result)) {
            return result;
        }
        if (result == ERR_OK) {
            backoff_reset(&backoff);
        } else {
            log_warn("drain", log_event("waits"), log_str("reason", why->text));
            pause_for(backoff_next_ms(&backoff, random_u32()));
        }
    }
    return ERR_OK;
}

static enum err open_all(struct drain *drain, struct err_text *why)
{
    static const char prefix[] = "jetstream://";
    const struct drain_options *options = drain->options;
    char subjects[64];
    if (strncmp(options->from, prefix, strlen(prefix)) != 0 ||
        strncmp(options->to, prefix, strlen(prefix)) == 0) {
        return err_set(why, ERR_CONFIG, "what is drained is a store in JetStream, into one that is not");
    }
    enum err result = jetstream_place_parse(options->from + strlen(prefix), &drain->place, why);
    if (result == ERR_OK) {
        result = store_open(options->to, &drain->to, why);
    }
    if (result == ERR_OK) {
        result = nats_link_open(&drain->place, &drain->link, why);
    }
    if (result != ERR_OK) {
        return result;
    }
    snprintf(drain->batches, sizeof drain->batches, "%s-batches", drain->place.name);
    snprintf(drain->catalogs, sizeof drain->catalogs, "%s-catalogs", drain->place.name);
    snprintf(subjects, sizeof subjects, "%s.batch.>", drain->place.name);
    return nats_consumer_open(drain->link, drain->batches, subjects, "drain", &drain->consumer, why);
}

static void close_all(struct drain *drain)
{
    nats_consumer_close(drain->consumer);
    nats_link_close(drain->link);
    store_close(drain->to);
    drain->consumer = NULL;
    drain->link = NULL;
    drain->to = NULL;
}

/* A cluster that elects its leaders, or a database that is away, is tried again. */
static enum err open_until_there(struct drain *drain, struct err_text *why)
{
    struct backoff backoff = {.first_ms = DRAIN_RETRY_MS, .cap_ms = DRAIN_RETRY_MAX_MS};
    enum err result;
    while ((result = open_all(drain, why)) != ERR_OK && may_be_tried_again(result) && !stops(drain)) {
        log_warn("drain", log_event("waits"), log_str("reason", why->text));
        close_all(drain);
        pause_for(backoff_next_ms(&backoff, random_u32()));
    }
    return result;
}

enum err drain_run(const struct drain_options *options, struct err_text *why)
{
    struct drain *drain = calloc(1, sizeof *drain);
    if (!drain) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    drain->options = options;
    enum err result = open_until_there(drain, why);
    if (result == ERR_OK) {
        log_info("drain", log_event("started"), log_str("from", options->from), log_str("to", options->to));
        result = loop(drain, why);
    }
    if (may_be_tried_again(result) && stops(drain)) {
        result = ERR_OK; // it was only away
    }
    close_all(drain);
    free(drain);
    return result;
}
