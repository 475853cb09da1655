#include "store/drain.h"

#include "store/jetstream_names.h"
#include "store/nats_link.h"
#include "store_fixture.h"
#include "support/suite.h"
#include "support/system.h"
#include "support/temporary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[TEMPORARY_PATH_MAX];
static char from[512], to[TEMPORARY_PATH_MAX + 16], name[JETSTREAM_NAME_MAX + 1];
static struct store *source;
static struct err_text why;

static struct store *open_store(const char *where)
{
    struct store *store;
    enum err result = store_open(where, &store, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
    return store;
}

static void setup(void)
{
    char path[TEMPORARY_PATH_MAX];
    static int places;
    temporary_folder(folder);
    snprintf(to, sizeof to, "sqlite:%s", temporary_path(folder, "store.db", path));
    snprintf(name, sizeof name, "drain-%d-%d", (int)getpid(), ++places);
    snprintf(from, sizeof from, "%s%s", getenv("BOURDON_NATS"), name);
    source = open_store(from);
    fixture_put_catalog(source);
}

static void teardown(void)
{
    store_close(source);
    temporary_remove(folder);
}

static void put(struct store *store, uint64_t sequence, uint8_t content, enum store_result expected)
{
    struct fixture_batch batch;
    fixture_batch(&batch, 1, sequence, content);
    ck_assert_int_eq(fixture_put(store, "cell-3", &batch), expected);
}

static void drain_once(void)
{
    static const volatile sig_atomic_t stop;
    const struct drain_options options = {.from = from, .to = to, .once = true, .stop = &stop};
    enum err result = drain_run(&options, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
}

/* The last message of a subject in one of the streams; NULL: none. */
static struct nats_message *last(const char *stream, const char *subject)
{
    char stream_name[64];
    struct jetstream_place place;
    struct nats_link *link;
    struct nats_message *message = NULL;
    snprintf(stream_name, sizeof stream_name, "%s-%s", name, stream);
    ck_assert_int_eq(jetstream_place_parse(from + strlen("jetstream://"), &place, &why), ERR_OK);
    ck_assert_int_eq(nats_link_open(&place, &link, &why), ERR_OK);
    enum err result = nats_link_last(link, stream_name, subject, &message, &why);
    ck_assert_msg(result == ERR_OK || result == ERR_NOT_FOUND, "%s", why.text);
    nats_link_close(link);
    return message;
}

START_TEST(everything_is_moved_once_and_removed)
{
    for (uint64_t sequence = 1; sequence <= 5; sequence++) {
        put(source, sequence, 7, STORE_COMMITTED);
    }
    drain_once();
    drain_once();
    struct store *moved = open_store(to);
    ck_assert_uint_eq(fixture_look_up(moved, "cell-3", 1).contiguous, 5);
    put(moved, 5, 7, STORE_DUPLICATE);
    store_close(moved);
    struct fixture_batch batch;
    char subject[JETSTREAM_SUBJECT_MAX];
    fixture_batch(&batch, 1, 5, 7);
    ck_assert_ptr_null(
        last("batches", jetstream_batch_subject(name, "cell-3", &batch.view.identity, subject)));
}
END_TEST

START_TEST(a_batch_that_contradicts_the_ledger_is_kept_and_holds_up_no_other)
{
    struct fixture_batch batch;
    char subject[JETSTREAM_SUBJECT_MAX];
    char kept[2 * JETSTREAM_SUBJECT_MAX];
    put(source, 1, 7, STORE_COMMITTED);
    put(source, 2, 7, STORE_COMMITTED);
    struct store *target = open_store(to);
    fixture_put_catalog(target);
    put(target, 1, 8, STORE_COMMITTED);
    store_close(target);
    drain_once();
    target = open_store(to);
    put(target, 1, 8, STORE_DUPLICATE); // as it was
    put(target, 2, 7, STORE_DUPLICATE);
    store_close(target);
    fixture_batch(&batch, 1, 1, 7);
    jetstream_batch_subject(name, "cell-3", &batch.view.identity, subject);
    ck_assert_ptr_null(last("batches", subject));
    /* Behind its subject is its number in the stream: it was the first. */
    snprintf(kept, sizeof kept, "%s.catalog.kept%s.%016x", name, subject + strlen(name), 1);
    struct nats_message *message = last("catalogs", kept);
    ck_assert_msg(message != NULL, "%s", kept);
    ck_assert_uint_eq(nats_message_data(message).size, batch.view.encoded.size);
    ck_assert_mem_eq(nats_message_data(message).data, batch.view.encoded.data, batch.view.encoded.size);
    nats_message_free(message);
}
END_TEST

int main(void)
{
    return getenv("BOURDON_NATS")
               ? suite_run_with("drain", setup, teardown,
                                (const TTest *[]){
                                    everything_is_moved_once_and_removed,
                                    a_batch_that_contradicts_the_ledger_is_kept_and_holds_up_no_other,
                                    NULL,
                                })
               : SYSTEM_SKIPPED;
}
