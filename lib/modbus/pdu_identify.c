/* pdu_identify: 2B/0E, read device identification. */
#include "modbus/pdu_function.h"

enum {
    MEI_DEVICE_IDENTIFICATION = 0x0e,
    MORE_FOLLOWS = 0xff,
    READ_CODE_BASIC = 0x01,
    READ_CODE_ONE_OBJECT = 0x04,
};

/* 2B is an envelope: another MEI type in it is another function. Section 6.19. */
static bool is_identification(struct bytes pdu)
{
    return pdu.size < 2 || pdu.data[1] == MEI_DEVICE_IDENTIFICATION;
}

/* 2B/0E: read code, object → conformity, more follows, next object, objects. Section 6.21. */

static void decode_identify(struct wire_reader *reader, struct pdu_request *request)
{
    (void)wire_read_u8(reader); /* the MEI type, see is_identification() */
    request->read_code = wire_read_u8(reader);
    request->object_id = wire_read_u8(reader);
    if (request->read_code < READ_CODE_BASIC || request->read_code > READ_CODE_ONE_OBJECT) {
        wire_read_fail(reader);
    }
}

static void encode_identify(struct wire_writer *writer, const struct pdu_request *request)
{
    wire_write_u8(writer, MEI_DEVICE_IDENTIFICATION);
    wire_write_u8(writer, request->read_code);
    wire_write_u8(writer, request->object_id);
}

static bool objects_add_up(struct bytes data, uint8_t count)
{
    struct wire_reader objects = wire_reader(data.data, data.size);
    uint8_t id;
    struct bytes value;
    while (count > 0 && pdu_next_object(&objects, &id, &value)) {
        count--;
    }
    return count == 0 && wire_reader_done(&objects);
}

static void decode_identity(struct wire_reader *reader, const struct pdu_request *request,
                            struct pdu_response *response)
{
    struct pdu_identification *identification = &response->identification;
    uint8_t interface = wire_read_u8(reader);
    uint8_t read_code = wire_read_u8(reader);
    identification->conformity = wire_read_u8(reader);
    uint8_t more_follows = wire_read_u8(reader);
    identification->more_follows = more_follows == MORE_FOLLOWS;
    identification->next_object = wire_read_u8(reader);
    identification->object_count = wire_read_u8(reader);
    response->data = pdu_read_rest(reader);
    bool expected = interface == MEI_DEVICE_IDENTIFICATION && read_code == request->read_code &&
                    (more_follows == 0 || more_follows == MORE_FOLLOWS);
    if (!expected || !objects_add_up(response->data, identification->object_count)) {
        wire_read_fail(reader);
    }
}

static void encode_identity(struct wire_writer *writer, const struct pdu_request *request,
                            const struct pdu_response *response)
{
    wire_write_u8(writer, MEI_DEVICE_IDENTIFICATION);
    wire_write_u8(writer, request->read_code);
    wire_write_u8(writer, response->identification.conformity);
    wire_write_u8(writer, response->identification.more_follows ? MORE_FOLLOWS : 0);
    wire_write_u8(writer, response->identification.next_object);
    wire_write_u8(writer, response->identification.object_count);
    wire_write_bytes(writer, response->data.data, response->data.size);
}

static const struct pdu_function function = {
    .code = MODBUS_ENCAPSULATED_INTERFACE,
    .speaks = is_identification,
    .decode_request = decode_identify,
    .encode_request = encode_identify,
    .decode_response = decode_identity,
    .encode_response = encode_identity,
};

const struct pdu_family pdu_identify = {&function, 1};
