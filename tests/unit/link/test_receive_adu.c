#include "link/receive_adu.h"

#include "base/array.h"
#include "base/clock.h"
#include "support/suite.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int ends[2];
static uint8_t frame[MBAP_ADU_MAX];

static void setup(void)
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
}

static void teardown(void)
{
    close(ends[0]);
    close(ends[1]);
}

static int64_t in_ms(int64_t ms)
{
    return clock_mono_us() + ms * CLOCK_US_PER_MS;
}

static void send_frame(uint16_t length, size_t size)
{
    uint8_t bytes[MBAP_ADU_MAX + 8] = {0, 1, 0, 0, (uint8_t)(length >> 8), (uint8_t)length, 5, 0x2b};
    ck_assert_int_eq(write(ends[1], bytes, size), (ssize_t)size);
}

START_TEST(takes_one_frame_and_leaves_the_next)
{
    send_frame(4, 10);
    send_frame(MBAP_LENGTH_MAX, MBAP_ADU_MAX);
    ck_assert_int_eq(receive_adu(ends[0], frame, in_ms(10000)), 10);
    ck_assert_int_eq(receive_adu(ends[0], frame, in_ms(10000)), MBAP_ADU_MAX);
    ck_assert_uint_eq(frame[7], 0x2b);
}
END_TEST

START_TEST(a_length_that_no_frame_has_is_broken)
{
    static const uint16_t lengths[] = {0, 1, MBAP_LENGTH_MAX + 1, 65535};
    for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
        send_frame(lengths[i], 6);
        ck_assert_int_eq(receive_adu(ends[0], frame, in_ms(10000)), -EBADMSG);
    }
}
END_TEST

START_TEST(what_does_not_come_is_not_waited_for_beyond_the_deadline)
{
    ck_assert_int_eq(receive_adu(ends[0], frame, in_ms(20)), -ETIMEDOUT);
    send_frame(4, 9);
    ck_assert_int_eq(receive_adu(ends[0], frame, in_ms(20)), -ETIMEDOUT);
    send_frame(4, 10);
    ck_assert_int_eq(receive_adu(ends[0], frame, in_ms(-1)), -ETIMEDOUT);
}
END_TEST

START_TEST(an_end_in_the_middle_is_a_lost_connection)
{
    send_frame(4, 9);
    shutdown(ends[1], SHUT_WR);
    ck_assert_int_eq(receive_adu(ends[0], frame, in_ms(10000)), -ECONNRESET);
}
END_TEST

int main(void)
{
    return suite_run_with("receive_adu", setup, teardown,
                          (const TTest *[]){
                              takes_one_frame_and_leaves_the_next,
                              a_length_that_no_frame_has_is_broken,
                              what_does_not_come_is_not_waited_for_beyond_the_deadline,
                              an_end_in_the_middle_is_a_lost_connection,
                              NULL,
                          });
}
