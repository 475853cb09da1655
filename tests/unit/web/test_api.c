/* The API over a store, without HTTP: questions and answers. */
#include "api.h"
#include "base/array.h"
#include "made_store.h"
#include "net/control.h"
#include "page.h"
#include "support/suite.h"
#include "support/temporary.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[TEMPORARY_PATH_MAX];
static char store[TEMPORARY_PATH_MAX];
static struct api api;
static struct buffer body;

static void setup(void)
{
    temporary_folder(folder);
    temporary_path(folder, "store.db", store);
    made_store(store);
    api = (struct api){.readers = readers_new(store, INT64_C(10000000)), .watch = ""};
    buffer_init(&body, 32 * 1024 * 1024);
}

static void teardown(void)
{
    readers_free(api.readers);
    buffer_fini(&body);
    temporary_remove(folder);
}

static unsigned ask(const char *path, const char *query)
{
    const struct api_path *found = api_find(path);
    ck_assert_msg(found != NULL, "%s", path);
    buffer_clear(&body);
    unsigned status = api_answer(&api, found, query, &body);
    ck_assert_int_eq(buffer_append(&body, "", 1), ERR_OK);
    return status;
}

static const char *text(void)
{
    return (const char *)body.data + body.start;
}

static size_t count_of(const char *part)
{
    size_t count = 0;
    for (const char *at = text(); (at = strstr(at, part)); at++) {
        count++;
    }
    return count;
}

#define DAY "from=2026-01-31T12:00:00Z&to=2026-01-31T12:00:59Z"

