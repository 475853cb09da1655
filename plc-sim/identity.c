#include "identity.h"

#include "base/array.h"

#include <string.h>

enum {
    READ_BASIC = 1,
    READ_ONE = 4,
    BASIC_OBJECTS = 3,
    CONFORMITY_REGULAR_BOTH = 0x82, /* regular identification, as a stream and one by one */
};

/* By object identifier: vendor, product code, revision, URL, product, model, application. */
static const char *const objects[] = {
    "Bourdon", "plcsim", BOURDON_VERSION, "", "Simulated PLC", "pressure vessels", "tests",
};

static void write_object(struct wire_writer *writer, size_t id)
{
    size_t size = strlen(objects[id]);
    wire_write_u8(writer, (uint8_t)id);
    wire_write_u8(writer, (uint8_t)size);
    wire_write_bytes(writer, objects[id], size);
}

enum modbus_exception identity_answer(const struct pdu_request *request, struct wire_writer *writer)
{
    bool one = request->read_code == READ_ONE;
    bool exists = request->object_id < ARRAY_LENGTH(objects);
    if (one && !exists) {
        return MODBUS_ILLEGAL_DATA_ADDRESS;
    }
    /* A stream that is to begin with an unknown object begins at the first. Section 6.21. */
    size_t first = exists ? request->object_id : 0;
    size_t last = request->read_code == READ_BASIC ? BASIC_OBJECTS : ARRAY_LENGTH(objects);
    if (one) {
        last = first + 1;
    }
    uint8_t space[PDU_SIZE_MAX];
    struct wire_writer list = wire_writer(space, sizeof space);
    uint8_t count = 0;
    for (size_t id = first; id < last; id++, count++) {
        write_object(&list, id);
    }
    struct pdu_response response = {
        .function = request->function,
        .data = {.data = space, .size = wire_written(&list)},
        .identification = {.conformity = CONFORMITY_REGULAR_BOTH, .object_count = count},
    };
    pdu_response_encode(writer, request, &response);
    return MODBUS_NO_EXCEPTION;
}
