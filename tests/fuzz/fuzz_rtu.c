/*
 * Any bytes with silence anywhere stay within one frame, and each frame is written back as it came. The first
 * byte of the input is the number of bytes between silences.
 */
#include "rtu.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_written_back(const struct rtu_reader *reader, const struct mbap *adu)
{
    uint8_t space[RTU_FRAME_MAX];
    struct wire_writer writer = wire_writer(space, sizeof space);
    rtu_write(&writer, adu->unit, adu->pdu);
    if (writer.failed || wire_written(&writer) != reader->size ||
        memcmp(space, reader->frame, reader->size) != 0) {
        abort();
    }
}

static void read_until_silence(struct rtu_reader *reader, struct bytes input)
{
    struct mbap adu;
    while (rtu_read(reader, &input, &adu) == MBAP_ADU) {
        check_written_back(reader, &adu);
    }
    if (rtu_silence(reader, &adu) == MBAP_ADU) {
        check_written_back(reader, &adu);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rtu_reader reader = {.size = 0};
    size_t piece = size > 0 ? 1 + (size_t)data[0] : 1;
    for (size_t at = 1; at < size; at += piece) {
        size_t left = size - at;
        read_until_silence(&reader, (struct bytes){.data = data + at, .size = piece < left ? piece : left});
    }
    return 0;
}
