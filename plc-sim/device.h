/*
 * device: one unit of a simulated plant: a process and the image of it that Modbus clients see.
 *
 * The image follows the process when a request comes, not at each scan: a unit nobody asks costs only its
 * physics. One thread.
 */
#ifndef BOURDON_PLCSIM_DEVICE_H
#define BOURDON_PLCSIM_DEVICE_H

#include "image.h"
#include "responder.h"

struct device {
    uint8_t unit;
    struct process process;
    struct image image;
    bool moved;          /* the process has, since the image was refreshed */
    size_t frozen_count; /* spans that were frozen then */
};

/* Answers have at most PDU_SIZE_MAX bytes. */
struct device_answer {
    uint8_t pdu[PDU_SIZE_MAX];
    size_t size;
    uint8_t exception; /* 0 = the request was executed */
};

MUST_USE enum err device_init(struct device *device, uint8_t unit, const struct vessel_options *vessels,
                              size_t count, uint64_t seed);
void device_fini(struct device *device);

/* A scan of the PLC: moves the process on by `step_s` seconds. */
void device_step(struct device *device, double step_s);

/* Brings the image up to date but for the frozen spans. */
void device_refresh(struct device *device, const struct image_span *frozen, size_t frozen_count);

/*
 * Executes a well-formed request on the image as it is and writes the answer. After it the image still holds
 * what the answer gave out.
 */
void device_execute(struct device *device, struct responder *responder, const struct pdu_request *request,
                    struct bytes pdu, struct device_answer *answer);

/* Makes the answer an exception. */
void device_refuse(struct device_answer *answer, uint8_t function, enum modbus_exception exception);

/* What a request reads and writes, as spans of the unit's tables; quantity 0 = nothing. */
struct image_span device_span_read(const struct pdu_request *request);
struct image_span device_span_written(const struct pdu_request *request);

#endif
