#include "tunnel/liveness.h"

void liveness_start(struct liveness *liveness, uint32_t t1_ms, uint32_t t3_ms, int64_t now_us)
{
    *liveness =
        (struct liveness){.t1_us = (int64_t)t1_ms * 1000, .t3_us = (int64_t)t3_ms * 1000, .heard_us = now_us};
}

void liveness_heard(struct liveness *liveness, int64_t now_us)
{
    liveness->heard_us = now_us;
    liveness->testing = false;
}

int64_t liveness_deadline_us(const struct liveness *liveness)
{
    return liveness->testing ? liveness->tested_us + liveness->t1_us : liveness->heard_us + liveness->t3_us;
}

enum liveness_verdict liveness_check(struct liveness *liveness, int64_t now_us)
{
    if (now_us < liveness_deadline_us(liveness)) {
        return LIVENESS_FINE;
    }
    if (liveness->testing) {
        return LIVENESS_GONE;
    }
    liveness->testing = true;
    liveness->tested_us = now_us;
    return LIVENESS_TEST_DUE;
}
