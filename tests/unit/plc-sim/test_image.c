#include "base/array.h"
#include "image.h"
#include "support/suite.h"

#include <string.h>

enum { VESSELS = 2, SETPOINT = 16 };

static struct process process;
static struct image image;

static void setup(void)
{
    struct vessel_options options[VESSELS] = {{.setpoint_bar = 8, .sensor_range_bar = 16, .lag_s = 1},
                                              {.setpoint_bar = 2, .sensor_range_bar = 16, .lag_s = 1}};
    ck_assert_int_eq(process_init(&process, options, VESSELS, 1), ERR_OK);
    ck_assert_int_eq(image_init(&image, VESSELS), ERR_OK);
}

static void teardown(void)
{
    process_fini(&process);
    image_fini(&image);
}

START_TEST(shows_one_pressure_in_every_encoding)
{
    /* 12.34 bar = 0x414570A4 as float32 = 1234000 Pa = 0x0012D450. */
    process.vessels[0].measured_bar = 12.34;
    image_refresh(&image, &process, NULL, 0);
    static const struct {
        const char *name;
        uint16_t address;
        uint16_t words[2];
        size_t count;
    } rows[] = {
        {"uint16, 0.01 bar", 0, {1234}, 1},       {"int16, deviation", 1, {434}, 1},
        {"float32 ABCD", 2, {0x4145, 0x70a4}, 2}, {"float32 CDAB", 4, {0x70a4, 0x4145}, 2},
        {"float32 BADC", 6, {0x4541, 0xa470}, 2}, {"float32 DCBA", 8, {0xa470, 0x4541}, 2},
        {"uint32 ABCD", 10, {0x0012, 0xd450}, 2}, {"uint32 CDAB", 12, {0xd450, 0x0012}, 2},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        for (size_t n = 0; n < rows[i].count; n++) {
            uint16_t address = (uint16_t)(rows[i].address + n);
            ck_assert_msg(image_word(&image, IMAGE_HOLDING, address) == rows[i].words[n], "%s", rows[i].name);
            ck_assert_msg(image_word(&image, IMAGE_INPUT, address) == rows[i].words[n], "%s", rows[i].name);
        }
    }
}
END_TEST

START_TEST(a_deviation_below_zero_is_twos_complement)
{
    process.vessels[0].measured_bar = 7.9;
    image_refresh(&image, &process, NULL, 0);
    ck_assert_uint_eq(image_word(&image, IMAGE_HOLDING, 1), 0xfff6);
}
END_TEST

START_TEST(values_that_do_not_fit_show_the_nearest_end)
{
    process.vessels[0].measured_bar = 5000;
    image_refresh(&image, &process, NULL, 0);
    ck_assert_uint_eq(image_word(&image, IMAGE_HOLDING, 0), UINT16_MAX);
    ck_assert_uint_eq(image_word(&image, IMAGE_HOLDING, 1), INT16_MAX);
}
END_TEST

START_TEST(alarms_are_bits_and_a_word)
{
    process.vessels[1].relief_open = true;
    process.vessels[1].clipped = true;
    process.vessels[1].options.alarm_low_bar = 3;
    process.vessels[1].options.alarm_high_bar = 4;
    image_refresh(&image, &process, NULL, 0);
    static const uint8_t expected[POINTS_BITS] = {0, 0, 0, 1, 1, 1, 0, 0};
    ck_assert_mem_eq(image_flags(&image, IMAGE_COIL) + POINTS_BITS, expected, POINTS_BITS);
    ck_assert_mem_eq(image_flags(&image, IMAGE_DISCRETE) + POINTS_BITS, expected, POINTS_BITS);
    ck_assert_uint_eq(image_word(&image, IMAGE_INPUT, POINTS_REGISTERS + 17), 2 | 4 | 8);
}
END_TEST

START_TEST(a_written_setpoint_acts_on_its_vessel)
{
    image_refresh(&image, &process, NULL, 0);
    image_words(&image, IMAGE_HOLDING)[POINTS_REGISTERS + SETPOINT] = 355;
    image_absorb(&image, (struct image_span){IMAGE_HOLDING, POINTS_REGISTERS + SETPOINT, 1}, &process);
    ck_assert_double_eq_tol(process.vessels[1].setpoint_bar, 3.55, 1e-9);
    ck_assert_double_eq_tol(process.vessels[0].setpoint_bar, 8, 1e-9);
    image_refresh(&image, &process, NULL, 0);
    ck_assert_uint_eq(image_word(&image, IMAGE_HOLDING, POINTS_REGISTERS + SETPOINT), 355);
}
END_TEST

