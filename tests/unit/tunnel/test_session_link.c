#include "tunnel/session_link.h"

#include "base/array.h"
#include "support/suite.h"

#include <string.h>

static struct session_link link;
static struct buffer sent;
static unsigned frames, ends, last_words, probed;
static enum err frame_result, end_code;
static enum bye_reason end_reason;

static void on_send(void *machine, struct bytes bytes)
{
    (void)machine;
    ck_assert_int_eq(buffer_append(&sent, bytes.data, bytes.size), ERR_OK);
}

static enum err on_payload_max(const void *machine, enum frame_type type, uint32_t *max, struct err_text *why)
{
    (void)machine;
    *max = FRAME_SMALL_MAX;
    return type == FRAME_CATALOG ? err_set(why, ERR_MALFORMED, "no catalog now") : ERR_OK;
}

static enum err on_frame(void *machine, const struct frame *frame, struct err_text *why)
{
    (void)machine;
    ck_assert_int_eq(frame->type, FRAME_WELCOME);
    frames++;
    return frame_result == ERR_OK ? ERR_OK : err_set(why, frame_result, "the machine says no");
}

static void before_bye(void *machine)
{
    (void)machine;
    last_words++;
}

static void on_probed(void *machine)
{
    (void)machine;
    probed++;
}

static void on_ended(void *machine, enum err code, const struct frame_bye *bye)
{
    (void)machine;
    ends++;
    end_code = code;
    end_reason = bye->reason;
}

static const struct session_link_events events = {
    .send = on_send,
    .payload_max = on_payload_max,
    .frame = on_frame,
    .before_bye = before_bye,
    .probed = on_probed,
    .ended = on_ended,
};

static void start(size_t out_limit)
{
    const struct session_link_options options = {.events = &events, .out_limit = out_limit, .out_kept = 100};
    session_link_init(&link, &options);
    liveness_start(&link.liveness, 15, 20, 0);
    buffer_init(&sent, 1 << 16);
    frames = ends = last_words = 0;
    frame_result = ERR_OK;
}

static void setup(void)
{
    start(1 << 16);
}

static void teardown(void)
{
    session_link_fini(&link);
    buffer_fini(&sent);
}

static void receive(const char *bytes, size_t size)
{
    session_link_receive(&link, (struct bytes){.data = (const uint8_t *)bytes, .size = size}, 5);
}

static enum frame_type sent_type(void)
{
    ck_assert_uint_ge(sent.size, FRAME_HEAD_SIZE);
    return (enum frame_type)buffer_bytes(&sent).data[4];
}

START_TEST(answers_a_test_by_itself)
{
    receive("\0\0\0\1\10\200\0\0\0\1\11\200", 12);
    ck_assert_uint_eq(frames, 0);
    ck_assert_uint_eq(ends, 0);
    ck_assert_int_eq(sent_type(), FRAME_TEST_ACK);
    ck_assert_uint_eq(sent.size, 6);
}
END_TEST

START_TEST(hands_other_frames_to_the_machine)
{
    receive("\0\0\0\3\3\202\0\0", 8);
    ck_assert_uint_eq(frames, 1);
    ck_assert_int_eq(link.liveness.heard_us, 5);
}
END_TEST

START_TEST(an_error_ends_the_session_with_a_reason)
{
    static const struct {
        enum err err;
        enum bye_reason reason;
    } rows[] = {
        {ERR_MALFORMED, BYE_PROTOCOL},
        {ERR_LIMIT, BYE_PROTOCOL},
        {ERR_VERSION, BYE_VERSION},
        {ERR_NO_MEMORY, BYE_SHUTTING_DOWN},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        teardown();
        setup();
        frame_result = rows[i].err;
        receive("\0\0\0\3\3\202\0\0\0\0\0\3\3\202\0\0", 16);
        ck_assert_uint_eq(frames, 1);
        ck_assert_uint_eq(ends, 1);
        ck_assert_uint_eq(last_words, 1);
        ck_assert_int_eq(end_code, rows[i].err);
        ck_assert_int_eq(end_reason, rows[i].reason);
        ck_assert_int_eq(sent_type(), FRAME_BYE);
    }
}
END_TEST

