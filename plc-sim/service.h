/*
 * service: from a request to what shall be sent for it.
 *
 *   ADU ─▶ decode ─▶ faults ─▶ unit's image ─▶ libmodbus ─▶ truth ─▶ damage ─▶ bytes, and when
 *
 * Knows neither sockets nor loops: connections (and serial lines) call it. One thread.
 */
#ifndef BOURDON_PLCSIM_SERVICE_H
#define BOURDON_PLCSIM_SERVICE_H

#include "damage.h"
#include "device.h"
#include "truth.h"

/* The units behind one endpoint. */
struct service_units {
    const char *endpoint; /* what clients connect to */
    bool serial;          /* RTU: a unit that is not there is silent, and unit 0 is all of them */
    struct device *devices;
    size_t count;
};

struct service {
    struct responder *responder;
    struct faults *faults;
    struct truth *truth; /* NULL = none is kept */
    uint64_t random;
    uint64_t requests;
};

struct service_reply {
    enum fault_kind fate; /* SILENCE, RESET, HALF_OPEN, HALF_CLOSE: nothing is sent; NONE: */
    uint8_t frame[MBAP_ADU_MAX];
    size_t size;
    size_t copies; /* how often the frame is sent, usually once */
    int64_t delay_us;
    bool late;       /* later replies may overtake */
    int64_t drip_us; /* between bytes; 0 = all at once */
};

/* Writes an answer's PDU as the frame that the endpoint's clients expect. */
void service_frame(const struct service_units *units, const struct mbap *request, struct bytes pdu,
                   struct wire_writer *writer);

/*
 * Answers one ADU. `now_us` is the time since the start (for faults), `wall_us` the wall clock (for the
 * truth); both are read by the caller after the request has arrived.
 */
void service_answer(struct service *service, const struct service_units *units, const struct mbap *adu,
                    int64_t now_us, int64_t wall_us, struct service_reply *reply);

#endif
