#include "plc/plc.h"

#include "base/array.h"
#include "net/tls.h"
#include "tunnel/tag_words.h"

#include <stdio.h>

/* `*context` is NULL where the url wants none. */
static enum err make_context(const struct link_url *url, const struct plc_tls *tls,
                             struct tls_context **context, struct err_text *why)
{
    *context = NULL;
    if (url->scheme != LINK_TLS) {
        return ERR_OK;
    }
    if (!tls->certificate || !tls->key || (!tls->ca && !tls->pin)) {
        return err_set(why, ERR_CONFIG,
                       "a URL of tls:// needs --certificate and --key, and --ca or --pin to know the PLC by");
    }
    const struct tls_options options = {
        .side = TLS_CLIENT,
        .profile = TLS_PROFILE_MBAPS_V36,
        .ca = tls->ca,
        .certificate = tls->certificate,
        .key = tls->key,
        .pin = tls->pin,
    };
    return tls_context_new(&options, context, why);
}

enum err plc_open(struct plc *plc, const char *url, const struct plc_tls *tls, int64_t timeout_us,
                  struct err_text *why)
{
    *plc = (struct plc){.name = url, .timeout_us = timeout_us};
    enum err result = link_url_parse(url, &plc->url, why);
    if (result != ERR_OK) {
        return result;
    }
    struct tls_context *context;
    result = make_context(&plc->url, tls, &context, why);
    if (result != ERR_OK) {
        return result;
    }
    const struct link_setup setup = {
        .url = plc->url,
        .response_timeout_us = timeout_us,
        .connect_timeout_us = timeout_us,
        .counters = plc->counters,
        .tls = context,
    };
    result = link_new(&setup, &plc->link, why);
    tls_context_unref(context); /* the link has its own reference */
    return result;
}

void plc_close(struct plc *plc)
{
    link_free(plc->link);
    plc->link = NULL;
}

bool plc_unit_is_possible(const struct plc *plc, uint64_t unit)
{
    bool serial = plc->url.scheme == LINK_RTU;
    return serial ? unit >= 1 && unit <= PLC_UNIT_SERIAL_MAX : unit <= UINT8_MAX;
}

static bool is_bits(enum table table)
{
    return table == TABLE_COIL || table == TABLE_DISCRETE;
}

uint16_t plc_read_max(enum table table)
{
    return is_bits(table) ? PDU_READ_BITS_MAX : PDU_READ_REGISTERS_MAX;
}

/* ---- in plain words ---- */

static const char *next_after_exception(uint8_t exception)
{
    static const char *const nexts[] = {
        [MODBUS_ILLEGAL_FUNCTION] = "The device does not serve this table: try another one.",
        [MODBUS_ILLEGAL_DATA_ADDRESS] =
            "Not all of these exist there: ask for fewer, mind that data sheets count from 1 (40101 is "
            "holding 100), or let \"bourdon scan\" find what can be read.",
        [MODBUS_ILLEGAL_DATA_VALUE] = "Many devices give only a few items at once: ask for fewer.",
        [MODBUS_SERVER_DEVICE_FAILURE] = "The device could not read them itself: look at the device.",
        [MODBUS_ACKNOWLEDGE] = "The device is busy with it: try again later.",
        [MODBUS_SERVER_DEVICE_BUSY] = "The device is busy: ask less often.",
        [MODBUS_GATEWAY_PATH_UNAVAILABLE] = "The gateway knows no way to this unit: is the unit right?",
        [MODBUS_GATEWAY_TARGET_FAILED] =
            "The gateway is there, but the unit behind it is silent: is the unit right, and is it on?",
    };
    const char *next = exception < ARRAY_LENGTH(nexts) ? nexts[exception] : NULL;
    return next ? next : "What this code means is in the device's manual.";
}

static const char *next_after_connect(const struct plc *plc, enum err result)
{
    if (plc->url.scheme == LINK_RTU) {
        return "Does the line exist, may you open it (group dialout), and does nobody else use it?";
    }
    if (result == ERR_REFUSED) {
        return "Nothing listens at that port, or the network refuses it: is the port right (Modbus TCP has "
               "502) and is Modbus switched on in the device?";
    }
    if (result == ERR_TIMEOUT) {
        return "Nobody answers at that address: is it right, is the device on, is there a firewall between?";
    }
    if (result == ERR_NOT_FOUND) {
        return "Is the name spelled right? An address will do, too.";
    }
    return "Is the network between here and there up?";
}

