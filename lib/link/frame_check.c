#include "link/frame_check.h"

enum { RTU_CRC_SIZE = 2, UNIT_DEVICE = 0, UNIT_DEVICE_TOO = 255 };

static enum frame_verdict check_pdu(struct bytes pdu, const struct frame_expected *expected,
                                    struct pdu_response *response)
{
    return pdu_response_decode(pdu, expected->request, response) == ERR_OK ? FRAME_ANSWER : FRAME_BROKEN;
}

static bool is_unit(uint8_t unit, const struct frame_expected *expected)
{
    return unit == expected->unit || expected->unit == UNIT_DEVICE || expected->unit == UNIT_DEVICE_TOO;
}

enum frame_verdict frame_check_adu(const struct mbap *adu, const struct frame_expected *expected,
                                   struct pdu_response *response)
{
    if (adu->transaction != expected->transaction) {
        return FRAME_STALE;
    }
    return is_unit(adu->unit, expected) ? check_pdu(adu->pdu, expected, response) : FRAME_FOREIGN;
}

enum frame_verdict frame_check_tcp(struct bytes frame, const struct frame_expected *expected,
                                   struct pdu_response *response)
{
    struct mbap_reader reader = {.size = 0};
    struct bytes left = frame;
    struct mbap adu;
    enum mbap_result result = mbap_read(&reader, &left, &adu);
    if (left.size > 0 || (result != MBAP_ADU && result != MBAP_DISCARDED)) {
        return FRAME_BROKEN;
    }
    if (result == MBAP_DISCARDED) {
        return FRAME_FOREIGN;
    }
    /* The same bytes where the caller keeps them, not in our reader. */
    adu.pdu.data = frame.data + MBAP_HEADER_SIZE;
    return frame_check_adu(&adu, expected, response);
}

enum frame_verdict frame_check_rtu(struct bytes frame, const struct frame_expected *expected,
                                   struct pdu_response *response)
{
    if (frame.size < 1 + 1 + RTU_CRC_SIZE) {
        return FRAME_BROKEN;
    }
    if (frame.data[0] != expected->unit) {
        return FRAME_FOREIGN;
    }
    struct bytes pdu = {.data = frame.data + 1, .size = frame.size - 1 - RTU_CRC_SIZE};
    return check_pdu(pdu, expected, response);
}
