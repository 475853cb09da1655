/*
 * pdu: strict codec of the Modbus protocol data unit (MODBUS Application Protocol V1.1b3), both directions.
 *
 * Speaks function codes 01-08, 0B, 0C, 0F-11, 14-18 and 2B/0E. A decoder accepts exactly the form the
 * standard gives and leaves no byte over; what it gives back borrows from the bytes it was given. An encoder
 * marks the writer as failed when the result would not pass the decoder. Pure, no allocation, any thread.
 *
 * Addresses are zero-based, as on the wire. Registers travel high byte first; coils and discrete inputs are
 * packed eight to a byte, the lowest address in the lowest bit.
 */
#ifndef BOURDON_MODBUS_PDU_H
#define BOURDON_MODBUS_PDU_H

#include "base/buffer.h"
#include "base/err.h"
#include "base/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PDU_SIZE_MAX = 253,             /* section 4.1: 256 of RS-485 less address and CRC */
    PDU_READ_BITS_MAX = 2000,       /* sections 6.1, 6.2 */
    PDU_READ_REGISTERS_MAX = 125,   /* sections 6.3, 6.4, 6.17 */
    PDU_WRITE_COILS_MAX = 1968,     /* section 6.11 */
    PDU_WRITE_REGISTERS_MAX = 123,  /* section 6.12 */
    PDU_READ_WRITE_WRITE_MAX = 121, /* section 6.17 */
    PDU_FIFO_MAX = 31,              /* section 6.18 */
    PDU_ADDRESSES = 65536,
};

enum modbus_function {
    MODBUS_READ_COILS = 0x01,
    MODBUS_READ_DISCRETE_INPUTS = 0x02,
    MODBUS_READ_HOLDING_REGISTERS = 0x03,
    MODBUS_READ_INPUT_REGISTERS = 0x04,
    MODBUS_WRITE_SINGLE_COIL = 0x05,
    MODBUS_WRITE_SINGLE_REGISTER = 0x06,
    MODBUS_READ_EXCEPTION_STATUS = 0x07,
    MODBUS_DIAGNOSTICS = 0x08,
    MODBUS_GET_EVENT_COUNTER = 0x0b,
    MODBUS_GET_EVENT_LOG = 0x0c,
    MODBUS_WRITE_MULTIPLE_COILS = 0x0f,
    MODBUS_WRITE_MULTIPLE_REGISTERS = 0x10,
    MODBUS_REPORT_SERVER_ID = 0x11,
    MODBUS_READ_FILE_RECORD = 0x14,
    MODBUS_WRITE_FILE_RECORD = 0x15,
    MODBUS_MASK_WRITE_REGISTER = 0x16,
    MODBUS_READ_WRITE_MULTIPLE_REGISTERS = 0x17,
    MODBUS_READ_FIFO_QUEUE = 0x18,
    MODBUS_ENCAPSULATED_INTERFACE = 0x2b, /* only with MEI type 0E, read device identification */
};

/* Sub-functions of 08, section 6.8.1. The others are not spoken. */
enum modbus_diagnostic {
    MODBUS_RETURN_QUERY_DATA = 0x00,
    MODBUS_RESTART_COMMUNICATIONS = 0x01,
    MODBUS_RETURN_DIAGNOSTIC_REGISTER = 0x02,
    MODBUS_CHANGE_DELIMITER = 0x03,
    MODBUS_FORCE_LISTEN_ONLY = 0x04, /* has no response */
    MODBUS_CLEAR_COUNTERS = 0x0a,
    MODBUS_RETURN_MESSAGE_COUNT = 0x0b,      /* the first of eight counters … */
    MODBUS_RETURN_CHARACTER_OVERRUNS = 0x12, /* … and the last */
    MODBUS_CLEAR_OVERRUNS = 0x14,
};

/* An exception is an answer, not a failure. Section 7. */
enum modbus_exception {
    MODBUS_NO_EXCEPTION = 0,
    MODBUS_ILLEGAL_FUNCTION = 0x01,
    MODBUS_ILLEGAL_DATA_ADDRESS = 0x02,
    MODBUS_ILLEGAL_DATA_VALUE = 0x03, /* a malformed structure, not a process value out of range */
    MODBUS_SERVER_DEVICE_FAILURE = 0x04,
    MODBUS_ACKNOWLEDGE = 0x05,
    MODBUS_SERVER_DEVICE_BUSY = 0x06,
    MODBUS_NEGATIVE_ACKNOWLEDGE = 0x07,
    MODBUS_MEMORY_PARITY_ERROR = 0x08,
    MODBUS_GATEWAY_PATH_UNAVAILABLE = 0x0a,
    MODBUS_GATEWAY_TARGET_FAILED = 0x0b,
};

