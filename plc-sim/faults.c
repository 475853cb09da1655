#include "faults.h"

#include "generator.h"

#include <stdlib.h>
#include <string.h>

/* What a kind uses where its options leave it open. */
static const struct {
    uint8_t code;
    int64_t bytes;
    int64_t value;
} usual[FAULT_KINDS] = {
    [FAULT_EXCEPTION] = {.code = MODBUS_SERVER_DEVICE_FAILURE},
    [FAULT_HOLE] = {.code = MODBUS_ILLEGAL_DATA_ADDRESS},
    [FAULT_MAX_READ] = {.code = MODBUS_ILLEGAL_DATA_VALUE},
    [FAULT_TRUNCATE] = {.bytes = 5},
    [FAULT_GARBAGE] = {.bytes = 64},
    [FAULT_FLOOD] = {.bytes = 4096},
    [FAULT_WRONG_TRANSACTION] = {.value = 1},
    [FAULT_WRONG_UNIT] = {.value = 1},
    [FAULT_WRONG_PROTOCOL] = {.value = 7},
    [FAULT_WRONG_LENGTH] = {.value = 65535},
    [FAULT_WRONG_CRC] = {.value = 1},
};

void faults_init(struct faults *faults, uint64_t seed)
{
    *faults = (struct faults){.random = seed};
}

void faults_fini(struct faults *faults)
{
    faults_clear_all(faults);
}

static void fill_in_the_usual(struct fault_options *options)
{
    if (options->code == 0) {
        options->code = usual[options->kind].code;
    }
    if (options->bytes < 0) {
        options->bytes = usual[options->kind].bytes;
    }
    if (options->value < 0) {
        options->value = usual[options->kind].value;
    }
}

enum err faults_add(struct faults *faults, const struct fault_options *options, int64_t now_us, uint32_t *id)
{
    if (faults->count == FAULTS_MAX) {
        return ERR_LIMIT;
    }
    char *endpoint = strdup(options->endpoint ? options->endpoint : "");
    if (!endpoint) {
        return ERR_NO_MEMORY;
    }
    struct fault *fault = &faults->items[faults->count++];
    int64_t from_us = now_us + options->at_us;
    *fault = (struct fault){
        .id = ++faults->last_id,
        .options = *options,
        .from_us = from_us,
        .until_us = options->for_us > 0 ? from_us + options->for_us : INT64_MAX,
    };
    fault->options.endpoint = endpoint;
    fill_in_the_usual(&fault->options);
    if (id) {
        *id = fault->id;
    }
    return ERR_OK;
}

