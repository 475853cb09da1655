#include "field/report.h"

#include <math.h>

static bool moved(const struct report_rule *rule, const struct report_state *state,
                  const struct report_sample *sample)
{
    if (rule->deadband > 0) {
        return !(fabs(sample->number - state->last.number) <= rule->deadband);
    }
    return sample->fingerprint != state->last.fingerprint;
}

static bool is_due(const struct report_rule *rule, const struct report_state *state,
                   const struct report_sample *sample, int64_t now_us)
{
    if (!state->reported || state->quality != (uint8_t)sample->quality) {
        return true;
    }
    if (rule && rule->max_age_us > 0 && now_us - state->at_us >= rule->max_age_us) {
        return true;
    }
    if (!quality_has_value(sample->quality)) {
        return false;
    }
    return !rule || rule->deadband < 0 || moved(rule, state, sample);
}

bool report_due(const struct report_rule *rule, struct report_state *state,
                const struct report_sample *sample, int64_t now_us)
{
    if (!is_due(rule, state, sample, now_us)) {
        return false;
    }
    state->reported = true;
    state->quality = (uint8_t)sample->quality;
    state->at_us = now_us;
    if (rule && rule->deadband > 0) {
        state->last.number = sample->number;
    } else {
        state->last.fingerprint = sample->fingerprint;
    }
    return true;
}

void report_forget(struct report_state *state)
{
    state->reported = false;
}
