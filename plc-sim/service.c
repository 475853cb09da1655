#include "service.h"

#include "rtu.h"

enum {
    UNIT_BROADCAST = 0,  /* of a serial line; of Modbus TCP it is, like 255, "the device itself": */
    UNIT_DIRECT_LOW = 0, /* messaging guide, section 4.4.2.1 */
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
    bool direct = !units->serial && (unit == UNIT_DIRECT_LOW || unit == UNIT_DIRECT_HIGH);
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

void service_frame(const struct service_units *units, const struct mbap *request, struct bytes pdu,
                   struct wire_writer *writer)
{
    if (units->serial) {
        rtu_write(writer, request->unit, pdu);
    } else {
        struct mbap answer = {.transaction = request->transaction, .unit = request->unit, .pdu = pdu};
        mbap_write(writer, &answer);
    }
}

static void make_reply(struct service *service, const struct service_units *units, const struct mbap *adu,
                       const struct device_answer *answer, const struct fault_effect *effect,
                       struct service_reply *reply)
{
    struct wire_writer writer = wire_writer(reply->frame, sizeof reply->frame);
    service_frame(units, adu, (struct bytes){.data = answer->pdu, .size = answer->size}, &writer);
    reply->size = damage_apply(effect, units->serial, &service->random, reply->frame, wire_written(&writer));
    reply->copies = effect->duplicate ? 2 : 1;
    if (effect->damage == FAULT_FLOOD && reply->size > 0) {
        reply->copies += (size_t)effect->bytes / reply->size;
    }
    reply->delay_us = effect->delay_us;
    reply->late = effect->late;
    reply->drip_us = effect->drip_us;
}

/* A request that was read, and what came of reading it. */
struct question {
    const struct mbap *adu;
    struct pdu_request request;
    enum modbus_exception exception;
    struct fault_query query;
    struct fault_effect effect;
    int64_t wall_us;
};

/* The answer of one device, with its lines in the truth file. */
static void answer_by(struct service *service, struct device *device, const struct question *question,
                      struct device_answer *answer)
{
    if (question->exception != MODBUS_NO_EXCEPTION) {
        device_refuse(answer, question->request.function, question->exception);
        return;
    }
    execute(service, device, &question->request, question->adu->pdu, &question->query, answer);
    if (service->truth && answer->exception == 0) {
        note(service, &question->query, device, question->wall_us, spoiled_by(&question->effect));
    }
}

/* Unit 0 of a serial line: all devices obey and none answers. Serial line guide, section 2.1. */
static void broadcast(struct service *service, const struct service_units *units, struct question *question)
{
    question->effect.fate = FAULT_SILENCE;
    for (size_t i = 0; i < units->count; i++) {
        struct device_answer answer = {.size = 0};
        question->query.unit = units->devices[i].unit;
        answer_by(service, &units->devices[i], question, &answer);
    }
}

static struct question read_question(struct service *service, const struct service_units *units,
                                     const struct mbap *adu, int64_t now_us, int64_t wall_us)
{
    struct question question = {
        .adu = adu,
        .query = {.now_us = now_us, .endpoint = units->endpoint, .unit = adu->unit},
        .wall_us = wall_us,
    };
    question.exception = pdu_request_decode(adu->pdu, &question.request);
    if (question.exception == MODBUS_NO_EXCEPTION) {
        question.query.read = device_span_read(&question.request);
        question.query.write = device_span_written(&question.request);
    }
    question.effect = faults_judge(service->faults, &question.query);
    if (!damage_exists(question.effect.damage, units->serial)) {
        question.effect.damage = FAULT_NONE;
    }
    if (question.exception == MODBUS_NO_EXCEPTION) {
        question.exception = (enum modbus_exception)question.effect.exception;
    }
    return question;
}

void service_answer(struct service *service, const struct service_units *units, const struct mbap *adu,
                    int64_t now_us, int64_t wall_us, struct service_reply *reply)
{
    struct question question = read_question(service, units, adu, now_us, wall_us);
    struct device *device = find_device(units, adu->unit);
    struct device_answer answer = {.size = 0};
    service->requests++;
    reply->fate = question.effect.fate;
    if (reply->fate == FAULT_HALF_OPEN) {
        return; /* nobody is there any more to execute it */
    }
    if (units->serial && !device) {
        reply->fate = FAULT_SILENCE;
        if (adu->unit == UNIT_BROADCAST) {
            broadcast(service, units, &question);
        }
        return;
    }
    if (question.exception == MODBUS_NO_EXCEPTION && !device) {
        question.exception = MODBUS_GATEWAY_PATH_UNAVAILABLE;
    }
    answer_by(service, device, &question, &answer);
    make_reply(service, units, adu, &answer, &question.effect, reply);
}
