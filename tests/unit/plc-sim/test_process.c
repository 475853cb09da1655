#include "process.h"
#include "support/suite.h"

#include <math.h>
#include <string.h>

static const double STEP_S = 0.1;

static const struct vessel_options boiler = {
    .supply_bar = 12,
    .supply_swing_bar = 0.5,
    .setpoint_bar = 8,
    .relief_open_bar = 10,
    .relief_close_bar = 9.5,
    .alarm_low_bar = 6,
    .alarm_high_bar = 9.7,
    .sensor_range_bar = 16,
    .noise_bar = 0.02,
    .lag_s = 6,
};

static struct process start(struct vessel_options options, uint64_t seed)
{
    struct process process;
    ck_assert_int_eq(process_init(&process, &options, 1, seed), ERR_OK);
    return process;
}

static void run(struct process *process, int seconds)
{
    enum { STEPS_PER_SECOND = 10 };
    for (int i = 0; i < seconds * STEPS_PER_SECOND; i++) {
        process_step(process, STEP_S);
    }
}

START_TEST(the_same_seed_gives_the_same_plant)
{
    struct vessel_options options[] = {boiler, boiler};
    struct process one;
    struct process two;
    ck_assert_int_eq(process_init(&one, options, 2, 42), ERR_OK);
    ck_assert_int_eq(process_init(&two, options, 2, 42), ERR_OK);
    run(&one, 300);
    run(&two, 300);
    ck_assert_mem_eq(one.vessels, two.vessels, 2 * sizeof *one.vessels);
    ck_assert_msg(one.vessels[0].measured_bar != one.vessels[1].measured_bar,
                  "vessels have chance of their own");
    process_fini(&one);
    process_fini(&two);
}
END_TEST

START_TEST(another_seed_gives_another_plant)
{
    struct process one = start(boiler, 1);
    struct process two = start(boiler, 2);
    run(&one, 60);
    run(&two, 60);
    ck_assert(one.vessels[0].measured_bar != two.vessels[0].measured_bar);
    process_fini(&one);
    process_fini(&two);
}
END_TEST

START_TEST(pressure_is_controlled_to_the_setpoint)
{
    struct process process = start(boiler, 7);
    double sum = 0;
    enum { STEPS = 6000 };
    for (int i = 0; i < STEPS; i++) {
        process_step(&process, STEP_S);
        sum += process.vessels[0].measured_bar;
    }
    ck_assert_double_eq_tol(sum / STEPS, 8, 0.3);
    process_fini(&process);
}
END_TEST

START_TEST(pressure_follows_a_new_setpoint_with_a_lag)
{
    struct process process = start(boiler, 7);
    run(&process, 60);
    vessel_set_setpoint(&process.vessels[0], 4);
    double before = process.vessels[0].pressure_bar;
    process_step(&process, STEP_S);
    ck_assert_double_eq_tol(process.vessels[0].pressure_bar, before, 0.2);
    run(&process, 120);
    ck_assert_double_eq_tol(process.vessels[0].pressure_bar, 4, 0.5);
    process_fini(&process);
}
END_TEST

START_TEST(a_setpoint_stays_within_the_range_of_the_sensor)
{
    struct process process = start(boiler, 7);
    vessel_set_setpoint(&process.vessels[0], 655.35);
    ck_assert_double_eq(process.vessels[0].setpoint_bar, 16);
    vessel_set_setpoint(&process.vessels[0], -1);
    ck_assert_double_eq(process.vessels[0].setpoint_bar, 0);
    process_fini(&process);
}
END_TEST

START_TEST(the_relief_valve_opens_high_and_closes_lower)
{
    struct process process = start(boiler, 7);
    struct vessel *vessel = &process.vessels[0];
    vessel_set_setpoint(vessel, 11.5);
    double opened_at = 0;
    double closed_at = 0;
    for (int i = 0; i < 3000 && closed_at == 0; i++) {
        bool was_open = vessel->relief_open;
        double pressure = vessel->pressure_bar;
        process_step(&process, STEP_S);
        opened_at = !was_open && vessel->relief_open ? pressure : opened_at;
        closed_at = was_open && !vessel->relief_open ? pressure : closed_at;
    }
    ck_assert_double_gt(opened_at, 10);
    ck_assert_double_gt(closed_at, 1);
    ck_assert_double_le(closed_at, 9.5);
    ck_assert_uint_eq(vessel->relief_count, 1);
    process_fini(&process);
}
END_TEST

START_TEST(the_sensor_is_clipped_to_its_range)
{
    struct vessel_options options = boiler;
    options.sensor_range_bar = 8;
    options.noise_bar = 0.5;
    struct process process = start(options, 7);
    bool clipped = false;
    for (int i = 0; i < 600; i++) {
        process_step(&process, STEP_S);
        ck_assert_double_le(process.vessels[0].measured_bar, 8);
        clipped |= process.vessels[0].clipped;
        ck_assert(!process.vessels[0].clipped || process.vessels[0].measured_bar == 8);
    }
    ck_assert(clipped);
    process_fini(&process);
}
END_TEST

START_TEST(an_isolated_vessel_runs_empty)
{
    struct process process = start(boiler, 7);
    process.vessels[0].isolated = true;
    run(&process, 300);
    ck_assert_double_lt(process.vessels[0].pressure_bar, 0.1);
    ck_assert(vessel_alarm_low(&process.vessels[0]));
    process_fini(&process);
}
END_TEST

START_TEST(surges_happen_and_raise_the_alarm)
{
    struct vessel_options options = boiler;
    options.surge_every_s = 30;
    struct process process = start(options, 7);
    bool alarm = false;
    for (int i = 0; i < 6000; i++) {
        process_step(&process, STEP_S);
        alarm |= vessel_alarm_high(&process.vessels[0]);
    }
    ck_assert(alarm);
    process_fini(&process);
}
END_TEST

START_TEST(stays_finite_and_within_bounds_at_any_step)
{
    static const double steps[] = {0.001, 0.1, 10};
    struct vessel_options options = boiler;
    options.lag_s = 0.001;
    options.surge_every_s = 20;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct process process = start(options, 3);
        for (int n = 0; n < 2000; n++) {
            process_step(&process, steps[i]);
            ck_assert(isfinite(process.vessels[0].pressure_bar));
            ck_assert_double_ge(process.vessels[0].pressure_bar, 0);
            ck_assert_double_le(process.vessels[0].pressure_bar, 12.5);
        }
        process_fini(&process);
    }
}
END_TEST

int main(void)
{
    return suite_run("process", (const TTest *[]){
                                    the_same_seed_gives_the_same_plant,
                                    another_seed_gives_another_plant,
                                    pressure_is_controlled_to_the_setpoint,
                                    pressure_follows_a_new_setpoint_with_a_lag,
                                    a_setpoint_stays_within_the_range_of_the_sensor,
                                    the_relief_valve_opens_high_and_closes_lower,
                                    the_sensor_is_clipped_to_its_range,
                                    an_isolated_vessel_runs_empty,
                                    surges_happen_and_raise_the_alarm,
                                    stays_finite_and_within_bounds_at_any_step,
                                    NULL,
                                });
}
