#include "modbus/mbap.h"

#include <string.h>

enum {
    PROTOCOL_MODBUS = 0,
    PREFIX_SIZE = MBAP_HEADER_SIZE - 1, /* transaction, protocol and length: the length counts what follows */
};

struct prefix {
    uint16_t transaction;
    uint16_t protocol;
    uint16_t length;
};

static struct prefix read_prefix(const struct mbap_reader *reader)
{
    struct wire_reader wire = wire_reader(reader->frame, PREFIX_SIZE);
    struct prefix prefix = {.transaction = wire_read_u16(&wire)};
    prefix.protocol = wire_read_u16(&wire);
    prefix.length = wire_read_u16(&wire);
    return prefix;
}

/* Moves input into the frame until it has `size` bytes; false if the input ends first. */
static bool fill(struct mbap_reader *reader, size_t size, struct bytes *input)
{
    size_t wanted = reader->size < size ? size - reader->size : 0;
    size_t taken = wanted < input->size ? wanted : input->size;
    if (taken > 0) {
        memcpy(reader->frame + reader->size, input->data, taken);
        reader->size += taken;
        input->data += taken;
        input->size -= taken;
    }
    return taken == wanted;
}

enum mbap_result mbap_read(struct mbap_reader *reader, struct bytes *input, struct mbap *adu)
{
    if (reader->complete) {
        reader->complete = false;
        reader->size = 0;
    }
    if (!fill(reader, PREFIX_SIZE, input)) {
        return MBAP_NEED_MORE;
    }
    struct prefix prefix = read_prefix(reader);
    if (prefix.length < MBAP_LENGTH_MIN || prefix.length > MBAP_LENGTH_MAX) {
        return MBAP_BROKEN;
    }
    if (!fill(reader, PREFIX_SIZE + (size_t)prefix.length, input)) {
        return MBAP_NEED_MORE;
    }
    reader->complete = true;
    if (prefix.protocol != PROTOCOL_MODBUS) {
        return MBAP_DISCARDED;
    }
    *adu = (struct mbap){
        .transaction = prefix.transaction,
        .unit = reader->frame[PREFIX_SIZE],
        .pdu = {.data = reader->frame + MBAP_HEADER_SIZE, .size = prefix.length - 1U},
    };
    return MBAP_ADU;
}

bool mbap_reader_is_inside(const struct mbap_reader *reader)
{
    return reader->size > 0 && !reader->complete;
}

void mbap_write(struct wire_writer *writer, const struct mbap *adu)
{
    if (adu->pdu.size < 1 || adu->pdu.size > PDU_SIZE_MAX) {
        writer->failed = true;
        return;
    }
    wire_write_u16(writer, adu->transaction);
    wire_write_u16(writer, PROTOCOL_MODBUS);
    wire_write_u16(writer, (uint16_t)(adu->pdu.size + 1));
    wire_write_u8(writer, adu->unit);
    wire_write_bytes(writer, adu->pdu.data, adu->pdu.size);
}

void mbap_write_request(struct wire_writer *writer, uint16_t transaction, uint8_t unit,
                        const struct pdu_request *request)
{
    uint8_t pdu[PDU_SIZE_MAX];
    struct wire_writer pdu_writer = wire_writer(pdu, sizeof pdu);
    pdu_request_encode(&pdu_writer, request);
    const struct mbap adu = {
        .transaction = transaction,
        .unit = unit,
        .pdu = {.data = pdu, .size = wire_written(&pdu_writer)},
    };
    mbap_write(writer, &adu);
}
