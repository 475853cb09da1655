#include "send/resume.h"

#include "support/suite.h"
#include "support/temporary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[TEMPORARY_PATH_MAX];
static char path[TEMPORARY_PATH_MAX];
static uint8_t epoch[BATCH_EPOCH_SIZE];
static struct err_text why;

static void setup(void)
{
    temporary_folder(folder);
    temporary_path(folder, "run.state", path);
    memset(epoch, 0xa5, sizeof epoch);
}

static void teardown(void)
{
    temporary_remove(folder);
}

static struct resume *open_good(void)
{
    struct resume *resume;
    ck_assert_msg(resume_open(path, epoch, &resume, &why) == ERR_OK, "%s", why.text);
    return resume;
}

static void write_file(const char *text, size_t size)
{
    FILE *file = fopen(path, "w");
    fwrite(text, 1, size, file);
    fclose(file);
}

START_TEST(begins_with_the_epoch_it_is_given_and_keeps_it)
{
    struct resume *resume = open_good();
    struct resume_state state = *resume_state(resume);
    ck_assert_mem_eq(state.epoch, epoch, sizeof epoch);
    ck_assert_uint_eq(resume_next_sequence(&state), 1);
    ck_assert(!state.open);
    ck_assert_int_eq(access(path, F_OK), -1); /* nothing was sent, nothing is written */
    state.batches = 3;
    ck_assert_int_eq(resume_write(resume, &state, &why), ERR_OK);
    resume_close(resume);

    memset(epoch, 0, sizeof epoch);
    resume = open_good();
    ck_assert_int_eq(resume_state(resume)->epoch[0], 0xa5);
    ck_assert_uint_eq(resume_next_sequence(resume_state(resume)), 4);
    resume_close(resume);
}
END_TEST

START_TEST(remembers_an_open_run_whole)
{
    struct resume *resume = open_good();
    struct resume_state state = *resume_state(resume);
    state.first_sequence = 77;
    state.batches = 5;
    state.open = true;
    state.max_readings = 1000;
    state.now_us = INT64_C(1769860800123456);
    state.synchronised = true;
    memset(state.digest, 0x3c, sizeof state.digest);
    ck_assert_int_eq(resume_write(resume, &state, &why), ERR_OK);
    resume_close(resume);
    resume = open_good();
    const struct resume_state *read = resume_state(resume);
    ck_assert_uint_eq(read->first_sequence, 77);
    ck_assert_uint_eq(read->batches, 5);
    ck_assert(read->open);
    ck_assert_uint_eq(read->max_readings, 1000);
    ck_assert_int_eq(read->now_us, INT64_C(1769860800123456));
    ck_assert(read->synchronised);
    ck_assert_mem_eq(read->digest, state.digest, sizeof state.digest);
    resume_close(resume);
}
END_TEST

START_TEST(one_run_at_a_time)
{
    struct resume *first = open_good();
    struct resume *second;
    ck_assert_int_eq(resume_open(path, epoch, &second, &why), ERR_CONFLICT);
    ck_assert_ptr_nonnull(strstr(why.text, "in use"));
    ck_assert_ptr_null(second);
    resume_close(first);
    resume_close(open_good());
}
END_TEST

START_TEST(refuses_a_file_that_is_cut_or_changed_and_leaves_it)
{
    struct resume *resume = open_good();
    struct resume_state state = *resume_state(resume);
    state.batches = 3;
    ck_assert_int_eq(resume_write(resume, &state, &why), ERR_OK);
    resume_close(resume);
    char text[1024];
    FILE *file = fopen(path, "r");
    size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    for (size_t cut = 0; cut < size; cut++) {
        write_file(text, cut);
        ck_assert_msg(resume_open(path, epoch, &resume, &why) == ERR_MALFORMED, "cut at %zu", cut);
        ck_assert_ptr_null(resume);
    }
    write_file(text, size);
    text[size] = 'x';
    write_file(text, size + 1);
    ck_assert_int_eq(resume_open(path, epoch, &resume, &why), ERR_MALFORMED);
    write_file("\0\0\0", 3);
    ck_assert_int_eq(resume_open(path, epoch, &resume, &why), ERR_MALFORMED);
    write_file(text, size);
    resume_close(open_good());
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_an_error)
{
    struct resume *resume;
    ck_assert_int_eq(resume_open("/nonexistent/run.state", epoch, &resume, &why), ERR_IO);
    ck_assert_ptr_null(resume);
    resume_close(NULL);
}
END_TEST

int main(void)
{
    return suite_run_with("resume", setup, teardown,
                          (const TTest *[]){
                              begins_with_the_epoch_it_is_given_and_keeps_it,
                              remembers_an_open_run_whole,
                              one_run_at_a_time,
                              refuses_a_file_that_is_cut_or_changed_and_leaves_it,
                              a_folder_that_is_not_there_is_an_error,
                              NULL,
                          });
}
