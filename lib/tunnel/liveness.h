/*
 * liveness: whether the peer is still there, by the rules of IEC 60870-5-104: nothing received for t3 asks
 * for a TEST, and nothing received for t1 after that means that it is gone. Times are monotonic µs. Pure.
 */
#ifndef BOURDON_TUNNEL_LIVENESS_H
#define BOURDON_TUNNEL_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

struct liveness {
    int64_t t1_us, t3_us;
    int64_t heard_us;
    int64_t tested_us; /* while `testing` */
    bool testing;
};

enum liveness_verdict { LIVENESS_FINE, LIVENESS_TEST_DUE, LIVENESS_GONE };

void liveness_start(struct liveness *liveness, uint32_t t1_ms, uint32_t t3_ms, int64_t now_us);
void liveness_heard(struct liveness *liveness, int64_t now_us);
/* What is due now; after LIVENESS_TEST_DUE the test counts as sent. */
enum liveness_verdict liveness_check(struct liveness *liveness, int64_t now_us);
int64_t liveness_deadline_us(const struct liveness *liveness);

#endif