static void explain_silence(const struct plc *plc, uint8_t unit, enum link_outcome outcome,
                            struct plc_answer *answer)
{
    bool serial = plc->url.scheme == LINK_RTU;
    switch (outcome) {
    case LINK_ANSWERED:
    case LINK_TIMED_OUT:
        (void)err_set(&answer->why, ERR_TIMEOUT, "unit %u did not answer within %g s", unit,
                      (double)plc->timeout_us / 1e6);
        answer->next =
            serial ? "Are speed, parity and unit right (\"bourdon scan\" finds units)? Slow devices "
                     "need a longer --timeout."
                   : "Is the unit right (\"bourdon scan\" finds those that answer)? Slow devices need "
                     "a longer --timeout.";
        break;
    case LINK_LOST:
    case LINK_INTERRUPTED:
        (void)err_set(&answer->why, ERR_CLOSED, "the connection ended while unit %u was asked", unit);
        answer->next = serial ? "Is the adapter still plugged in?"
                              : "Some devices take few connections, or hang up on units they do not have.";
        break;
    case LINK_BROKE_PROTOCOL:
        (void)err_set(&answer->why, ERR_MALFORMED, "what came back from unit %u is no answer in Modbus",
                      unit);
        answer->next = serial ? "Are speed and parity right, and is only one device of that unit on the line?"
                              : "Is that a Modbus TCP port? A plain serial server passes on RTU, which is "
                                "another protocol.";
        break;
    }
}

static void explain_exception(uint8_t unit, struct plc_answer *answer)
{
    (void)err_set(&answer->why, ERR_REFUSED, "unit %u says: %s (exception %02x)", unit,
                  modbus_exception_text((enum modbus_exception)answer->exception), answer->exception);
    answer->next = next_after_exception(answer->exception);
}

/* ---- asking ---- */

bool plc_ask(struct plc *plc, uint8_t unit, const struct pdu_request *request, struct plc_answer *answer)
{
    *answer = (struct plc_answer){.result = PLC_UNREACHABLE, .next = ""};
    if (!plc->link->connected) {
        enum err result = link_connect(plc->link, &answer->why);
        if (result != ERR_OK) {
            answer->next = next_after_connect(plc, result);
            return false;
        }
    }
    struct link_exchange exchange = {.unit = unit, .request = request};
    enum link_outcome outcome = link_exchange(plc->link, &exchange);
    answer->request_us = exchange.request_us;
    answer->response_us = exchange.response_us;
    if (outcome != LINK_ANSWERED) {
        answer->result = PLC_SILENT;
        explain_silence(plc, unit, outcome, answer);
        return false;
    }
    answer->response = exchange.response;
    answer->exception = exchange.response.exception;
    answer->result = answer->exception ? PLC_EXCEPTION : PLC_ANSWERED;
    if (answer->exception) {
        explain_exception(unit, answer);
    }
    return true;
}

static uint8_t function_of(enum table table)
{
    static const uint8_t functions[] = {
        [TABLE_COIL] = MODBUS_READ_COILS,
        [TABLE_DISCRETE] = MODBUS_READ_DISCRETE_INPUTS,
        [TABLE_INPUT] = MODBUS_READ_INPUT_REGISTERS,
        [TABLE_HOLDING] = MODBUS_READ_HOLDING_REGISTERS,
    };
    return functions[table];
}

bool plc_read(struct plc *plc, const struct plc_span *span, struct plc_answer *answer)
{
    const struct pdu_request request = {
        .function = function_of(span->table),
        .read = {.address = span->address, .quantity = (uint16_t)span->quantity},
    };
    if (plc_ask(plc, span->unit, &request, answer) && answer->result == PLC_ANSWERED) {
        return true;
    }
    uint32_t last = span->address + span->quantity - 1;
    if (answer->result != PLC_UNREACHABLE) {
        (void)err_prefix(&answer->why, ERR_REFUSED, "%s %u to %u",
                         tag_word_name(tag_tables, (int)span->table), span->address, last);
    }
    return false;
}

bool plc_read_words(struct plc *plc, const struct plc_span *span, uint16_t *words, struct plc_answer *answer)
{
    uint32_t most = plc_read_max(span->table);
    int64_t first_us = 0;
    for (uint32_t done = 0; done < span->quantity; done += most) {
        uint32_t left = span->quantity - done;
        const struct plc_span piece = {
            .unit = span->unit,
            .table = span->table,
            .address = (uint16_t)(span->address + done),
            .quantity = left < most ? left : most,
        };
        if (!plc_read(plc, &piece, answer)) {
            return false;
        }
        first_us = done == 0 ? answer->request_us : first_us;
        for (uint32_t i = 0; i < piece.quantity; i++) {
            words[done + i] = is_bits(span->table) ? pdu_bit(answer->response.data, i)
                                                   : pdu_register(answer->response.data, i);
        }
    }
    answer->request_us = first_us;
    return true;
}
