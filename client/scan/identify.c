#include "scan/identify.h"

#include "terminal_text.h"

#include <string.h>

enum { BASIC = 1, OBJECT_MAX = 245 }; /* section 6.21: what fits in a response */

void identify_append(struct bytes objects, char *device)
{
    struct wire_reader reader = wire_reader(objects.data, objects.size);
    uint8_t id;
    struct bytes value;
    while (pdu_next_object(&reader, &id, &value)) {
        char text[OBJECT_MAX + 1];
        size_t size = value.size < OBJECT_MAX ? value.size : OBJECT_MAX;
        size_t used = strlen(device);
        memcpy(text, value.data, size);
        text[size] = '\0';
        if (size > 0 && used + 2 < SURVEY_DEVICE_MAX) {
            device[used] = ' ';
            used += used > 0 ? 1 : 0;
            terminal_text_copy(text, device + used, SURVEY_DEVICE_MAX - used);
        }
    }
}

void identify(struct plc *plc, uint8_t unit, char *device)
{
    struct pdu_request request = {.function = MODBUS_ENCAPSULATED_INTERFACE, .read_code = BASIC};
    device[0] = '\0';
    for (int i = 0; i < IDENTIFY_REQUESTS_MAX; i++) {
        struct plc_answer answer;
        if (!plc_ask(plc, unit, &request, &answer) || answer.result != PLC_ANSWERED) {
            return;
        }
        identify_append(answer.response.data, device);
        if (!answer.response.identification.more_follows) {
            return;
        }
        request.object_id = answer.response.identification.next_object;
    }
}