START_TEST(answers_hold_what_the_store_has)
{
    static const struct {
        const char *path, *query, *holds;
    } rows[] = {
        {"/api/v1/bridges", "", "\"name\":\"cell-3\",\"live\":null,\"stored\":{\"epoch\":\"0101"},
        {"/api/v1/bridges", "", "\"clock\":\"synchronised\""},
        {"/api/v1/bridges", "limit=1", "\"next\":\"cell-3\""},
        {"/api/v1/bridges", "after=cell-3", "[{\"name\":\"cell-4\""},
        {"/api/v1/tags", "bridge=cell-4",
         "{\"bridge\":\"cell-4\",\"tag\":\"pressure\",\"unit\":\"bar\",\"link\":\"plc\",\"unit_id\":1,"
         "\"table\":\"holding\",\"address\":0,\"number\":true,\"bool\":false}"},
        {"/api/v1/tags", "limit=1", "\"more\":true"},
        {"/api/v1/readings", DAY "&tag=pressure&bridge=cell-3&limit=1",
         "\"time\":\"2026-01-31T12:00:00.001000Z\",\"request_time\":\"2026-01-31T12:00:00.000000Z\","
         "\"value\":0,\"text\":\"0\",\"quality\":\"good\""},
        {"/api/v1/readings", DAY "&tag=press*&quality=bad*", "\"value\":null,\"text\":null"},
        {"/api/v1/readings", DAY "&tag=pressure&bridge=cell-3&every=1s",
         "\"time\":\"2026-01-31T12:00:01.000000Z\",\"mean\":1.45,\"min\":1,\"max\":1.9,\"last\":1.9,"
         "\"count\":10,\"without\":0"},
        {"/api/v1/readings", DAY "&tag=pressure&bridge=cell-3&every=1s&agg=max",
         "\"value\":1.9,\"count\":10"},
        {"/api/v1/readings", DAY "&tag=pressure&bridge=cell-3&every=1s", "\"mean\":null"},
        {"/api/v1/readings", "tag=nobody-has-this&from=0", "{\"readings\":[],\"next\":null}"},
        {"/api/v1/acks", "limit=1", "\"bridge\":\"cell-4\",\"epoch\":\"0202"},
        {"/api/v1/acks", "after=19", "{\"acks\":[{\"id\":20,"},
        {"/api/v1/gaps", "", "{\"gaps\":[],\"holes\":[]}"},
        {"/api/v1/server", "", "\"server\":null,\"reason\":\"the configuration names no watch socket"},
        {"/api/v1/alarms", "", "{\"alarms\":[],\"reason\":\"the configuration"},
        {"/api/v1/alarms", "standing=true", "{\"alarms\":[],\"reason\":\"the configuration"},
        {"/api/v1/quarantine", "", "{\"rejected\":[],\"reason\":\"the configuration"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        unsigned status = ask(rows[i].path, rows[i].query);
        ck_assert_msg(status == 200 && strstr(text(), rows[i].holds), "%s?%s: %u %.600s", rows[i].path,
                      rows[i].query, status, text());
    }
}
END_TEST

START_TEST(bad_questions_are_refused_with_what_to_ask)
{
    static const struct {
        const char *path, *query, *says;
    } rows[] = {
        {"/api/v1/readings", "tga=pressure", "tga: no parameter of"},
        {"/api/v1/readings", "from=yesterday", "from: a time such as"},
        {"/api/v1/readings", "from=now&to=-1h", "from: is after to"},
        {"/api/v1/readings", "every=0s", "every: a duration"},
        {"/api/v1/readings", "every=1", "every: a duration"},
        {"/api/v1/readings", "agg=mean", "agg: goes with every"},
        {"/api/v1/readings", "every=1m&agg=median", "agg: mean, min, max or last"},
        {"/api/v1/readings", "every=1m&after=x", "after: buckets"},
        {"/api/v1/readings", "after=x", "after: is not"},
        {"/api/v1/readings", "limit=0", "limit: a whole number from 1 to 10000"},
        {"/api/v1/readings", "limit=10001", "limit: a whole number"},
        {"/api/v1/readings", "limit=-1", "limit: a whole number"},
        {"/api/v1/readings", "tag=%00", "percent-encoded"},
        {"/api/v1/readings", "from=0&every=1ms&limit=10", "too many buckets"},
        {"/api/v1/acks", "after=99999999999999999999", "after: a whole number"},
        {"/api/v1/bridges", "limit=1001", "limit: a whole number"},
        {"/api/v1/alarms", "standing=yes", "standing: true or false"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        unsigned status = ask(rows[i].path, rows[i].query);
        ck_assert_msg(status == 400 && strncmp(text(), "{\"error\":\"", 10) == 0 &&
                          strstr(text(), rows[i].says),
                      "%s?%s: %u %.300s", rows[i].path, rows[i].query, status, text());
    }
}
END_TEST

static void encode(const char *from, char *to)
{
    for (; *from && *from != '"'; from++) {
        to += sprintf(to, "%%%02x", (unsigned char)*from);
    }
}

START_TEST(pages_join_without_a_reading_lost_or_doubled)
{
    size_t total = 0;
    char query[4096] = DAY "&limit=37";
    const char *next;
    do {
        ck_assert_uint_eq(ask("/api/v1/readings", query), 200);
        total += count_of("\"quality\":");
        next = strstr(text(), "\"next\":\"");
        size_t size = (size_t)snprintf(query, sizeof query, "%s&limit=37&after=", DAY);
        if (next) {
            encode(next + 8, query + size);
        }
    } while (next);
    ck_assert_uint_eq(total, 2UL * 2 * MADE_BATCHES * MADE_READINGS);
}
END_TEST

START_TEST(a_damaged_batch_is_an_error_and_the_next_question_is_answered)
{
    made_store_run(store, "UPDATE batch SET encoded = zeroblob(10) WHERE stream = 1 AND seq = 5");
    ck_assert_uint_eq(ask("/api/v1/readings", DAY "&bridge=cell-3"), 503);
    ck_assert_ptr_nonnull(strstr(text(), "batch 5 of bridge cell-3"));
    ck_assert_uint_eq(ask("/api/v1/readings", DAY "&bridge=cell-4&limit=1"), 200);
}
END_TEST

START_TEST(a_store_that_is_not_there_yet_is_said_and_found_later)
{
    char later[TEMPORARY_PATH_MAX];
    readers_free(api.readers);
    api.readers = readers_new(temporary_path(folder, "later.db", later), INT64_C(10000000));
    ck_assert_uint_eq(ask("/api/v1/acks", ""), 503);
    ck_assert_ptr_nonnull(strstr(text(), "later.db"));
    made_store(later);
    ck_assert_uint_eq(ask("/api/v1/acks", ""), 200);
}
END_TEST

START_TEST(a_store_that_is_replaced_is_the_new_one_and_one_that_is_removed_is_none)
{
    char other[TEMPORARY_PATH_MAX];
    ck_assert_uint_eq(ask("/api/v1/acks", "limit=100"), 200);
    ck_assert_uint_eq(count_of("\"id\":"), 2 * MADE_BATCHES);
    temporary_path(folder, "restored.db", other);
    made_store(other);
    made_store_run(other, "DELETE FROM batch WHERE id > 3");
    ck_assert_int_eq(rename(other, store), 0);
    ck_assert_uint_eq(ask("/api/v1/acks", "limit=100"), 200);
    ck_assert_msg(count_of("\"id\":") == 3, "%s", text());
    ck_assert_int_eq(unlink(store), 0);
    ck_assert_uint_eq(ask("/api/v1/acks", "limit=100"), 503);
    ck_assert_msg(strstr(text(), "there is no such file") != NULL, "%s", text());
}
END_TEST

START_TEST(a_question_that_takes_too_long_is_ended)
{
    readers_free(api.readers);
    api.readers = readers_new(store, 1);
    made_store_run(store,
                   "WITH RECURSIVE n(i) AS (SELECT 11 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
                   " INSERT INTO batch SELECT NULL, stream, i, kind, catalog, readings, first_us, last_us,"
                   " received_us, committed_us, historical, encoded FROM batch, n WHERE batch.id = 1");
    ck_assert_uint_eq(ask("/api/v1/readings", "from=0&limit=10000&tag=*"), 503);
    ck_assert_ptr_nonnull(strstr(text(), "took longer than"));
}
END_TEST

static void refuse(void *owner, const char *request, struct buffer *out)
{
    (void)owner;
    (void)request;
    static const char refusal[] = "{\"error\":\"limit exceeded\",\"requests\":[]}\n";
    ck_assert_int_eq(buffer_append(out, refusal, sizeof refusal - 1), ERR_OK);
}

static void *run_loop(void *loop)
{
    loop_run(loop);
    return NULL;
}

START_TEST(what_the_server_refuses_is_a_reason_and_no_row)
{
    static const char *const paths[] = {"/api/v1/alarms", "/api/v1/quarantine", "/api/v1/server"};
    char watch[TEMPORARY_PATH_MAX];
    pthread_t thread;
    struct control *control;
    struct loop *loop = loop_new();
    temporary_path(folder, "watch.sock", watch);
    ck_assert_int_eq(control_start(loop, watch, refuse, NULL, &control, NULL), ERR_OK);
    pthread_create(&thread, NULL, run_loop, loop);
    api.watch = watch;
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        ck_assert_uint_eq(ask(paths[i], ""), 200);
        ck_assert_msg(strstr(text(), ":[],\"reason\":\"the server does not") ||
                          strstr(text(), "\"server\":null,\"reason\":\"the server does not"),
                      "%s: %s", paths[i], text());
    }
    loop_stop(loop);
    pthread_join(thread, NULL);
    control_stop(control);
    loop_free(loop);
}
END_TEST

/* The description names each path and each of its parameters, and no other path. */
START_TEST(the_openapi_description_is_true)
{
    const struct page_file *file = page_files;
    while (strcmp(file->path, "/api/v1/openapi.yaml") != 0) {
        file++;
    }
    char *description = strndup((const char *)file->content.data, file->content.size);
    size_t count;
    const struct api_path *paths = api_paths(&count);
    for (size_t i = 0; i < count; i++) {
        char line[128];
        snprintf(line, sizeof line, "\n  %s:\n", paths[i].path);
        char *at = strstr(description, line);
        ck_assert_msg(at != NULL, "%s is not described", paths[i].path);
        char *end = strstr(at + 1, "\n  /");
        size_t found = 0;
        for (size_t j = 0; paths[i].parameters[j]; j++) {
            snprintf(line, sizeof line, "name: %s", paths[i].parameters[j]);
            const char *parameter = strstr(at, line);
            ck_assert_msg(parameter && (!end || parameter < end), "%s: %s is not described", paths[i].path,
                          paths[i].parameters[j]);
            found++;
        }
        size_t described = 0;
        for (const char *in = at; (in = strstr(in, "in: query")) && (!end || in < end); in++) {
            described++;
        }
        ck_assert_msg(found == described, "%s: %zu parameters are described, there are %zu", paths[i].path,
                      described, found);
    }
    size_t described = 0;
    for (const char *at = description; (at = strstr(at, "\n  /api/")); at++) {
        described++;
    }
    ck_assert_uint_eq(described, count + 2); // the stream of events, and the description itself
    free(description);
}
END_TEST

int main(void)
{
    return suite_run_with("api", setup, teardown,
                          (const TTest *[]){
                              answers_hold_what_the_store_has,
                              bad_questions_are_refused_with_what_to_ask,
                              pages_join_without_a_reading_lost_or_doubled,
                              a_damaged_batch_is_an_error_and_the_next_question_is_answered,
                              a_store_that_is_not_there_yet_is_said_and_found_later,
                              a_store_that_is_replaced_is_the_new_one_and_one_that_is_removed_is_none,
                              a_question_that_takes_too_long_is_ended,
                              what_the_server_refuses_is_a_reason_and_no_row,
                              the_openapi_description_is_true,
                              NULL,
                          });
}
