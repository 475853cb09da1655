#include "base/clock.h"
#include "made_store.h"
#include "readers.h"
#include "support/suite.h"
#include "support/temporary.h"

#include <fcntl.h>
#include <unistd.h>

static char folder[TEMPORARY_PATH_MAX];
static struct readers *readers;

static void setup(void)
{
    static char store[TEMPORARY_PATH_MAX];
    temporary_folder(folder);
    made_store(temporary_path(folder, "store.db", store));
    readers = readers_new(store, INT64_C(10000000));
    ck_assert_ptr_nonnull(readers);
}

static void teardown(void)
{
    readers_free(readers);
    temporary_remove(folder);
}

/* Without a header: what is in it does not count. */
static void make_log(off_t size)
{
    char path[TEMPORARY_PATH_MAX];
    int fd = open(temporary_path(folder, "store.db-wal", path), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, size), 0);
    close(fd);
}

static struct reader *take(void)
{
    struct err_text why = {""};
    struct reader *reader;
    ck_assert_msg(readers_take(readers, &reader, &why) == ERR_OK, "%s", why.text);
    return reader;
}

static void give(struct reader *reader)
{
    ck_assert_int_eq(readers_give(readers, reader, ERR_OK, NULL), ERR_OK);
}

START_TEST(while_the_log_is_short_readers_overlap)
{
    struct reader *first = take();
    make_log(READERS_LOG_MAX);
    struct reader *second = take();
    give(first);
    give(second);
}
END_TEST

START_TEST(while_the_log_is_long_nobody_begins_before_all_are_back)
{
    struct reader *surplus;
    struct reader *first = take();
    make_log((off_t)READERS_LOG_MAX + 1);
    ck_assert_int_eq(readers_take(readers, &surplus, NULL), ERR_BUSY);
    int64_t begun_us = clock_mono_us();
    give(first);
    first = take();
    ck_assert_int_ge(clock_mono_us() - begun_us, READERS_REST_MS * CLOCK_US_PER_MS);
    struct reader *second = take(); // it stays long: no rest again so soon
    give(first);
    give(second);
}
END_TEST

START_TEST(a_log_that_is_short_again_ends_the_rest)
{
    struct reader *surplus;
    struct reader *first = take();
    make_log((off_t)READERS_LOG_MAX + 1);
    ck_assert_int_eq(readers_take(readers, &surplus, NULL), ERR_BUSY);
    make_log(0);
    give(first);
    give(take());
}
END_TEST

int main(void)
{
    return suite_run_with("readers", setup, teardown,
                          (const TTest *[]){
                              while_the_log_is_short_readers_overlap,
                              while_the_log_is_long_nobody_begins_before_all_are_back,
                              a_log_that_is_short_again_ends_the_rest,
                              NULL,
                          });
}
