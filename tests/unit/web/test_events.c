#include "base/clock.h"
#include "events.h"
#include "support/suite.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { READERS = 2 };

static struct events *events;
static struct buffer got;

static void setup(void)
{
    events = events_new(READERS);
    ck_assert_ptr_nonnull(events);
    buffer_init(&got, 256 * 1024);
}

static void teardown(void)
{
    events_free(events);
    buffer_fini(&got);
}

static void publish(const char *line)
{
    events_publish(events, (struct bytes){(const uint8_t *)line, strlen(line)});
}

static const char *text(void)
{
    ck_assert_int_eq(buffer_append(&got, "", 1), ERR_OK);
    return (const char *)got.data + got.start;
}

static size_t count_of(const char *part)
{
    size_t count = 0;
    for (const char *at = text(); (at = strstr(at, part)); at++) {
        count++;
    }
    return count;
}

START_TEST(a_line_becomes_an_event_of_its_type)
{
    struct events_reader *reader = events_enter(events);
    publish("{\"type\":\"batch\",\"seq\":7}");
    ck_assert(events_read(reader, &got));
    ck_assert_ptr_nonnull(strstr(text(), "event: batch\ndata: {\"type\":\"batch\",\"seq\":7}\n\n"));
    events_leave(reader);
}
END_TEST

START_TEST(what_is_no_line_of_ours_is_not_published)
{
    static char long_line[EVENTS_LINE_MAX + 64];
    struct events_reader *reader = events_enter(events);
    snprintf(long_line, sizeof long_line, "{\"type\":\"batch\",\"text\":\"%0*d\"}", EVENTS_LINE_MAX, 0);
    publish("");
    publish("{\"error\":\"no\"}");
    publish("{\"type\":\"a\"}\nevent: forged");
    publish(long_line);
    ck_assert(events_read(reader, &got));
    ck_assert_ptr_null(strstr(text(), "event:"));
    events_leave(reader);
}
END_TEST

START_TEST(a_reader_that_falls_behind_skips_and_is_told_how_many)
{
    char line[64];
    struct events_reader *reader = events_enter(events);
    for (int i = 0; i < 2 * EVENTS_RING; i++) {
        snprintf(line, sizeof line, "{\"type\":\"batch\",\"seq\":%d}", i);
        publish(line);
    }
    ck_assert(events_read(reader, &got));
    ck_assert_uint_eq(count_of("event: batch"), EVENTS_CHUNK_LINES);
    snprintf(line, sizeof line, "\"lines\":%d}", 2 * EVENTS_RING - EVENTS_CHUNK_LINES);
    ck_assert_ptr_nonnull(strstr(text(), line));
    snprintf(line, sizeof line, "\"seq\":%d}", 2 * EVENTS_RING - 1);
    ck_assert_ptr_nonnull(strstr(text(), line));
    events_leave(reader);
}
END_TEST

START_TEST(there_are_as_many_readers_as_allowed)
{
    struct events_reader *readers[READERS];
    for (int i = 0; i < READERS; i++) {
        readers[i] = events_enter(events);
        ck_assert_ptr_nonnull(readers[i]);
    }
    ck_assert_ptr_null(events_enter(events));
    events_leave(readers[0]);
    readers[0] = events_enter(events);
    ck_assert_ptr_nonnull(readers[0]);
    for (int i = 0; i < READERS; i++) {
        events_leave(readers[i]);
    }
}
END_TEST

static void *close_them(void *unused)
{
    events_close(events);
    return unused;
}

START_TEST(closing_ends_a_reader_that_waits)
{
    pthread_t closer;
    struct events_reader *reader = events_enter(events);
    ck_assert(events_read(reader, &got));
    pthread_create(&closer, NULL, close_them, NULL);
    while (events_read(reader, &got)) {
    }
    pthread_join(closer, NULL);
    ck_assert_ptr_null(events_enter(events));
    events_leave(reader);
}
END_TEST

int main(void)
{
    return suite_run_with("events", setup, teardown,
                          (const TTest *[]){
                              a_line_becomes_an_event_of_its_type,
                              what_is_no_line_of_ours_is_not_published,
                              a_reader_that_falls_behind_skips_and_is_told_how_many,
                              there_are_as_many_readers_as_allowed,
                              closing_ends_a_reader_that_waits,
                              NULL,
                          });
}