enum err faults_clear(struct faults *faults, uint32_t id)
{
    for (size_t i = 0; i < faults->count; i++) {
        if (faults->items[i].id == id) {
            free(faults->items[i].options.endpoint);
            faults->count--;
            memmove(&faults->items[i], &faults->items[i + 1], (faults->count - i) * sizeof faults->items[0]);
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

void faults_clear_all(struct faults *faults)
{
    for (size_t i = 0; i < faults->count; i++) {
        free(faults->items[i].options.endpoint);
    }
    faults->count = 0;
}

static bool is_active(const struct fault *fault, int64_t now_us)
{
    bool used_up = fault->options.times > 0 && fault->hits >= fault->options.times;
    return now_us >= fault->from_us && now_us < fault->until_us && !used_up;
}

static bool is_at(const struct fault *fault, int64_t now_us, const char *endpoint)
{
    bool here = fault->options.endpoint[0] == '\0' || strcmp(fault->options.endpoint, endpoint) == 0;
    return here && is_active(fault, now_us);
}

static bool concerns_unit(const struct fault *fault, const struct fault_query *query)
{
    return is_at(fault, query->now_us, query->endpoint) &&
           (fault->options.unit < 0 || fault->options.unit == query->unit);
}

static bool names_items(const struct fault_options *options)
{
    return options->table != IMAGE_TABLES || options->address > 0 || options->count > 0;
}

static bool touches(const struct fault_options *options, struct image_span span)
{
    int64_t end = options->count > 0 ? options->address + options->count : PDU_ADDRESSES;
    return span.quantity > 0 && (options->table == IMAGE_TABLES || options->table == (int)span.table) &&
           span.address < end && span.address + span.quantity > options->address;
}

static bool concerns_request(const struct fault *fault, const struct fault_query *query)
{
    const struct fault_options *options = &fault->options;
    bool items = !names_items(options) || touches(options, query->read) || touches(options, query->write);
    bool size = options->kind != FAULT_MAX_READ || query->read.quantity > options->limit;
    return concerns_unit(fault, query) && items && size;
}

static void set_first(enum fault_kind *slot, enum fault_kind kind)
{
    if (*slot == FAULT_NONE) {
        *slot = kind;
    }
}

static void set_damage(struct fault_effect *effect, const struct fault_options *options)
{
    if (effect->damage == FAULT_NONE) {
        effect->damage = (enum fault_kind)options->kind;
        effect->value = options->value;
        effect->bytes = options->bytes;
    }
}

static int64_t drawn_delay_us(struct faults *faults, const struct fault_options *options)
{
    return options->delay_us + (int64_t)((double)options->jitter_us * generator_uniform(&faults->random));
}

static void take_part(struct faults *faults, const struct fault_options *options, struct fault_effect *effect)
{
    switch ((enum fault_kind)options->kind) {
    case FAULT_LATE:
        effect->late = true;
        effect->delay_us += drawn_delay_us(faults, options);
        break;
    case FAULT_DELAY:
        effect->delay_us += drawn_delay_us(faults, options);
        break;
    case FAULT_SILENCE:
    case FAULT_RESET:
    case FAULT_HALF_OPEN:
    case FAULT_HALF_CLOSE:
        set_first(&effect->fate, (enum fault_kind)options->kind);
        break;
    case FAULT_EXCEPTION:
    case FAULT_MAX_READ:
    case FAULT_HOLE:
        effect->exception = effect->exception ? effect->exception : (uint8_t)options->code;
        break;
    case FAULT_DUPLICATE:
        effect->duplicate = true;
        break;
    case FAULT_DRIP:
        effect->drip_us = options->interval_us;
        break;
    case FAULT_TRUNCATE:
    case FAULT_WRONG_TRANSACTION:
    case FAULT_WRONG_UNIT:
    case FAULT_WRONG_PROTOCOL:
    case FAULT_WRONG_LENGTH:
    case FAULT_WRONG_CRC:
    case FAULT_GARBAGE:
    case FAULT_FLOOD:
        set_damage(effect, options);
        break;
    case FAULT_NONE:
    case FAULT_FREEZE:
    case FAULT_REFUSE:
    case FAULT_CONNECTION_LIMIT:
    case FAULT_KINDS:
        break;
    }
}

static bool is_about_requests(int kind)
{
    return kind != FAULT_FREEZE && kind != FAULT_REFUSE && kind != FAULT_CONNECTION_LIMIT;
}

struct fault_effect faults_judge(struct faults *faults, const struct fault_query *query)
{
    struct fault_effect effect = {.fate = FAULT_NONE};
    for (size_t i = 0; i < faults->count; i++) {
        struct fault *fault = &faults->items[i];
        if (!is_about_requests(fault->options.kind) || !concerns_request(fault, query) ||
            generator_uniform(&faults->random) >= fault->options.chance) {
            continue;
        }
        fault->hits++;
        take_part(faults, &fault->options, &effect);
    }
    return effect;
}

static struct image_span span_of(const struct fault_options *options, enum image_table table)
{
    int64_t left = PDU_ADDRESSES - 1 - options->address;
    int64_t quantity = options->count > 0 && options->count < left ? options->count : left;
    return (struct image_span){
        .table = table, .address = (uint16_t)options->address, .quantity = (uint16_t)quantity};
}

size_t faults_frozen(const struct faults *faults, const struct fault_query *query, struct image_span *spans,
                     size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->items[i];
        if (fault->options.kind != FAULT_FREEZE || !concerns_unit(fault, query)) {
            continue;
        }
        for (int table = 0; table < IMAGE_TABLES && count < max; table++) {
            if (fault->options.table == IMAGE_TABLES || fault->options.table == table) {
                spans[count++] = span_of(&fault->options, (enum image_table)table);
            }
        }
    }
    return count;
}

bool faults_refuse(const struct faults *faults, int64_t now_us, const char *endpoint)
{
    for (size_t i = 0; i < faults->count; i++) {
        if (faults->items[i].options.kind == FAULT_REFUSE && is_at(&faults->items[i], now_us, endpoint)) {
            return true;
        }
    }
    return false;
}

size_t faults_connection_limit(const struct faults *faults, int64_t now_us, const char *endpoint)
{
    size_t limit = SIZE_MAX;
    for (size_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->items[i];
        if (fault->options.kind == FAULT_CONNECTION_LIMIT && is_at(fault, now_us, endpoint) &&
            (size_t)fault->options.limit < limit) {
            limit = (size_t)fault->options.limit;
        }
    }
    return limit;
}

static void write_fault(struct json *json, const struct fault *fault, int64_t now_us)
{
    const struct fault_options *options = &fault->options;
    json_object(json, NULL);
    json_u64(json, "id", fault->id);
    json_string(json, "kind", fault_kind_name((enum fault_kind)options->kind));
    json_string(json, "endpoint", options->endpoint[0] ? options->endpoint : "any");
    json_i64(json, "unit", options->unit);
    json_string(json, "table",
                options->table == IMAGE_TABLES ? "any" : image_table_name((enum image_table)options->table));
    json_i64(json, "address", options->address);
    json_i64(json, "count", options->count);
    json_bool(json, "active", is_active(fault, now_us));
    json_i64(json, "hits", fault->hits);
    json_object_end(json);
}

void faults_list(const struct faults *faults, int64_t now_us, struct json *json)
{
    json_array(json, NULL);
    for (size_t i = 0; i < faults->count; i++) {
        write_fault(json, &faults->items[i], now_us);
    }
    json_array_end(json);
}
