/* The feed behind a real socket: who follows hears what happens, and who does not read is dropped. */
#include "base/clock.h"
#include "feed.h"
#include "support/suite.h"
#include "support/temporary.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DEADLINE_S = 20 };

static char folder[TEMPORARY_PATH_MAX], path[TEMPORARY_PATH_MAX];
static struct loop *loop;
static struct control *control;
static struct feed *feed;
static pthread_t thread;

static void answer(void *owner, const char *request, struct buffer *out)
{
    (void)owner;
    if (strcmp(request, "follow") != 0 || !feed_follow(feed, out)) {
        ck_assert_int_eq(buffer_append(out, "no", 2), ERR_OK);
    }
}

static void *run(void *unused)
{
    loop_run(loop);
    return unused;
}

static void setup(void)
{
    temporary_folder(folder);
    temporary_path(folder, "watch.sock", path);
    loop = loop_new();
    feed = feed_new(loop);
    ck_assert_int_eq(control_start(loop, path, answer, NULL, &control, NULL), ERR_OK);
    feed_use(feed, control);
    pthread_create(&thread, NULL, run, NULL);
}

static void teardown(void)
{
    loop_stop(loop);
    pthread_join(thread, NULL);
    control_stop(control);
    feed_free(feed);
    loop_free(loop);
    temporary_remove(folder);
}

static int follow(void)
{
    int fd;
    ck_assert_int_eq(control_connect(path, "follow", &fd, NULL), ERR_OK);
    return fd;
}

/* Reads until the text has come. */
static void await(int fd, const char *text)
{
    static char heard[256 * 1024];
    size_t size = 0;
    heard[0] = '\0';
    while (!strstr(heard, text)) {
        ssize_t got = recv(fd, heard + size, sizeof heard - 1 - size, 0);
        ck_assert_msg(got > 0, "\"%s\" did not come: %.300s", text, heard);
        size += (size_t)got;
        heard[size] = '\0';
    }
}

static struct batch_view view;

static void publish(enum ack_result result, uint64_t sequence, const char *text)
{
    view = (struct batch_view){.kind = BATCH_READINGS, .identity.sequence = sequence, .count = 3};
    const struct observed_batch batch = {.bridge = "cell-3", .view = &view, .result = result, .text = text};
    feed_batch(feed, &batch);
}

START_TEST(who_follows_hears_of_batches)
{
    int fd = follow();
    await(fd, "{\"type\":\"hello\"");
    publish(ACK_COMMITTED, 7, "");
    await(fd, "{\"type\":\"batch\",\"result\":\"committed\",\"bridge\":\"cell-3\"");
    close(fd);
}
END_TEST

START_TEST(rejected_batches_are_kept_for_who_comes_later)
{
    struct buffer list;
    buffer_init(&list, 1024 * 1024);
    for (uint64_t i = 1; i <= FEED_REJECTED_MAX + 1; i++) {
        publish(ACK_REJECTED, i, "another batch is stored");
    }
    publish(ACK_COMMITTED, 9999, "");
    ck_assert_int_eq(feed_rejected(feed, &list), ERR_OK);
    ck_assert_int_eq(buffer_append(&list, "", 1), ERR_OK);
    const char *text = (const char *)list.data;
    ck_assert_ptr_null(strstr(text, "\"seq\":1,"));
    ck_assert_ptr_nonnull(strstr(text, "\"seq\":2,"));
    ck_assert_ptr_nonnull(strstr(text, "\"seq\":257,"));
    ck_assert_ptr_null(strstr(text, "9999"));
    ck_assert_ptr_nonnull(strstr(text, "\"reason\":\"another batch is stored\""));
    buffer_fini(&list);
}
END_TEST

START_TEST(a_follower_that_does_not_read_is_dropped_and_others_go_on)
{
    int slow = follow();
    int good = follow();
    await(slow, "hello");
    await(good, "hello");
    char text[64];
    static char drained[CONTROL_FOLLOWER_BACKLOG];
    bool enough = false;
    int64_t until_us = clock_mono_us() + DEADLINE_S * CLOCK_US_PER_S;
    /* The good one reads each round; the slow one fills its socket, then its backlog, then is dropped. */
    for (uint64_t i = 1; !enough && clock_mono_us() < until_us; i++) {
        for (int j = 0; j < 100; j++) {
            publish(ACK_COMMITTED, i, "");
        }
        publish(ACK_COMMITTED, 1000000 + i, "");
        snprintf(text, sizeof text, "\"seq\":%llu,", 1000000ULL + (unsigned long long)i);
        await(good, text);
        enough = i * 101 * 250 > 4UL * CONTROL_FOLLOWER_BACKLOG;
    }
    ssize_t got;
    size_t total = 0;
    while ((got = recv(slow, drained, sizeof drained, 0)) > 0) {
        total += (size_t)got;
    }
    ck_assert_int_eq(got, 0); // its end, not a time-out
    ck_assert_uint_lt(total, 4UL * CONTROL_FOLLOWER_BACKLOG);
    publish(ACK_COMMITTED, 5, "");
    await(good, "\"seq\":5,");
    close(slow);
    close(good);
}
END_TEST

START_TEST(there_are_as_many_followers_as_allowed)
{
    int followers[CONTROL_FOLLOWERS_MAX];
    for (int i = 0; i < CONTROL_FOLLOWERS_MAX; i++) {
        followers[i] = follow();
        await(followers[i], "hello");
    }
    int surplus = follow();
    await(surplus, "no");
    close(surplus);
    for (int i = 0; i < CONTROL_FOLLOWERS_MAX; i++) {
        close(followers[i]);
    }
}
END_TEST

int main(void)
{
    return suite_run_with("feed", setup, teardown,
                          (const TTest *[]){
                              who_follows_hears_of_batches,
                              rejected_batches_are_kept_for_who_comes_later,
                              a_follower_that_does_not_read_is_dropped_and_others_go_on,
                              there_are_as_many_followers_as_allowed,
                              NULL,
                          });
}
