#include "service.h"

enum {
    UNIT_DIRECT_LOW = 0, /* "the device itself", besides 255. Messaging guide, section 4.4.2.1 */
    UNIT_DIRECT_HIGH = 255,
    FROZEN_MAX = FAULTS_MAX,
};

static struct device *find_device(const struct service_units *units, uint8_t unit)
{
    for (size_t i = 0; i < units->count; i++) {
        if (units->devices[i].unit == unit) {
            return &units->devices[i];
        }
    }
    bool direct = unit == UNIT_DIRECT_LOW || unit == UNIT_DIRECT_HIGH;
    return direct && units->count > 0 ? &units->devices[0] : NULL;
}

static void note(const struct service *service, const struct fault_query *query, const struct device *device,
                 int64_t wall_us, const char *fault)
{
    const struct image_span spans[] = {query->write, query->read};
    for (size_t i = 0; i < 2; i++) {
        if (spans[i].quantity == 0) {
            continue;
        }
        struct truth_entry entry = {
            .served_us = wall_us,
            .endpoint = query->endpoint,
            .unit = query->unit,
            .written = i == 0,
            .span = spans[i],
            .fault = fault,
        };
        truth_add(service->truth, &entry, &device->image);
    }
}

/* How the truth file calls an answer that nobody may believe; NULL = it is good. */
static const char *spoiled_by(const struct fault_effect *effect)
{
    enum fault_kind kind = effect->fate != FAULT_NONE      ? effect->fate
                           : effect->late                  ? FAULT_LATE
                           : effect->damage != FAULT_FLOOD ? effect->damage
                                                           : FAULT_NONE;
    return kind == FAULT_NONE ? NULL : fault_kind_name(kind);
}

static void execute(struct service *service, struct device *device, const struct pdu_request *request,
                    struct bytes pdu, const struct fault_query *query, struct device_answer *answer)
{
    struct image_span frozen[FROZEN_MAX];
    size_t count = faults_frozen(service->faults, query, frozen, FROZEN_MAX);
    device_refresh(device, frozen, count);
    device_execute(device, service->responder, request, pdu, answer);
}

static void frame_answer(struct service *service, const struct mbap *adu, const struct device_answer *answer,
                         const struct fault_effect *effect, struct service_reply *reply)
{
    struct wire_writer writer = wire_writer(reply->frame, sizeof reply->frame);
    struct mbap out = {.transaction = adu->transaction, .unit = adu->unit};
    out.pdu = (struct bytes){.data = answer->pdu, .size = answer->size};
    mbap_write(&writer, &out);
    reply->size = damage_apply(effect, &service->random, reply->frame, wire_written(&writer));
    reply->copies = effect->duplicate ? 2 : 1;
    if (effect->damage == FAULT_FLOOD && reply->size > 0) {
        reply->copies += (size_t)effect->bytes / reply->size;
    }
    reply->delay_us = effect->delay_us;
    reply->late = effect->late;
    reply->drip_us = effect->drip_us;
}

void service_answer(struct service *service, const struct service_units *units, const struct mbap *adu,
                    int64_t now_us, int64_t wall_us, struct service_reply *reply)
{
    struct pdu_request request;
    enum modbus_exception exception = pdu_request_decode(adu->pdu, &request);
    struct fault_query query = {.now_us = now_us, .endpoint = units->endpoint, .unit = adu->unit};
    if (exception == MODBUS_NO_EXCEPTION) {
        query.read = device_span_read(&request);
        query.write = device_span_written(&request);
    }
    struct fault_effect effect = faults_judge(service->faults, &query);
    struct device *device = find_device(units, adu->unit);
    struct device_answer answer = {.size = 0};
    service->requests++;
    reply->fate = effect.fate;
    if (effect.fate == FAULT_HALF_OPEN) {
        return; /* nobody is there any more to execute it */
    }
    if (exception == MODBUS_NO_EXCEPTION && !device) {
        exception = MODBUS_GATEWAY_PATH_UNAVAILABLE;
    }
    if (exception == MODBUS_NO_EXCEPTION) {
        exception = (enum modbus_exception)effect.exception;
    }
    if (exception != MODBUS_NO_EXCEPTION) {
        device_refuse(&answer, request.function, exception);
    } else {
        execute(service, device, &request, adu->pdu, &query, &answer);
    }
    if (service->truth && answer.exception == 0) {
        note(service, &query, device, wall_us, spoiled_by(&effect));
    }
    frame_answer(service, adu, &answer, &effect, reply);
}
