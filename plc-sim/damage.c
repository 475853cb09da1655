#include "damage.h"

#include "generator.h"
#include "rtu.h"

/* Places in the MBAP header. */
enum { TRANSACTION_AT = 0, PROTOCOL_AT = 2, LENGTH_AT = 4, UNIT_AT = 6 };

static void put_u16(uint8_t *at, int64_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static size_t truncate_frame(const struct fault_effect *effect, uint64_t *random, uint8_t *frame, size_t size)
{
    (void)random;
    (void)frame;
    return effect->bytes < (int64_t)size ? (size_t)effect->bytes : size;
}

static size_t replace_by_garbage(const struct fault_effect *effect, uint64_t *random, uint8_t *frame,
                                 size_t size)
{
    size = effect->bytes < MBAP_ADU_MAX ? (size_t)effect->bytes : MBAP_ADU_MAX;
    for (size_t i = 0; i < size; i++) {
        frame[i] = (uint8_t)generator_next(random);
    }
    return size;
}

static size_t change_transaction(const struct fault_effect *effect, uint64_t *random, uint8_t *frame,
                                 size_t size)
{
    (void)random;
    int64_t transaction = frame[TRANSACTION_AT] << 8 | frame[TRANSACTION_AT + 1];
    put_u16(frame + TRANSACTION_AT, transaction + effect->value);
    return size;
}

static size_t change_unit(const struct fault_effect *effect, uint64_t *random, uint8_t *frame, size_t size)
{
    (void)random;
    frame[UNIT_AT] = (uint8_t)(frame[UNIT_AT] + effect->value);
    return size;
}

static size_t change_protocol(const struct fault_effect *effect, uint64_t *random, uint8_t *frame,
                              size_t size)
{
    (void)random;
    put_u16(frame + PROTOCOL_AT, effect->value);
    return size;
}

static size_t change_length(const struct fault_effect *effect, uint64_t *random, uint8_t *frame, size_t size)
{
    (void)random;
    put_u16(frame + LENGTH_AT, effect->value);
    return size;
}

/* The unit is another and the frame is sound. */
static size_t change_serial_unit(const struct fault_effect *effect, uint64_t *random, uint8_t *frame,
                                 size_t size)
{
    (void)random;
    frame[0] = (uint8_t)(frame[0] + effect->value);
    uint16_t crc = rtu_crc(frame, size - RTU_CRC_SIZE);
    frame[size - 2] = (uint8_t)crc;
    frame[size - 1] = (uint8_t)(crc >> 8);
    return size;
}

static size_t change_crc(const struct fault_effect *effect, uint64_t *random, uint8_t *frame, size_t size)
{
    (void)random;
    frame[size - 1] = (uint8_t)(frame[size - 1] ^ effect->value);
    return size;
}

/* Nothing happens to the frame itself. */
static size_t leave(const struct fault_effect *effect, uint64_t *random, uint8_t *frame, size_t size)
{
    (void)effect;
    (void)random;
    (void)frame;
    return size;
}

typedef size_t damage(const struct fault_effect *effect, uint64_t *random, uint8_t *frame, size_t size);

static damage *const tcp_damages[FAULT_KINDS] = {
    [FAULT_TRUNCATE] = truncate_frame,
    [FAULT_GARBAGE] = replace_by_garbage,
    [FAULT_WRONG_TRANSACTION] = change_transaction,
    [FAULT_WRONG_UNIT] = change_unit,
    [FAULT_WRONG_PROTOCOL] = change_protocol,
    [FAULT_WRONG_LENGTH] = change_length,
    [FAULT_FLOOD] = leave,
};

static damage *const serial_damages[FAULT_KINDS] = {
    [FAULT_TRUNCATE] = truncate_frame,
    [FAULT_GARBAGE] = replace_by_garbage,
    [FAULT_WRONG_UNIT] = change_serial_unit,
    [FAULT_WRONG_CRC] = change_crc,
    [FAULT_FLOOD] = leave,
};

static damage *find_damage(enum fault_kind kind, bool serial)
{
    return serial ? serial_damages[kind] : tcp_damages[kind];
}

bool damage_exists(enum fault_kind kind, bool serial)
{
    return find_damage(kind, serial) != NULL;
}

size_t damage_apply(const struct fault_effect *effect, bool serial, uint64_t *random, uint8_t *frame,
                    size_t size)
{
    damage *apply = find_damage(effect->damage, serial);
    return apply ? apply(effect, random, frame, size) : size;
}
