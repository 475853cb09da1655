/*
 * What the decoder accepts, the encoder writes back byte for byte. The first byte of the input is the size of
 * a request, which follows; the rest is a response to it.
 */
#include "modbus/pdu.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct wire_writer *writer, struct bytes pdu)
{
    if (writer->failed || wire_written(writer) != pdu.size ||
        memcmp(writer->start, pdu.data, pdu.size) != 0) {
        abort();
    }
}

static void check_response(const struct pdu_request *request, struct bytes pdu)
{
    struct pdu_response response;
    if (pdu_response_decode(pdu, request, &response) != ERR_OK) {
        return;
    }
    uint8_t space[PDU_SIZE_MAX];
    struct wire_writer writer = wire_writer(space, sizeof space);
    pdu_response_encode(&writer, request, &response);
    check_same(&writer, pdu);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size - 1 < data[0]) {
        return 0;
    }
    struct bytes sent = {.data = data + 1, .size = data[0]};
    struct pdu_request request;
    if (pdu_request_decode(sent, &request) != MODBUS_NO_EXCEPTION) {
        return 0;
    }
    uint8_t space[PDU_SIZE_MAX];
    struct wire_writer writer = wire_writer(space, sizeof space);
    pdu_request_encode(&writer, &request);
    check_same(&writer, sent);
    check_response(&request, (struct bytes){.data = data + 1 + sent.size, .size = size - 1 - sent.size});
    return 0;
}
