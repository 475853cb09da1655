#include "store/jetstream.h"

#include "base/log.h"
#include "base/random.h"
#include "store/jetstream_marks.h"
#include "store/jetstream_names.h"
#include "store/memo.h"
#include "store/nats_link.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STREAM_NAME_MAX = 64, CATALOGS_KNOWN_MAX = 100000 };

struct item {
    struct store_batch *batch; /* or */
    struct store_catalog *catalog;
    char subject[JETSTREAM_SUBJECT_MAX];
    char about[JETSTREAM_SUBJECT_MAX];
    char id[JETSTREAM_SUBJECT_MAX];
    struct nats_post *post; /* NULL: not posted */
};

struct jetstream_store {
    struct store base;
    struct jetstream_place place;
    struct nats_link *link;
    struct jetstream_marks *marks;
    struct memo *catalogs; /* hashes that are stored → themselves */
    char batches[STREAM_NAME_MAX], marks_stream[STREAM_NAME_MAX], catalogs_stream[STREAM_NAME_MAX];
    int64_t now_us;
    struct item *items;
    struct nats_post *posts;
    size_t count, capacity, post_count;
};

static struct jetstream_store *own(struct store *base)
{
    return (struct jetstream_store *)base;
}

/* ---- catalogs ---- */

static void remember_catalog(struct jetstream_store *store, const uint8_t *hash)
{
    static char stored;
    struct bytes key = {hash, CATALOG_HASH_SIZE};
    if (memo_is_over(store->catalogs)) {
        memo_clear(store->catalogs);
    }
    if (!memo_find(store->catalogs, key)) {
        (void)!memo_keep(store->catalogs, key, &stored, 1); // no memory: it will be asked again
    }
}

static enum err jetstream_find_catalog(struct store *base, const uint8_t *hash, struct buffer *encoded,
                                       struct err_text *why)
{
    struct jetstream_store *store = own(base);
    char subject[JETSTREAM_SUBJECT_MAX];
    struct nats_message *message = NULL;
    enum err result =
        nats_link_last(store->link, store->catalogs_stream,
                       jetstream_catalog_subject(store->place.name, hash, subject), &message, why);
    if (result == ERR_OK) {
        remember_catalog(store, hash);
        result = buffer_append(encoded, nats_message_data(message).data, nats_message_data(message).size);
    }
    nats_message_free(message);
    return result;
}

static enum err has_catalog(struct jetstream_store *store, const uint8_t *hash, bool *has,
                            struct err_text *why)
{
    struct buffer encoded;
    *has = memo_find(store->catalogs, (struct bytes){hash, CATALOG_HASH_SIZE}) != NULL;
    if (*has) {
        return ERR_OK;
    }
    buffer_init(&encoded, CATALOG_SIZE_MAX);
    enum err result = jetstream_find_catalog(&store->base, hash, &encoded, why);
    *has = result == ERR_OK;
    buffer_fini(&encoded);
    return result == ERR_NOT_FOUND ? ERR_OK : result;
}

/* ---- the group ---- */

static enum err add(struct jetstream_store *store, struct store_batch *batch, struct store_catalog *catalog,
                    struct err_text *why)
{
    if (store->count == store->capacity) {
        size_t capacity = store->capacity > 0 ? 2 * store->capacity : 64;
        struct item *items = realloc(store->items, capacity * sizeof *items);
        store->items = items ? items : store->items;
        struct nats_post *posts = items ? realloc(store->posts, capacity * sizeof *posts) : NULL;
        store->posts = posts ? posts : store->posts;
        if (!posts) {
            return err_set(why, ERR_NO_MEMORY, "out of memory");
        }
        store->capacity = capacity;
    }
    store->items[store->count++] = (struct item){.batch = batch, .catalog = catalog};
    return ERR_OK;
}

static enum err jetstream_begin(struct store *base, int64_t now_us, struct err_text *why)
{
    (void)why;
    own(base)->count = 0;
    own(base)->now_us = now_us;
    return ERR_OK;
}

