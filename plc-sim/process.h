/*
 * process: a plant of pressure vessels, simulated in steps of a fixed time.
 *
 *   supply ──▶ inlet valve ──▶ vessel ──▶ demand          pressure follows with a first-order lag
 *                 ▲ PI          │ └──▶ relief valve       opens and closes with hysteresis
 *              setpoint ◀── sensor (lag, noise, clipped to its range)
 *
 * Now and then the inlet valve fails open for some seconds (a surge), so that the relief valve has work.
 * Pure and deterministic: options, seed, number and size of the steps and the operator's actions decide every
 * value. One thread.
 */
#ifndef BOURDON_PLCSIM_PROCESS_H
#define BOURDON_PLCSIM_PROCESS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROCESS_VESSELS_MAX = 1000 };

/* Pressures in bar above vacuum, times in seconds. */
struct vessel_options {
    double supply_bar;
    double supply_swing_bar; /* amplitude of a slow sine on the supply */
    double setpoint_bar;     /* at the start */
    double relief_open_bar;  /* the relief valve opens above … */
    double relief_close_bar; /* … and closes below */
    double alarm_low_bar;    /* low alarm below */
    double alarm_high_bar;   /* high alarm above */
    double sensor_range_bar; /* the sensor gives 0 up to this */
    double noise_bar;        /* standard deviation of the sensor's noise */
    double lag_s;            /* time constant of the vessel */
    double surge_every_s;    /* mean time between surges; 0 = never */
};

struct vessel {
    struct vessel_options options;
    uint64_t random;     /* state of this vessel's own generator */
    uint64_t steps;      /* done since the start */
    double pressure_bar; /* the true one */
    double supply_now_bar;
    double demand;         /* opening of the consumers, 0..1 */
    double valve;          /* position of the inlet valve, 0..1 */
    double integral;       /* of the controller */
    double sensed_bar;     /* behind the lag of the sensor */
    double measured_bar;   /* what the PLC sees: with noise, clipped */
    double setpoint_bar;   /* within 0 .. sensor range */
    double surge_left_s;   /* the inlet valve hangs open for so long */
    uint16_t relief_count; /* openings of the relief valve since the start, modulo 65536 */
    bool isolated;         /* operator: inlet closed */
    bool relief_forced;    /* operator: relief valve held open */
    bool relief_open;
    bool clipped; /* the sensor is at an end of its range */
};

struct process {
    struct vessel *vessels;
    size_t count;
    double time_s; /* simulated time since the start */
};

/* A plant at rest at its setpoints. `options` are copied; 1..PROCESS_VESSELS_MAX. */
MUST_USE enum err process_init(struct process *process, const struct vessel_options *options, size_t count,
                               uint64_t seed);
void process_fini(struct process *process);

/* Moves on by `step_s` seconds of simulated time. */
void process_step(struct process *process, double step_s);

/* What an operator may do. A setpoint outside 0 .. sensor range is moved to the nearer end. */
void vessel_set_setpoint(struct vessel *vessel, double bar);

bool vessel_alarm_low(const struct vessel *vessel);
bool vessel_alarm_high(const struct vessel *vessel);

#endif