START_TEST(a_frame_not_wanted_or_malformed_ends_the_session)
{
    receive("\0\0\0\1\4", 5);
    ck_assert_int_eq(end_code, ERR_MALFORMED);
    teardown();
    setup();
    receive("\0\0\0\1\10\0", 6);
    ck_assert_int_eq(end_code, ERR_MALFORMED);
    ck_assert_int_eq(end_reason, BYE_PROTOCOL);
}
END_TEST

START_TEST(the_end_comes_once)
{
    const struct frame_bye bye = {.reason = BYE_DONE};
    session_link_end(&link, ERR_OK, &bye);
    session_link_end(&link, ERR_IO, &bye);
    session_link_give_up(&link, ERR_IO, BYE_TIMEOUT, "late");
    ck_assert_uint_eq(ends, 1);
    ck_assert_int_eq(end_code, ERR_OK);
    ck_assert_uint_eq(sent.size, 0);
}
END_TEST

START_TEST(what_cannot_be_written_ends_the_session)
{
    session_link_send(&link, ERR_NO_MEMORY);
    ck_assert_uint_eq(ends, 1);
    ck_assert_int_eq(end_code, ERR_NO_MEMORY);
    teardown();
    start(10);
    session_link_give_up(&link, ERR_TIMEOUT, BYE_TIMEOUT, "no room to say so");
    ck_assert_uint_eq(ends, 1);
    ck_assert_uint_eq(sent.size, 0);
}
END_TEST

START_TEST(asks_for_a_sign_of_life_and_gives_up_without_one)
{
    session_link_check_life(&link, 19999);
    ck_assert_uint_eq(sent.size, 0);
    session_link_check_life(&link, 20000);
    ck_assert_int_eq(sent_type(), FRAME_TEST);
    session_link_check_life(&link, 35000);
    ck_assert_int_eq(end_code, ERR_TIMEOUT);
    ck_assert_int_eq(end_reason, BYE_TIMEOUT);
}
END_TEST

START_TEST(a_probe_is_answered_by_its_own_answer_only)
{
    static const char answer[] = "\0\0\0\1\11\200";
    session_link_check_life(&link, 20000);
    session_link_probe(&link);
    session_link_probe(&link);
    ck_assert_uint_eq(sent.size, 2 * (sizeof answer - 1));
    receive("\0\0\0\1\10\200", 6);
    receive(answer, sizeof answer - 1);
    ck_assert_uint_eq(probed, 0);
    receive(answer, sizeof answer - 1);
    ck_assert_uint_eq(probed, 1);
    receive(answer, sizeof answer - 1);
    ck_assert_uint_eq(probed, 1);
    session_link_probe(&link);
    receive(answer, sizeof answer - 1);
    ck_assert_uint_eq(probed, 2);
}
END_TEST

START_TEST(memory_of_a_large_frame_is_given_back)
{
    static const uint8_t bytes[5000];
    const struct frame_batch batch = {.sequence = 1, .encoded = {bytes, sizeof bytes}};
    session_link_send(&link, frame_write_batch(&link.out, &batch));
    ck_assert_uint_gt(sent.size, sizeof bytes);
    ck_assert_ptr_null(link.out.data);
}
END_TEST

int main(void)
{
    return suite_run_with("session_link", setup, teardown,
                          (const TTest *[]){
                              answers_a_test_by_itself,
                              hands_other_frames_to_the_machine,
                              an_error_ends_the_session_with_a_reason,
                              a_frame_not_wanted_or_malformed_ends_the_session,
                              the_end_comes_once,
                              what_cannot_be_written_ends_the_session,
                              asks_for_a_sign_of_life_and_gives_up_without_one,
                              a_probe_is_answered_by_its_own_answer_only,
                              memory_of_a_large_frame_is_given_back,
                              NULL,
                          });
}
