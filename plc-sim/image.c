#include "image.h"

#include "points.h"

#include <stdlib.h>

const char *image_table_name(enum image_table table)
{
    static const char *const names[] = {"coil", "discrete", "holding", "input"};
    return table < IMAGE_TABLES ? names[table] : "none";
}

bool image_table_has_bits(enum image_table table)
{
    return table == IMAGE_COIL || table == IMAGE_DISCRETE;
}

enum image_table image_table_of(uint8_t function)
{
    switch (function) {
    case MODBUS_READ_COILS:
    case MODBUS_WRITE_SINGLE_COIL:
    case MODBUS_WRITE_MULTIPLE_COILS:
        return IMAGE_COIL;
    case MODBUS_READ_DISCRETE_INPUTS:
        return IMAGE_DISCRETE;
    case MODBUS_READ_HOLDING_REGISTERS:
    case MODBUS_WRITE_SINGLE_REGISTER:
    case MODBUS_WRITE_MULTIPLE_REGISTERS:
    case MODBUS_MASK_WRITE_REGISTER:
    case MODBUS_READ_WRITE_MULTIPLE_REGISTERS:
        return IMAGE_HOLDING;
    case MODBUS_READ_INPUT_REGISTERS:
        return IMAGE_INPUT;
    default:
        return IMAGE_TABLES;
    }
}

enum err image_init(struct image *image, size_t vessels)
{
    *image = (struct image){
        .vessels = vessels,
        .registers = vessels * POINTS_REGISTERS,
        .bits = vessels * POINTS_BITS,
    };
    for (size_t i = 0; i < 2; i++) {
        image->words[i] = calloc(image->registers, sizeof *image->words[i]);
        image->flags[i] = calloc(image->bits, sizeof *image->flags[i]);
        if (!image->words[i] || !image->flags[i]) {
            image_fini(image);
            return ERR_NO_MEMORY;
        }
    }
    return ERR_OK;
}

void image_fini(struct image *image)
{
    for (size_t i = 0; i < 2; i++) {
        free(image->words[i]);
        free(image->flags[i]);
    }
    *image = (struct image){0};
}

uint16_t *image_words(const struct image *image, enum image_table table)
{
    return image->words[table == IMAGE_HOLDING ? 0 : 1];
}

uint8_t *image_flags(const struct image *image, enum image_table table)
{
    return image->flags[table == IMAGE_COIL ? 0 : 1];
}

uint16_t image_word(const struct image *image, enum image_table table, uint16_t address)
{
    return image_table_has_bits(table) ? image_flags(image, table)[address]
                                       : image_words(image, table)[address];
}

static bool writable(enum image_table table, size_t address)
{
    return (table == IMAGE_HOLDING && points_register_is_writable(address % POINTS_REGISTERS)) ||
           (table == IMAGE_COIL && points_bit_is_writable(address % POINTS_BITS));
}

bool image_allows(const struct image *image, struct image_span span, bool write)
{
    size_t end = (size_t)span.address + span.quantity;
    if (span.table >= IMAGE_TABLES ||
        end > (image_table_has_bits(span.table) ? image->bits : image->registers)) {
        return false;
    }
    for (size_t address = span.address; write && address < end; address++) {
        if (!writable(span.table, address)) {
            return false;
        }
    }
    return true;
}

static bool is_frozen(const struct image_span *frozen, size_t count, enum image_table table, size_t address)
{
    for (size_t i = 0; i < count; i++) {
        if (frozen[i].table == table && address - frozen[i].address < frozen[i].quantity) {
            return true;
        }
    }
    return false;
}

static void copy_block(struct image *image, size_t vessel, const uint16_t *words, const uint8_t *flags,
                       const struct image_span *frozen, size_t frozen_count)
{
    static const enum image_table word_tables[] = {IMAGE_HOLDING, IMAGE_INPUT};
    static const enum image_table flag_tables[] = {IMAGE_COIL, IMAGE_DISCRETE};
    for (size_t t = 0; t < 2; t++) {
        for (size_t i = 0; i < POINTS_REGISTERS; i++) {
            size_t address = vessel * POINTS_REGISTERS + i;
            if (!is_frozen(frozen, frozen_count, word_tables[t], address)) {
                image->words[t][address] = words[i];
            }
        }
        for (size_t i = 0; i < POINTS_BITS; i++) {
            size_t address = vessel * POINTS_BITS + i;
            if (!is_frozen(frozen, frozen_count, flag_tables[t], address)) {
                image->flags[t][address] = flags[i];
            }
        }
    }
}

void image_refresh(struct image *image, const struct process *process, const struct image_span *frozen,
                   size_t frozen_count)
{
    for (size_t i = 0; i < image->vessels; i++) {
        uint16_t words[POINTS_REGISTERS] = {0};
        uint8_t flags[POINTS_BITS] = {0};
        points_fill(&process->vessels[i], words, flags);
        copy_block(image, i, words, flags, frozen, frozen_count);
    }
}

void image_absorb(const struct image *image, struct image_span span, struct process *process)
{
    for (size_t i = 0; i < span.quantity; i++) {
        size_t address = (size_t)span.address + i;
        uint16_t word = image_word(image, span.table, (uint16_t)address);
        if (span.table == IMAGE_HOLDING) {
            struct vessel *vessel = &process->vessels[address / POINTS_REGISTERS];
            points_write_register(vessel, address % POINTS_REGISTERS, word);
        } else {
            points_write_bit(&process->vessels[address / POINTS_BITS], address % POINTS_BITS, word != 0);
        }
    }
}
