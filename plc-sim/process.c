#include "process.h"

#include "generator.h"

#include <math.h>
#include <stdlib.h>

static const double SENSOR_LAG_S = 0.4;
static const double ACTUATOR_LAG_S = 1.0;
static const double SUPPLY_PERIOD_S = 300;
static const double DEMAND_MEAN = 0.5;
static const double DEMAND_LAG_S = 40;
static const double DEMAND_WANDER = 0.03; /* standard deviation per square root of a second */
static const double CONTROL_GAIN = 0.15;  /* valve opening per bar of error */
static const double CONTROL_RESET_S = 8;
static const double INLET_FLOW = 3; /* of the open inlet, relative to the consumers' full demand */
static const double RELIEF_FLOW = 6;
static const double SURGE_MIN_S = 6;
static const double SURGE_SPREAD_S = 10;

static double clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

/* Exact step of a first-order lag: stable for any step and time constant. */
static double approach(double value, double target, double step_s, double lag_s)
{
    return target + (value - target) * exp(-step_s / lag_s);
}

/* The opening of the inlet that holds the setpoint at mean demand. */
static double valve_at_rest(const struct vessel_options *options)
{
    double drop = options->supply_bar - options->setpoint_bar;
    return drop > 0 ? clamp(DEMAND_MEAN * options->setpoint_bar / (INLET_FLOW * drop), 0, 1) : 1;
}

enum err process_init(struct process *process, const struct vessel_options *options, size_t count,
                      uint64_t seed)
{
    *process = (struct process){.vessels = calloc(count, sizeof *process->vessels), .count = count};
    if (!process->vessels) {
        return ERR_NO_MEMORY;
    }
    uint64_t seeds = seed;
    for (size_t i = 0; i < count; i++) {
        process->vessels[i] = (struct vessel){
            .options = options[i],
            .random = generator_next(&seeds),
            .pressure_bar = options[i].setpoint_bar,
            .supply_now_bar = options[i].supply_bar,
            .demand = DEMAND_MEAN,
            .valve = valve_at_rest(&options[i]),
            .integral = valve_at_rest(&options[i]),
            .sensed_bar = options[i].setpoint_bar,
            .measured_bar = options[i].setpoint_bar,
            .setpoint_bar = options[i].setpoint_bar,
        };
    }
    return ERR_OK;
}

void process_fini(struct process *process)
{
    free(process->vessels);
    *process = (struct process){0};
}

static void step_surroundings(struct vessel *vessel, double time_s, double step_s)
{
    double phase = 2 * M_PI * time_s / SUPPLY_PERIOD_S;
    vessel->supply_now_bar = vessel->options.supply_bar + vessel->options.supply_swing_bar * sin(phase);
    double wander = DEMAND_WANDER * sqrt(step_s) * generator_normal(&vessel->random);
    vessel->demand = clamp(approach(vessel->demand, DEMAND_MEAN, step_s, DEMAND_LAG_S) + wander, 0.05, 1);
}

static void step_surge(struct vessel *vessel, double step_s)
{
    double chance = generator_uniform(&vessel->random);
    double length = SURGE_MIN_S + SURGE_SPREAD_S * generator_uniform(&vessel->random);
    if (vessel->surge_left_s > 0) {
        vessel->surge_left_s -= step_s;
        return;
    }
    if (vessel->options.surge_every_s > 0 && chance * vessel->options.surge_every_s < step_s) {
        vessel->surge_left_s = length;
    }
}

/* A PI controller whose integral stops at the ends of the valve, and an actuator that follows it. */
static void step_valve(struct vessel *vessel, double step_s)
{
    double error = vessel->setpoint_bar - vessel->measured_bar;
    vessel->integral = clamp(vessel->integral + CONTROL_GAIN * error * step_s / CONTROL_RESET_S, 0, 1);
    double wanted = clamp(vessel->integral + CONTROL_GAIN * error, 0, 1);
    if (vessel->surge_left_s > 0) {
        wanted = 1;
    }
    if (vessel->isolated) {
        wanted = 0;
    }
    vessel->valve = approach(vessel->valve, wanted, step_s, ACTUATOR_LAG_S);
}

static void step_relief(struct vessel *vessel)
{
    bool was_open = vessel->relief_open;
    double limit = was_open ? vessel->options.relief_close_bar : vessel->options.relief_open_bar;
    vessel->relief_open = vessel->relief_forced || vessel->pressure_bar > limit;
    if (vessel->relief_open && !was_open) {
        vessel->relief_count++;
    }
}

static void step_pressure(struct vessel *vessel, double step_s)
{
    double in = vessel->supply_now_bar > vessel->pressure_bar ? INLET_FLOW * vessel->valve : 0;
    double out = vessel->demand + (vessel->relief_open ? RELIEF_FLOW : 0);
    double target = in * vessel->supply_now_bar / (in + out);
    vessel->pressure_bar = approach(vessel->pressure_bar, target, step_s, vessel->options.lag_s / (in + out));
}

static void step_sensor(struct vessel *vessel, double step_s)
{
    vessel->sensed_bar = approach(vessel->sensed_bar, vessel->pressure_bar, step_s, SENSOR_LAG_S);
    double noisy = vessel->sensed_bar + vessel->options.noise_bar * generator_normal(&vessel->random);
    vessel->measured_bar = clamp(noisy, 0, vessel->options.sensor_range_bar);
    vessel->clipped = vessel->measured_bar != noisy;
}

void process_step(struct process *process, double step_s)
{
    process->time_s += step_s;
    for (size_t i = 0; i < process->count; i++) {
        struct vessel *vessel = &process->vessels[i];
        vessel->steps++;
        step_surroundings(vessel, process->time_s, step_s);
        step_surge(vessel, step_s);
        step_valve(vessel, step_s);
        step_relief(vessel);
        step_pressure(vessel, step_s);
        step_sensor(vessel, step_s);
    }
}

void vessel_set_setpoint(struct vessel *vessel, double bar)
{
    vessel->setpoint_bar = clamp(bar, 0, vessel->options.sensor_range_bar);
}

bool vessel_alarm_low(const struct vessel *vessel)
{
    return vessel->measured_bar < vessel->options.alarm_low_bar;
}

bool vessel_alarm_high(const struct vessel *vessel)
{
    return vessel->measured_bar > vessel->options.alarm_high_bar;
}
