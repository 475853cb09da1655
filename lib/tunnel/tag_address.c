#include "tunnel/tag_address.h"

#include <string.h>

enum { SHORT_DIGITS = 5, LONG_DIGITS = 6, ADDRESSES = 65536 };

/* TABLE_NONE for a digit that names no table. */
static enum table table_of_digit(char digit)
{
    switch (digit) {
    case '0':
        return TABLE_COIL;
    case '1':
        return TABLE_DISCRETE;
    case '3':
        return TABLE_INPUT;
    case '4':
        return TABLE_HOLDING;
    default:
        return TABLE_NONE;
    }
}

enum err tag_address_parse(const char *reference, struct tag_address *address, struct err_text *why)
{
    size_t size = strlen(reference);
    if ((size != SHORT_DIGITS && size != LONG_DIGITS) || strspn(reference, "0123456789") != size) {
        return err_set(why, ERR_CONFIG, "'%s' is not a Modicon reference of 5 or 6 digits", reference);
    }
    address->table = table_of_digit(reference[0]);
    if (address->table == TABLE_NONE) {
        return err_set(why, ERR_CONFIG,
                       "'%s' begins with none of 0 (coil), 1 (discrete), 3 (input), 4 (holding)", reference);
    }
    uint32_t number = 0;
    for (const char *digit = reference + 1; *digit; digit++) {
        number = number * 10 + (uint32_t)(*digit - '0');
    }
    if (number == 0 || number > ADDRESSES) {
        return err_set(why, ERR_CONFIG, "'%s' is outside 1 to 65536 of its table", reference);
    }
    address->address = (uint16_t)(number - 1);
    return ERR_OK;
}