static enum err jetstream_put_catalog(struct store *base, struct store_catalog *catalog, struct err_text *why)
{
    return add(own(base), NULL, catalog, why);
}

static enum err jetstream_put_batch(struct store *base, struct store_batch *batch, struct err_text *why)
{
    assert(batch->view->identity.sequence > 0 && batch->view->identity.sequence <= STORE_SEQUENCE_MAX);
    return add(own(base), batch, NULL, why);
}

static void jetstream_rollback(struct store *base)
{
    own(base)->count = 0; // nothing of it was sent
}

static void post(struct jetstream_store *store, struct item *item, struct bytes data)
{
    item->post = &store->posts[store->post_count++];
    *item->post = (struct nats_post){.subject = item->subject, .data = data, .expects = true};
}

static enum err post_catalogs(struct jetstream_store *store, struct err_text *why)
{
    store->post_count = 0;
    for (size_t i = 0; i < store->count; i++) {
        struct item *item = &store->items[i];
        if (item->catalog &&
            !memo_find(store->catalogs, (struct bytes){item->catalog->hash, CATALOG_HASH_SIZE})) {
            jetstream_catalog_subject(store->place.name, item->catalog->hash, item->subject);
            post(store, item, item->catalog->encoded);
        }
    }
    enum err result = nats_link_post(store->link, store->posts, store->post_count, why);
    for (size_t i = 0; i < store->count && result == ERR_OK; i++) {
        if (store->items[i].catalog) {
            remember_catalog(store, store->items[i].catalog->hash);
        }
    }
    return result;
}

static void prepare_batch(struct jetstream_store *store, struct item *item)
{
    struct jetstream_about about = {.received_us = item->batch->received_us,
                                    .committed_us = store->now_us,
                                    .historical = item->batch->historical};
    snprintf(about.bridge, sizeof about.bridge, "%s", item->batch->bridge);
    jetstream_about_write(&about, item->about);
    post(store, item, item->batch->view->encoded);
    jetstream_batch_id(item->subject + strlen(store->place.name), item->batch->view->digest, item->id);
    item->post->id = item->id;
    item->post->about = item->about;
}

/* An identity that is twice in a group is posted once; the other one is looked at afterwards. */
static enum err prepare_batches(struct jetstream_store *store, struct err_text *why)
{
    struct memo *seen = memo_new(0, NULL);
    enum err result = seen ? ERR_OK : ERR_NO_MEMORY;
    store->post_count = 0;
    for (size_t i = 0; i < store->count && result == ERR_OK; i++) {
        struct item *item = &store->items[i];
        bool has = true;
        item->post = NULL;
        if (!item->batch) {
            continue;
        }
        const struct batch_view *view = item->batch->view;
        if (view->kind == BATCH_READINGS) {
            result = has_catalog(store, view->catalog_hash, &has, why);
        }
        if (result != ERR_OK || !has) {
            item->batch->result = STORE_NO_CATALOG;
            item->subject[0] = '\0';
            continue;
        }
        jetstream_batch_subject(store->place.name, item->batch->bridge, &view->identity, item->subject);
        struct bytes key = {(const uint8_t *)item->subject, strlen(item->subject)};
        if (!memo_find(seen, key)) {
            prepare_batch(store, item);
            result = memo_keep(seen, key, item, 0);
        }
    }
    memo_free(seen);
    return result == ERR_NO_MEMORY ? err_set(why, result, "out of memory") : result;
}

