#include "gateway/audit_record.h"

#include "base/clock.h"
#include "base/json.h"
#include "gateway/audit_chain.h"
#include "gateway/policy_guard.h"

#include <string.h>

enum { ROOM = AUDIT_LINE_MAX - 512 }; /* the chain's own members need the rest */

static bool is_coils(uint8_t function)
{
    return policy_guard_reads_with(function) == MODBUS_READ_COILS;
}

static void write_span(struct json *json, const char *key, struct pdu_span span)
{
    if (span.quantity > 0) {
        json_array(json, key);
        json_u64(json, NULL, span.address);
        json_u64(json, NULL, span.quantity);
        json_array_end(json);
    }
}

static bool is_whole(const struct pdu_request *request, struct bytes packed)
{
    size_t count = request->write.quantity;
    return packed.size >= (is_coils(request->function) ? pdu_bits_size(count) : 2 * count);
}

static void write_old(struct json *json, const struct audit_record *record)
{
    const struct pdu_request *request = record->request;
    if (record->old.size == 0 || !is_whole(request, record->old)) {
        json_null(json, "old");
        return;
    }
    json_array(json, "old");
    for (size_t i = 0; i < request->write.quantity; i++) {
        json_u64(json, NULL,
                 is_coils(request->function) ? pdu_bit(record->old, i) : pdu_register(record->old, i));
    }
    json_array_end(json);
}

static void write_new(struct json *json, const struct audit_record *record)
{
    const struct pdu_request *request = record->request;
    bool mask = request->function == MODBUS_MASK_WRITE_REGISTER;
    if (mask) {
        json_u64(json, "and_mask", request->and_mask);
        json_u64(json, "or_mask", request->or_mask);
    }
    if (mask && !is_whole(request, record->old)) {
        json_null(json, "new");
        return;
    }
    json_array(json, "new");
    for (size_t i = 0; i < request->write.quantity; i++) {
        uint16_t old = mask ? pdu_register(record->old, i) : 0;
        json_u64(json, NULL, policy_guard_new_value(request, i, old));
    }
    json_array_end(json);
}

static void write_request(struct json *json, const struct audit_record *record, bool values)
{
    json_u64(json, "unit", record->unit);
    json_u64(json, "function", record->request->function);
    write_span(json, "read", record->request->read);
    write_span(json, "write", record->request->write);
    if (!record->has_values || policy_guard_reads_with(record->request->function) == 0) {
        return;
    }
    if (!values) {
        json_bool(json, "values_left_out", true);
        return;
    }
    write_old(json, record);
    write_new(json, record);
}

static void write_who(struct json *json, const struct audit_record *record)
{
    if (record->session > 0) {
        json_u64(json, "session", record->session);
    }
    if (record->peer) {
        json_string(json, "peer", record->peer);
    }
    if (record->certificate) {
        json_string(json, "subject", record->certificate->subject);
        json_string(json, "serial", record->certificate->serial);
        json_string(json, "role", record->role);
    }
}

static void write_all(struct json *json, const struct audit_record *record, bool values)
{
    char time[CLOCK_TEXT_MAX];
    json_object(json, NULL);
    json_string(json, "time", clock_format(record->time_us, time));
    json_string(json, "event", record->event);
    write_who(json, record);
    if (record->request) {
        write_request(json, record, values);
    }
    const struct {
        const char *key, *text;
    } texts[] = {{"rule", record->rule}, {"result", record->result}, {"reason", record->reason}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].text) {
            json_string(json, texts[i].key, texts[i].text);
        }
    }
    if (record->has_counts) {
        json_u64(json, "reads", record->reads);
        json_u64(json, "writes", record->writes);
        json_u64(json, "denied", record->denied);
    }
    if (record->count > 0) {
        json_u64(json, "count", record->count);
    }
    json_object_end(json);
}

enum err audit_record_write(const struct audit_record *record, struct buffer *out)
{
    struct buffer text;
    enum err result = ERR_LIMIT;
    for (int values = 1; values >= 0 && result == ERR_LIMIT; values--) {
        buffer_init(&text, ROOM);
        struct json json = json_start(&text);
        write_all(&json, record, values == 1);
        result = json_finish(&json);
        if (result == ERR_OK) {
            struct bytes bytes = buffer_bytes(&text); /* without the braces */
            result = buffer_append(out, bytes.data + 1, bytes.size - 2);
        }
        buffer_fini(&text);
    }
    return result;
}
