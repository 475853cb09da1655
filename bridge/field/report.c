#include "field/report.h"

#include <math.h>

static bool moved(const struct report_rule *rule, const struct report_state *state,
                  const struct report_sample *sample)
{
    if (rule->deadband > 0) {
        return !(fabs(sample->number - state->number) <= rule->deadband);
    }
    return sample->raw != state->raw;
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
    bool due = is_due(rule, state, sample, now_us);
    if (quality_has_value(sample->quality)) {
        state->raw = sample->raw;
    }
    if (!due) {
        return false;
    }
    state->reported = true;
    state->quality = (uint8_t)sample->quality;
    state->at_us = now_us;
    state->number = sample->number;
    return true;
}

void report_forget(struct report_state *state)
{
    state->reported = false;
}