START_TEST(written_coils_act_on_their_vessel)
{
    image_refresh(&image, &process, NULL, 0);
    image_flags(&image, IMAGE_COIL)[POINTS_BITS] = 1;
    image_flags(&image, IMAGE_COIL)[POINTS_BITS + 1] = 1;
    image_absorb(&image, (struct image_span){IMAGE_COIL, POINTS_BITS, 2}, &process);
    ck_assert(process.vessels[1].isolated);
    ck_assert(process.vessels[1].relief_forced);
    ck_assert(!process.vessels[0].isolated);
}
END_TEST

START_TEST(only_existing_addresses_are_allowed_and_only_some_are_written)
{
    static const struct {
        const char *name;
        struct image_span span;
        bool write;
        bool allowed;
    } rows[] = {
        {"all registers", {IMAGE_HOLDING, 0, VESSELS * POINTS_REGISTERS}, false, true},
        {"one register more", {IMAGE_HOLDING, 0, VESSELS * POINTS_REGISTERS + 1}, false, false},
        {"the last register", {IMAGE_INPUT, VESSELS * POINTS_REGISTERS - 1, 1}, false, true},
        {"behind the last", {IMAGE_INPUT, VESSELS * POINTS_REGISTERS, 1}, false, false},
        {"all coils", {IMAGE_COIL, 0, VESSELS * POINTS_BITS}, false, true},
        {"one coil more", {IMAGE_COIL, 0, VESSELS * POINTS_BITS + 1}, false, false},
        {"far away", {IMAGE_DISCRETE, 65535, 1}, false, false},
        {"no table", {IMAGE_TABLES, 0, 1}, false, false},
        {"write a setpoint", {IMAGE_HOLDING, POINTS_REGISTERS + SETPOINT, 1}, true, true},
        {"write a setpoint and its neighbour", {IMAGE_HOLDING, SETPOINT, 2}, true, false},
        {"write a pressure", {IMAGE_HOLDING, 0, 1}, true, false},
        {"write two coils", {IMAGE_COIL, POINTS_BITS, 2}, true, true},
        {"write an alarm", {IMAGE_COIL, 2, 1}, true, false},
        {"write an unused coil", {IMAGE_COIL, 7, 1}, true, false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_msg(image_allows(&image, rows[i].span, rows[i].write) == rows[i].allowed, "%s",
                      rows[i].name);
    }
}
END_TEST

START_TEST(frozen_items_stand_still_and_the_others_move)
{
    image_refresh(&image, &process, NULL, 0);
    uint16_t before = image_word(&image, IMAGE_HOLDING, 0);
    process.vessels[0].measured_bar = 3;
    struct image_span frozen = {IMAGE_HOLDING, 0, 1};
    image_refresh(&image, &process, &frozen, 1);
    ck_assert_uint_eq(image_word(&image, IMAGE_HOLDING, 0), before);
    ck_assert_uint_eq(image_word(&image, IMAGE_INPUT, 0), 300);
    ck_assert_uint_eq(image_word(&image, IMAGE_HOLDING, 2), 0x4040);
    image_refresh(&image, &process, NULL, 0);
    ck_assert_uint_eq(image_word(&image, IMAGE_HOLDING, 0), 300);
}
END_TEST

int main(void)
{
    return suite_run_with("image", setup, teardown,
                          (const TTest *[]){
                              shows_one_pressure_in_every_encoding,
                              a_deviation_below_zero_is_twos_complement,
                              values_that_do_not_fit_show_the_nearest_end,
                              alarms_are_bits_and_a_word,
                              a_written_setpoint_acts_on_its_vessel,
                              written_coils_act_on_their_vessel,
                              only_existing_addresses_are_allowed_and_only_some_are_written,
                              frozen_items_stand_still_and_the_others_move,
                              NULL,
                          });
}
