#include "rtu.h"

uint16_t rtu_crc(const uint8_t *data, size_t size)
{
    enum { POLYNOMIAL = 0xa001 }; /* x^16 + x^15 + x^2 + 1, bits reversed */
    unsigned crc = 0xffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
        }
    }
    return (uint16_t)crc;
}

/* The size of the frame that begins with these bytes; 0 = more bytes must tell, SIZE_MAX = only silence can.
 */
static size_t frame_size(const uint8_t *frame, size_t size)
{
    enum { FIXED = 8, MASK_FIXED = 10, IDENTIFY_FIXED = 7, COUNT_AT = 6, READ_WRITE_COUNT_AT = 10 };
    if (size < 2) {
        return 0;
    }
    size_t count_at = COUNT_AT;
    switch (frame[1]) {
    case MODBUS_READ_COILS:
    case MODBUS_READ_DISCRETE_INPUTS:
    case MODBUS_READ_HOLDING_REGISTERS:
    case MODBUS_READ_INPUT_REGISTERS:
    case MODBUS_WRITE_SINGLE_COIL:
    case MODBUS_WRITE_SINGLE_REGISTER:
        return FIXED;
    case MODBUS_MASK_WRITE_REGISTER:
        return MASK_FIXED;
    case MODBUS_ENCAPSULATED_INTERFACE:
        return IDENTIFY_FIXED;
    case MODBUS_READ_WRITE_MULTIPLE_REGISTERS:
        count_at = READ_WRITE_COUNT_AT;
        break;
    case MODBUS_WRITE_MULTIPLE_COILS:
    case MODBUS_WRITE_MULTIPLE_REGISTERS:
        break;
    default:
        return SIZE_MAX;
    }
    return size <= count_at ? 0 : count_at + 1 + frame[count_at] + RTU_CRC_SIZE;
}

static bool is_intact(const struct rtu_reader *reader)
{
    if (reader->size < RTU_FRAME_MIN) {
        return false;
    }
    const uint8_t *crc = reader->frame + reader->size - RTU_CRC_SIZE;
    return rtu_crc(reader->frame, reader->size - RTU_CRC_SIZE) == (crc[0] | crc[1] << 8);
}

static enum mbap_result give_out(struct rtu_reader *reader, struct mbap *adu)
{
    reader->complete = true;
    *adu = (struct mbap){
        .unit = reader->frame[0],
        .pdu = {.data = reader->frame + 1, .size = reader->size - 1 - RTU_CRC_SIZE},
    };
    return MBAP_ADU;
}

enum mbap_result rtu_read(struct rtu_reader *reader, struct bytes *input, struct mbap *adu)
{
    if (reader->complete) {
        *reader = (struct rtu_reader){.size = 0};
    }
    while (input->size > 0) {
        uint8_t byte = *input->data++;
        input->size--;
        if (reader->lost || reader->size == RTU_FRAME_MAX) {
            reader->lost = true;
            continue;
        }
        reader->frame[reader->size++] = byte;
        if (reader->size != frame_size(reader->frame, reader->size)) {
            continue;
        }
        if (is_intact(reader)) {
            return give_out(reader, adu);
        }
        reader->lost = true;
    }
    return MBAP_NEED_MORE;
}

enum mbap_result rtu_silence(struct rtu_reader *reader, struct mbap *adu)
{
    if (!reader->complete && !reader->lost && is_intact(reader)) {
        return give_out(reader, adu);
    }
    *reader = (struct rtu_reader){.size = 0};
    return MBAP_NEED_MORE;
}

bool rtu_reader_is_inside(const struct rtu_reader *reader)
{
    return reader->lost || (reader->size > 0 && !reader->complete);
}

void rtu_write(struct wire_writer *writer, uint8_t unit, struct bytes pdu)
{
    if (pdu.size < 1 || pdu.size > PDU_SIZE_MAX) {
        writer->failed = true;
        return;
    }
    size_t start = wire_written(writer);
    wire_write_u8(writer, unit);
    wire_write_bytes(writer, pdu.data, pdu.size);
    uint16_t crc = rtu_crc(writer->start + start, wire_written(writer) - start);
    wire_write_u8(writer, (uint8_t)crc);
    wire_write_u8(writer, (uint8_t)(crc >> 8));
}
