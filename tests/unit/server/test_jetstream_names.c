#include "base/array.h"
#include "store/jetstream_names.h"
#include "store/jetstream_place.h"
#include "support/suite.h"

#include <check.h>
#include <string.h>

static struct err_text why;

START_TEST(a_place_has_servers_a_name_and_limits)
{
    struct jetstream_place place;
    enum err result = jetstream_place_parse(
        "n1:4222,[::1]:4223/plant?replicas=3&max_bytes=2KiB&max_age=1h&duplicates=10s&ca=/etc/ca.pem", &place,
        &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
    ck_assert_int_eq(place.server_count, 2);
    ck_assert_str_eq(place.servers[0], "nats://n1:4222");
    ck_assert_str_eq(place.servers[1], "nats://[::1]:4223");
    ck_assert_str_eq(place.name, "plant");
    ck_assert_int_eq(place.replicas, 3);
    ck_assert_int_eq(place.max_bytes, 2048);
    ck_assert_int_eq(place.max_age_us, INT64_C(3600000000));
    ck_assert_int_eq(place.duplicates_us, 10000000);
    ck_assert_str_eq(place.ca, "/etc/ca.pem");
    ck_assert_str_eq(place.key, "");
}
END_TEST

START_TEST(what_is_no_place_is_said_so)
{
    static const struct {
        const char *text, *said;
    } rows[] = {
        {"", "the name is missing"},          {"n1:4222", "the name is missing"},
        {"n1:4222/", "is not a name"},        {"/plant", "is not HOST:PORT"},
        {"n1,,n2/plant", "is not HOST:PORT"}, {"user@n1/plant", "is not HOST:PORT"},
        {"n1/pl.ant", "is not a name"},       {"n1/a23456789012345678901234567890123", "is not a name"},
        {"n1/plant?replicas=0", "replicas"},  {"n1/plant?replicas=6", "replicas"},
        {"n1/plant?replicas=11", "replicas"}, {"n1/plant?max_bytes=lots", "max_bytes"},
        {"n1/plant?max_age=7", "max_age"},    {"n1/plant?replica=3", "is none of"},
        {"n1/plant?", "is none of"},
    };
    struct jetstream_place place;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_msg(jetstream_place_parse(rows[i].text, &place, &why) == ERR_CONFIG, "%s", rows[i].text);
        ck_assert_msg(strstr(why.text, rows[i].said) != NULL, "%s: %s", rows[i].text, why.text);
    }
}
END_TEST

START_TEST(a_subject_has_no_more_parts_than_meant)
{
    char text[JETSTREAM_SUBJECT_MAX];
    struct batch_identity identity = {.epoch = {0xab}, .sequence = UINT64_MAX};
    ck_assert_str_eq(jetstream_batch_subject("plant", "a.b-c", &identity, text),
                     "plant.batch.a=b-c.ab000000000000000000000000000000.18446744073709551615");
    ck_assert_str_eq(jetstream_mark_subject("plant", "..", identity.epoch, text),
                     "plant.mark.==.ab000000000000000000000000000000");
}
END_TEST

START_TEST(a_header_is_read_as_it_was_written_and_no_other)
{
    static const char *const wrong[] = {
        "",
        "cell-3",
        "cell-3 1 2",
        "cell-3 1 2 2",
        "cell-3 1 2 0 ",
        "cell-3 1 2 0 5",
        " 1 2 0",
        "cell-3 x 2 0",
        "a234567890123456789012345678901234567890123456789012345678901234 1 2 0",
        "cell-3 99999999999999999999 2 0",
    };
    const struct jetstream_about about = {
        .bridge = "cell-3", .received_us = 5, .committed_us = INT64_MAX, .historical = true};
    struct jetstream_about back;
    char text[JETSTREAM_SUBJECT_MAX];
    ck_assert(jetstream_about_read(jetstream_about_write(&about, text), &back));
    ck_assert_str_eq(back.bridge, "cell-3");
    ck_assert_int_eq(back.received_us, 5);
    ck_assert_int_eq(back.committed_us, INT64_MAX);
    ck_assert(back.historical);
    ck_assert(!jetstream_about_read(NULL, &back));
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        ck_assert_msg(!jetstream_about_read(wrong[i], &back), "\"%s\"", wrong[i]);
    }
}
END_TEST

int main(void)
{
    return suite_run("jetstream_names",
                     (const TTest *[]){a_place_has_servers_a_name_and_limits, what_is_no_place_is_said_so,
                                       a_subject_has_no_more_parts_than_meant,
                                       a_header_is_read_as_it_was_written_and_no_other, NULL});
}
