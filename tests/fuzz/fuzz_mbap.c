/*
 * Any bytes in any split give the same frames as the same bytes at once, and each frame is written back as it
 * came. The first byte of the input is the size of the pieces.
 */
#include "modbus/mbap.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_written_back(const struct mbap_reader *reader, const struct mbap *adu)
{
    uint8_t space[MBAP_ADU_MAX];
    struct wire_writer writer = wire_writer(space, sizeof space);
    mbap_write(&writer, adu);
    if (writer.failed || wire_written(&writer) != reader->size ||
        memcmp(space, reader->frame, reader->size) != 0) {
        abort();
    }
}

/* The next frame or break when the stream arrives in pieces; MBAP_NEED_MORE when it ends before. */
static enum mbap_result read_piecewise(struct mbap_reader *reader, struct bytes *stream, size_t piece,
                                       struct mbap *adu)
{
    while (stream->size > 0) {
        struct bytes input = {.data = stream->data, .size = piece < stream->size ? piece : stream->size};
        size_t offered = input.size;
        enum mbap_result result = mbap_read(reader, &input, adu);
        stream->data += offered - input.size;
        stream->size -= offered - input.size;
        if (result != MBAP_NEED_MORE) {
            return result;
        }
    }
    return MBAP_NEED_MORE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    struct bytes whole = {.data = data + 1, .size = size - 1};
    struct bytes pieces = whole;
    struct mbap_reader reader = {.size = 0};
    struct mbap_reader piecewise = {.size = 0};
    enum mbap_result result;
    do {
        struct mbap adu;
        struct mbap adu_of_pieces;
        result = mbap_read(&reader, &whole, &adu);
        if (read_piecewise(&piecewise, &pieces, 1 + (size_t)data[0], &adu_of_pieces) != result) {
            abort();
        }
        if (result == MBAP_ADU) {
            check_written_back(&reader, &adu);
            check_written_back(&piecewise, &adu_of_pieces);
        }
    } while (result == MBAP_ADU || result == MBAP_DISCARDED);
    return 0;
}
