/* pdu_diagnose: function codes about the device itself: 07, 08, 0B, 0C, 11. */
#include "base/array.h"
#include "modbus/pdu_function.h"

enum {
    STATUS_SIZE = 1,
    WORD_SIZE = 2,
    COUNTER_SIZE = 4,  /* status, event count */
    LOG_SIZE_MIN = 6,  /* status, event count, message count … */
    LOG_SIZE_MAX = 70, /* … and up to 64 events */
    READY = 0x0000,
    BUSY = 0xffff, /* still at work on a program command: section 6.9 */
};

/* A request of nothing but its function code. */

static void decode_bare(struct wire_reader *reader, struct pdu_request *request)
{
    (void)reader;
    (void)request;
}

static void encode_bare(struct wire_writer *writer, const struct pdu_request *request)
{
    (void)writer;
    (void)request;
}

static void encode_plain(struct wire_writer *writer, const struct pdu_request *request,
                         const struct pdu_response *response)
{
    (void)request;
    wire_write_bytes(writer, response->data.data, response->data.size);
}

static void encode_counted(struct wire_writer *writer, const struct pdu_request *request,
                           const struct pdu_response *response)
{
    (void)request;
    pdu_write_counted(writer, response->data);
}

/* 07: → eight coils of the vendor's choice. Section 6.7. */

static void decode_status(struct wire_reader *reader, const struct pdu_request *request,
                          struct pdu_response *response)
{
    (void)request;
    response->data = wire_read_bytes(reader, STATUS_SIZE);
}

/* 08: sub-function, words → the same, or the word asked for. Section 6.8. */

static bool knows_sub_function(struct bytes pdu)
{
    if (pdu.size < 1 + WORD_SIZE) {
        return true;
    }
    unsigned code = (unsigned)pdu.data[1] << 8 | pdu.data[2];
    return code <= MODBUS_FORCE_LISTEN_ONLY ||
           (code >= MODBUS_CLEAR_COUNTERS && code <= MODBUS_RETURN_CHARACTER_OVERRUNS) ||
           code == MODBUS_CLEAR_OVERRUNS;
}

static bool word_allowed(uint16_t sub_function, uint16_t word)
{
    if (sub_function == MODBUS_RESTART_COMMUNICATIONS) {
        return word == 0x0000 || word == 0xff00;
    }
    return word == 0 || (sub_function == MODBUS_CHANGE_DELIMITER && (word & 0xff) == 0);
}

static void decode_diagnostics(struct wire_reader *reader, struct pdu_request *request)
{
    request->sub_function = wire_read_u16(reader);
    request->data = pdu_read_rest(reader);
    size_t size = request->data.size;
    bool good =
        request->sub_function == MODBUS_RETURN_QUERY_DATA
            ? size >= WORD_SIZE && size % WORD_SIZE == 0
            : size == WORD_SIZE && word_allowed(request->sub_function, pdu_register(request->data, 0));
    if (!good) {
        wire_read_fail(reader);
    }
}

static void encode_diagnostics(struct wire_writer *writer, const struct pdu_request *request)
{
    wire_write_u16(writer, request->sub_function);
    wire_write_bytes(writer, request->data.data, request->data.size);
}

static bool returns_a_word(uint16_t sub_function)
{
    return sub_function == MODBUS_RETURN_DIAGNOSTIC_REGISTER ||
           (sub_function > MODBUS_CLEAR_COUNTERS && sub_function <= MODBUS_RETURN_CHARACTER_OVERRUNS);
}

static bool same_bytes(struct bytes a, struct bytes b)
{
    for (size_t i = 0; a.size == b.size && i < a.size; i++) {
        if (a.data[i] != b.data[i]) {
            return false;
        }
    }
    return a.size == b.size;
}

/* Who is told to listen only does not answer. */
static void decode_diagnosis(struct wire_reader *reader, const struct pdu_request *request,
                             struct pdu_response *response)
{
    uint16_t sub_function = wire_read_u16(reader);
    response->data = pdu_read_rest(reader);
    bool good = returns_a_word(sub_function) ? response->data.size == WORD_SIZE
                                             : same_bytes(response->data, request->data);
    if (!good || sub_function != request->sub_function || sub_function == MODBUS_FORCE_LISTEN_ONLY) {
        wire_read_fail(reader);
    }
}

static void encode_diagnosis(struct wire_writer *writer, const struct pdu_request *request,
                             const struct pdu_response *response)
{
    struct bytes data = returns_a_word(request->sub_function) ? response->data : request->data;
    wire_write_u16(writer, request->sub_function);
    wire_write_bytes(writer, data.data, data.size);
}

/* 0B: → status, event count. 0C: → byte count, the same, message count, events. Sections 6.9, 6.10. */

static bool status_is_known(struct bytes data)
{
    uint16_t status = pdu_register(data, 0);
    return status == READY || status == BUSY;
}

static void decode_counter(struct wire_reader *reader, const struct pdu_request *request,
                           struct pdu_response *response)
{
    (void)request;
    response->data = wire_read_bytes(reader, COUNTER_SIZE);
    if (reader->failed || !status_is_known(response->data)) {
        wire_read_fail(reader);
    }
}

static void decode_log(struct wire_reader *reader, const struct pdu_request *request,
                       struct pdu_response *response)
{
    (void)request;
    response->data = pdu_read_counted_rest(reader);
    size_t size = response->data.size;
    if (size < LOG_SIZE_MIN || size > LOG_SIZE_MAX || !status_is_known(response->data)) {
        wire_read_fail(reader);
    }
}

/* 11: → byte count, what the vendor likes. Section 6.13. */

static void decode_server_id(struct wire_reader *reader, const struct pdu_request *request,
                             struct pdu_response *response)
{
    (void)request;
    response->data = pdu_read_counted_rest(reader);
    if (response->data.size == 0) {
        wire_read_fail(reader);
    }
}

static const struct pdu_function functions[] = {
    {.code = MODBUS_READ_EXCEPTION_STATUS,
     .decode_request = decode_bare,
     .encode_request = encode_bare,
     .decode_response = decode_status,
     .encode_response = encode_plain},
    {.code = MODBUS_DIAGNOSTICS,
     .own_data = true,
     .speaks = knows_sub_function,
     .decode_request = decode_diagnostics,
     .encode_request = encode_diagnostics,
     .decode_response = decode_diagnosis,
     .encode_response = encode_diagnosis},
    {.code = MODBUS_GET_EVENT_COUNTER,
     .decode_request = decode_bare,
     .encode_request = encode_bare,
     .decode_response = decode_counter,
     .encode_response = encode_plain},
    {.code = MODBUS_GET_EVENT_LOG,
     .decode_request = decode_bare,
     .encode_request = encode_bare,
     .decode_response = decode_log,
     .encode_response = encode_counted},
    {.code = MODBUS_REPORT_SERVER_ID,
     .decode_request = decode_bare,
     .encode_request = encode_bare,
     .decode_response = decode_server_id,
     .encode_response = encode_counted},
};

const struct pdu_family pdu_diagnose = {functions, ARRAY_LENGTH(functions)};