/* Its identity is taken: by the same batch, or by another one? */
static enum err compare(struct jetstream_store *store, struct item *item, struct err_text *why)
{
    struct nats_message *message = NULL;
    struct jetstream_about about = {.committed_us = 0};
    const uint8_t *digest = item->batch->view->digest;
    enum err result = nats_link_last(store->link, store->batches, item->subject, &message, why);
    if (result == ERR_NOT_FOUND && item->post && item->post->sequence > 0) { // it was there, and is moved on
        item->batch->result = STORE_DUPLICATE;
        return ERR_OK;
    }
    if (result == ERR_NOT_FOUND) { // on its way: later
        return err_set(why, ERR_BUSY, "NATS: %s: is neither stored nor refused", item->subject);
    }
    if (result != ERR_OK) {
        return result;
    }
    struct bytes data = nats_message_data(message);
    bool same = data.size >= BATCH_DIGEST_SIZE &&
                memcmp(data.data + data.size - BATCH_DIGEST_SIZE, digest, BATCH_DIGEST_SIZE) == 0;
    item->batch->result = same ? STORE_DUPLICATE : STORE_CONFLICT;
    if (same && jetstream_about_read(nats_message_header(message, "Bourdon"), &about)) {
        item->batch->committed_us = about.committed_us;
    }
    nats_message_free(message);
    return ERR_OK;
}

static enum err answer(struct jetstream_store *store, struct item *item, struct err_text *why)
{
    enum err result = ERR_OK;
    item->batch->committed_us = 0;
    if (item->post && item->post->outcome == NATS_STORED) {
        item->batch->result = STORE_COMMITTED;
        item->batch->committed_us = store->now_us;
    } else {
        result = compare(store, item, why);
    }
    if (result == ERR_OK && item->batch->result != STORE_CONFLICT) {
        result = jetstream_marks_note(store->marks, item->batch->bridge, item->batch->view, why);
    }
    return result;
}

static enum err send_group(struct jetstream_store *store, struct err_text *why)
{
    jetstream_marks_settle(store->marks);
    enum err result = post_catalogs(store, why);
    if (result == ERR_OK) {
        result = prepare_batches(store, why);
    }
    if (result == ERR_OK) {
        result = nats_link_post(store->link, store->posts, store->post_count, why);
    }
    for (size_t i = 0; i < store->count && result == ERR_OK; i++) {
        if (store->items[i].batch && store->items[i].subject[0]) {
            result = answer(store, &store->items[i], why);
        }
    }
    return result == ERR_OK ? jetstream_marks_write(store->marks, why) : result;
}

static enum err jetstream_commit(struct store *base, struct err_text *why)
{
    struct jetstream_store *store = own(base);
    enum err result = send_group(store, why);
    store->count = 0;
    return result;
}

static enum err jetstream_look_up(struct store *base, const char *bridge, const uint8_t *epoch,
                                  struct store_watermarks *watermarks, struct err_text *why)
{
    *watermarks = (struct store_watermarks){0};
    return jetstream_marks_look_up(own(base)->marks, bridge, epoch, watermarks, why);
}

/* ---- opening and closing ---- */

static void jetstream_close(struct store *base)
{
    struct jetstream_store *store = own(base);
    jetstream_marks_free(store->marks);
    memo_free(store->catalogs);
    nats_link_close(store->link);
    free(store->items);
    free(store->posts);
    free(store);
}

static const struct store_operations operations = {
    .begin = jetstream_begin,
    .put_catalog = jetstream_put_catalog,
    .put_batch = jetstream_put_batch,
    .commit = jetstream_commit,
    .rollback = jetstream_rollback,
    .look_up = jetstream_look_up,
    .find_catalog = jetstream_find_catalog,
    .close = jetstream_close,
};

static enum err make_streams(struct jetstream_store *store, size_t from, size_t until, struct err_text *why)
{
    const struct jetstream_place *place = &store->place;
    char subjects[3][STREAM_NAME_MAX];
    snprintf(subjects[0], sizeof subjects[0], "%s.batch.>", place->name);
    snprintf(subjects[1], sizeof subjects[1], "%s.mark.>", place->name);
    snprintf(subjects[2], sizeof subjects[2], "%s.catalog.>", place->name);
    const struct nats_stream streams[] = {
        {.name = store->catalogs_stream,
         .subjects = subjects[2],
         .replicas = place->replicas,
         .one_each = true},
        {.name = store->batches,
         .subjects = subjects[0],
         .replicas = place->replicas,
         .max_bytes = place->max_bytes,
         .max_age_us = place->max_age_us,
         .duplicates_us = place->duplicates_us},
        {.name = store->marks_stream, .subjects = subjects[1], .replicas = place->replicas, .one_each = true},
    };
    enum err result = ERR_OK;
    for (size_t i = from; i < until && result == ERR_OK; i++) {
        result = nats_link_make_stream(store->link, &streams[i], why);
    }
    return result;
}

