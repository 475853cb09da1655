#include "spool_fixture.h"

#include "base/clock.h"
#include "base/log.h"

#include <check.h>

enum { POLL_MS = 1, SPOOL_BYTES = 100 * 1024 * 1024, ACK_LOG_ROWS = 10000 };

static void silence(void *owner, const char *line, size_t size)
{
    (void)owner;
    (void)line;
    (void)size;
}

static void on_poll(void *loop)
{
    loop_stop(loop);
}

void fixture_begin(struct spool_fixture *fixture, size_t per_batch, int64_t max_age_us)
{
    log_set_sink(silence, NULL);
    temporary_folder(fixture->folder);
    temporary_path(fixture->folder, "spool.db", fixture->path);
    fixture->loop = loop_new();
    fixture->poll = loop_timer_new(fixture->loop, on_poll, fixture->loop);
    fixture->catalog = sample_catalog(1);
    fixture->configuration = (struct spool_configuration){
        .catalog = fixture->catalog,
        .batch = {.max_readings = per_batch, .max_age_us = max_age_us},
        .bounds = {.max_bytes = SPOOL_BYTES},
    };
}

void fixture_start(struct spool_fixture *fixture, const struct spool_events *events)
{
    const struct spool_options options = {
        .path = fixture->path, .bridge = "cell-3", .ack_log_rows = ACK_LOG_ROWS};
    struct spool_thread_options thread = {
        .configuration = &fixture->configuration, .loop = fixture->loop, .events = events};
    struct err_text why = {{0}};
    enum err result = spool_open(&options, clock_wall_us(), &thread.spool, &why);
    if (result == ERR_OK) {
        result = spool_thread_start(&thread, &fixture->spool, &why);
    }
    ck_assert_msg(result == ERR_OK, "%s", why.text);
}

void fixture_end(struct spool_fixture *fixture)
{
    spool_thread_free(fixture->spool);
    loop_timer_free(fixture->poll);
    loop_free(fixture->loop);
    catalog_free(fixture->catalog);
    temporary_remove(fixture->folder);
}

void fixture_run_until(struct spool_fixture *fixture, bool (*condition)(void))
{
    int64_t deadline_us = clock_mono_us() + FIXTURE_DEADLINE_US;
    while (!condition()) {
        ck_assert_msg(clock_mono_us() < deadline_us, "the condition never came true");
        loop_timer_start_ms(fixture->poll, POLL_MS);
        loop_run(fixture->loop);
    }
}

struct spool_status fixture_status(const struct spool_fixture *fixture)
{
    struct spool_status status;
    spool_thread_status(fixture->spool, &status);
    return status;
}
