#include "device.h"

#include "identity.h"

#include <string.h>

enum err device_init(struct device *device, uint8_t unit, const struct vessel_options *vessels, size_t count,
                     uint64_t seed)
{
    *device = (struct device){.unit = unit, .moved = true};
    enum err result = process_init(&device->process, vessels, count, seed);
    return result == ERR_OK ? image_init(&device->image, count) : result;
}

void device_fini(struct device *device)
{
    process_fini(&device->process);
    image_fini(&device->image);
}

void device_step(struct device *device, double step_s)
{
    process_step(&device->process, step_s);
    device->moved = true;
}

void device_refresh(struct device *device, const struct image_span *frozen, size_t frozen_count)
{
    if (device->moved || frozen_count > 0 || device->frozen_count > 0) {
        image_refresh(&device->image, &device->process, frozen, frozen_count);
    }
    device->moved = false;
    device->frozen_count = frozen_count;
}

static struct image_span span_of(uint8_t function, struct pdu_span span)
{
    return (struct image_span){
        .table = image_table_of(function),
        .address = span.address,
        .quantity = span.quantity,
    };
}

struct image_span device_span_read(const struct pdu_request *request)
{
    return span_of(request->function, request->read);
}

struct image_span device_span_written(const struct pdu_request *request)
{
    return span_of(request->function, request->write);
}

void device_refuse(struct device_answer *answer, uint8_t function, enum modbus_exception exception)
{
    struct wire_writer writer = wire_writer(answer->pdu, sizeof answer->pdu);
    pdu_exception_encode(&writer, function, exception);
    answer->size = wire_written(&writer);
    answer->exception = (uint8_t)exception;
}

static bool allows(const struct device *device, const struct pdu_request *request)
{
    struct image_span read = device_span_read(request);
    struct image_span write = device_span_written(request);
    return (read.quantity == 0 || image_allows(&device->image, read, false)) &&
           (write.quantity == 0 || image_allows(&device->image, write, true));
}

static enum modbus_exception execute(struct device *device, struct responder *responder,
                                     const struct pdu_request *request, struct bytes pdu,
                                     struct device_answer *answer)
{
    if (request->function == MODBUS_ENCAPSULATED_INTERFACE) {
        struct wire_writer writer = wire_writer(answer->pdu, sizeof answer->pdu);
        enum modbus_exception exception = identity_answer(request, &writer);
        answer->size = wire_written(&writer);
        return exception;
    }
    if (!responder_executes(request->function)) {
        return MODBUS_ILLEGAL_FUNCTION;
    }
    struct bytes made;
    if (!allows(device, request)) {
        return MODBUS_ILLEGAL_DATA_ADDRESS;
    }
    if (responder_answer(responder, &device->image, pdu, &made) != ERR_OK || made.size > sizeof answer->pdu) {
        return MODBUS_SERVER_DEVICE_FAILURE;
    }
    memcpy(answer->pdu, made.data, made.size);
    answer->size = made.size;
    return MODBUS_NO_EXCEPTION;
}

void device_execute(struct device *device, struct responder *responder, const struct pdu_request *request,
                    struct bytes pdu, struct device_answer *answer)
{
    answer->exception = 0;
    enum modbus_exception exception = execute(device, responder, request, pdu, answer);
    if (exception != MODBUS_NO_EXCEPTION) {
        device_refuse(answer, request->function, exception);
        return;
    }
    struct image_span written = device_span_written(request);
    if (written.quantity > 0) {
        image_absorb(&device->image, written, &device->process);
        device->moved = true;
    }
}