/* The first server makes the identity; the stream decides who was first. */
static enum err settle_identity(struct jetstream_store *store, struct err_text *why)
{
    char subject[JETSTREAM_SUBJECT_MAX];
    uint8_t made[1 + STORE_ID_SIZE] = {JETSTREAM_VERSION};
    struct nats_message *message = NULL;
    random_bytes(made + 1, STORE_ID_SIZE);
    snprintf(subject, sizeof subject, "%s.catalog.store", store->place.name);
    struct nats_post first = {.subject = subject, .data = {made, sizeof made}, .expects = true};
    enum err result = nats_link_post(store->link, &first, 1, why);
    if (result == ERR_OK) {
        result = nats_link_last(store->link, store->catalogs_stream, subject, &message, why);
    }
    if (result != ERR_OK) {
        return result;
    }
    struct bytes data = nats_message_data(message);
    if (data.size > 0 && data.data[0] > JETSTREAM_VERSION) {
        result =
            err_set(why, ERR_VERSION,
                    "the streams %s-… have version %d, this program knows version %d; they were not touched: "
                    "use the newer bourdon-server that made them, or another name",
                    store->place.name, (int)data.data[0], JETSTREAM_VERSION);
    } else if (data.size != sizeof made) {
        result = err_set(why, ERR_CORRUPT, "NATS: %s: is not the identity of a store", subject);
    } else {
        memcpy(store->base.id, data.data + 1, STORE_ID_SIZE);
    }
    nats_message_free(message);
    return result;
}

static enum err start(struct jetstream_store *store, const char *where, struct err_text *why)
{
    enum err result = jetstream_place_parse(where, &store->place, why);
    if (result == ERR_OK) {
        result = nats_link_open(&store->place, &store->link, why);
    }
    if (result != ERR_OK) {
        return result;
    }
    snprintf(store->batches, sizeof store->batches, "%s-batches", store->place.name);
    snprintf(store->marks_stream, sizeof store->marks_stream, "%s-marks", store->place.name);
    snprintf(store->catalogs_stream, sizeof store->catalogs_stream, "%s-catalogs", store->place.name);
    store->base.item_max = nats_link_payload_max(store->link);
    store->marks = jetstream_marks_new(store->link, store->place.name, store->marks_stream);
    store->catalogs = memo_new(CATALOGS_KNOWN_MAX, NULL);
    if (!store->marks || !store->catalogs) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    result = make_streams(store, 0, 1, why); // where the version is
    if (result == ERR_OK) {
        result = settle_identity(store, why);
    }
    return result == ERR_OK ? make_streams(store, 1, 3, why) : result;
}

static void say_what_it_promises(const struct jetstream_store *store)
{
    log_warn(
        "store", log_event("store_without_sync"), log_i64("replicas", store->place.replicas),
        log_str("meaning",
                store->place.replicas > 1
                    ? "NATS acknowledges before it syncs its disks: a batch survives the loss of a minority "
                      "of its replicas, not a power cut of all of them at once"
                    : "NATS acknowledges before it syncs its disk, and there is one replica: a power cut may "
                      "lose what was acknowledged"));
}

enum err jetstream_store_open(const char *where, struct store **out, struct err_text *why)
{
    struct jetstream_store *store = calloc(1, sizeof *store);
    if (!store) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    store->base.operations = &operations;
    enum err result = start(store, where, why);
    if (result != ERR_OK) {
        jetstream_close(&store->base);
        return result;
    }
    say_what_it_promises(store);
    *out = &store->base;
    return ERR_OK;
}