/* The exception in a few plain words ("illegal data address"); never NULL, also for codes not listed. */
const char *modbus_exception_text(enum modbus_exception exception);

/* Items next to each other. */
struct pdu_span {
    uint16_t address;
    uint16_t quantity; /* 0 = none */
};

/*
 * A request by what it does: the span it reads, the span it writes, or both (17). Which kind of item it is
 * follows from the function code. 07, 08, 0B, 0C, 11, 14 and 15 have no span.
 */
struct pdu_request {
    uint8_t function;
    struct pdu_span read;  /* quantity 1 for 18: its pointer */
    struct pdu_span write; /* quantity 1 for 05, 06 and 16 */
    struct bytes data; /* what is written, packed as on the wire; 05: FF 00 or 00 00; empty for 16; 08: its
                          words; 14, 15: the sub-requests, see pdu_next_file_record() */
    uint16_t sub_function; /* 08 only: enum modbus_diagnostic */
    uint16_t and_mask;     /* 16 only: new = (old AND and_mask) OR (or_mask AND NOT and_mask) */
    uint16_t or_mask;
    uint8_t read_code; /* 2B/0E only: 1 basic, 2 regular, 3 extended, 4 one object */
    uint8_t object_id;
};

/* The header of a 2B/0E response; the objects are the response's data. Section 6.21. */
struct pdu_identification {
    uint8_t conformity;
    bool more_follows;
    uint8_t next_object;
    uint8_t object_count;
};

struct pdu_response {
    uint8_t function;  /* of the request, also for an exception */
    uint8_t exception; /* enum modbus_exception or a code of the vendor's; 0 = none */
    struct bytes data; /* what was read, packed as on the wire; 2B/0E: the objects; 07: a byte of coils; 08: a
                          word; 0B, 0C: status, event count and what follows; 11: the vendor's; 14: the
                          records, see pdu_next_record_read() */
    struct pdu_identification identification; /* 2B/0E only */
};

/* Whether the codec speaks a function code. */
bool pdu_function_known(uint8_t function);

/*
 * Reads a request. Gives MODBUS_NO_EXCEPTION, or what a server must answer, found in the order of the state
 * diagrams of section 6: function code (01), quantity and structure (03), addresses past 65535 (02).
 * `request->function` is set in any case.
 */
MUST_USE enum modbus_exception pdu_request_decode(struct bytes pdu, struct pdu_request *request);

/* Writes a request of at most PDU_SIZE_MAX bytes. */
void pdu_request_encode(struct wire_writer *writer, const struct pdu_request *request);

/*
 * Reads the response to `request`, which must be well-formed. ERR_MALFORMED if it cannot be the answer to it:
 * another function code, another byte count, another echo. An exception response is ERR_OK.
 */
MUST_USE enum err pdu_response_decode(struct bytes pdu, const struct pdu_request *request,
                                      struct pdu_response *response);

/* Writes the response to `request`: what was read comes from `response`, what is echoed from `request`. */
void pdu_response_encode(struct wire_writer *writer, const struct pdu_request *request,
                         const struct pdu_response *response);

/* Writes the exception response to any function code, known or not. */
void pdu_exception_encode(struct wire_writer *writer, uint8_t function, enum modbus_exception exception);

/* Item `index` of packed data; the caller keeps within it (index < quantity decoded). */
bool pdu_bit(struct bytes data, size_t index);
uint16_t pdu_register(struct bytes data, size_t index);

/* Bytes that `quantity` packed bits take. */
size_t pdu_bits_size(size_t quantity);

/* A sub-request of 14 or 15. */
struct pdu_file_record {
    uint8_t reference_type; /* 6 */
    uint16_t file;          /* from 1 on */
    uint16_t record;        /* 0 … 9999 */
    uint16_t length;        /* registers, at least 1 */
    struct bytes data;      /* 15 only: what is written */
};

/* The next sub-request in the data of a request with this function code, 14 or 15. False at the end. */
bool pdu_next_file_record(uint8_t function, struct wire_reader *records, struct pdu_file_record *record);

/* The registers of the next record in the data of a 14 response. False at the end. */
bool pdu_next_record_read(struct wire_reader *answers, struct bytes *registers);

/* The next object of a 2B/0E response's data. False at the end. */
bool pdu_next_object(struct wire_reader *objects, uint8_t *id, struct bytes *value);

#endif
