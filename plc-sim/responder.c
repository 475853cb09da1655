#include "responder.h"

#include "modbus/mbap.h"

#include <errno.h>
#include <modbus/modbus.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { UNIT = 1, DISAGREEMENT_US = 1000 };

struct responder {
    modbus_t *context;
    int ends[2]; /* libmodbus writes its answers into the first, we read them from the second; -1 = none */
    struct mbap_reader reader;
};

enum err responder_new(struct responder **responder, struct err_text *why)
{
    struct responder *made = calloc(1, sizeof *made);
    if (!made) {
        return err_set(why, ERR_NO_MEMORY, "%s", err_name(ERR_NO_MEMORY));
    }
    made->ends[0] = made->ends[1] = -1;
    made->context = modbus_new_tcp("127.0.0.1", 0);
    if (!made->context ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, made->ends) < 0) {
        enum err code = err_errno(why, errno, "start libmodbus");
        responder_free(made);
        return code;
    }
    modbus_set_socket(made->context, made->ends[0]);
    modbus_set_response_timeout(made->context, 0, DISAGREEMENT_US);
    *responder = made;
    return ERR_OK;
}

void responder_free(struct responder *responder)
{
    if (!responder) {
        return;
    }
    modbus_free(responder->context);
    for (size_t i = 0; i < 2; i++) {
        if (responder->ends[i] >= 0) {
            close(responder->ends[i]);
        }
    }
    free(responder);
}

bool responder_executes(uint8_t function)
{
    return image_table_of(function) != IMAGE_TABLES;
}

static modbus_mapping_t mapping_of(const struct image *image)
{
    return (modbus_mapping_t){
        .nb_bits = (int)image->bits,
        .nb_input_bits = (int)image->bits,
        .nb_registers = (int)image->registers,
        .nb_input_registers = (int)image->registers,
        .tab_bits = image_flags(image, IMAGE_COIL),
        .tab_input_bits = image_flags(image, IMAGE_DISCRETE),
        .tab_registers = image_words(image, IMAGE_HOLDING),
        .tab_input_registers = image_words(image, IMAGE_INPUT),
    };
}

static enum err take_answer(struct responder *responder, struct bytes *answer)
{
    uint8_t frame[MBAP_ADU_MAX];
    ssize_t size = recv(responder->ends[1], frame, sizeof frame, 0);
    if (size <= 0) {
        return ERR_IO;
    }
    struct bytes input = {.data = frame, .size = (size_t)size};
    struct mbap adu;
    responder->reader = (struct mbap_reader){.size = 0};
    if (mbap_read(&responder->reader, &input, &adu) != MBAP_ADU || input.size > 0) {
        return ERR_MALFORMED;
    }
    *answer = adu.pdu;
    return ERR_OK;
}

enum err responder_answer(struct responder *responder, const struct image *image, struct bytes request,
                          struct bytes *answer)
{
    uint8_t frame[MBAP_ADU_MAX];
    struct wire_writer writer = wire_writer(frame, sizeof frame);
    mbap_write(&writer, &(struct mbap){.unit = UNIT, .pdu = request});
    if (writer.failed) {
        return ERR_MALFORMED;
    }
    modbus_mapping_t mapping = mapping_of(image);
    int sent = modbus_reply(responder->context, frame, (int)wire_written(&writer), &mapping);
    return sent > 0 ? take_answer(responder, answer) : ERR_IO;
}
