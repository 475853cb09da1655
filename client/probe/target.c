#include "probe/target.h"

#include "base/argument_value.h"
#include "tunnel/tag_address.h"
#include "tunnel/tag_words.h"

#include <string.h>

bool target_is_bits(enum table table)
{
    return table == TABLE_COIL || table == TABLE_DISCRETE;
}

static enum err parse_table(const char *const *words, size_t count, struct plc_span *span,
                            struct err_text *why)
{
    uint64_t address;
    const struct option_choice *table = tag_word_find(tag_tables, words[0]);
    if (!table || table->value == TABLE_NONE) {
        return err_set(why, ERR_CONFIG,
                       "\"%s\" is no table (coil, discrete, input, holding) and no reference such as 40101",
                       words[0]);
    }
    if (count < 2) {
        return err_set(why, ERR_CONFIG, "%s: which address? The first is 0", words[0]);
    }
    if (!argument_count(words[1], 0, PDU_ADDRESSES - 1, &address)) {
        return err_set(why, ERR_CONFIG, "\"%s\" is no address: they are 0 to 65535, as on the wire",
                       words[1]);
    }
    span->table = (enum table)table->value;
    span->address = (uint16_t)address;
    return ERR_OK;
}

static enum err parse_reference(const char *word, struct plc_span *span, struct err_text *why)
{
    struct tag_address address;
    enum err result = tag_address_parse(word, &address, why);
    if (result == ERR_OK) {
        span->table = address.table;
        span->address = address.address;
    }
    return result;
}

enum err target_parse_span(const char *const *words, size_t count, struct plc_span *span,
                           struct err_text *why)
{
    if (count == 0) {
        return err_set(why, ERR_CONFIG, "which items? For example: holding 0 10");
    }
    bool reference = words[0][0] >= '0' && words[0][0] <= '9';
    size_t used = reference ? 1 : 2;
    uint64_t quantity = 0;
    enum err result = reference ? parse_reference(words[0], span, why) : parse_table(words, count, span, why);
    if (result != ERR_OK) {
        return result;
    }
    if (count > used + 1) {
        return err_set(why, ERR_CONFIG, "\"%s\" is one word too many", words[used + 1]);
    }
    uint64_t most = (uint64_t)PDU_ADDRESSES - span->address;
    if (count == used + 1 && !argument_count(words[used], 1, most, &quantity)) {
        return err_set(why, ERR_CONFIG, "\"%s\" is no quantity: from address %u on there are 1 to %u",
                       words[used], span->address, (unsigned)most);
    }
    span->quantity = (uint32_t)quantity;
    return ERR_OK;
}

static enum err parse_order(const char *letters, struct probe_view *view, struct err_text *why)
{
    size_t words = value_type_words(view->type);
    for (uint8_t order = 0; order <= TAG_ORDER_BITS; order++) {
        bool one_register = words <= 1; /* a string swaps the bytes of each */
        bool possible = !one_register || !(order & ORDER_WORDS_SWAPPED);
        if (possible && strcmp(letters, tag_order_letters(order, words ? words : 1)) == 0) {
            view->ordered = true;
            view->order = order;
            return ERR_OK;
        }
    }
    static const char *const orders[] = {"AB or BA", "AB or BA", "ABCD, CDAB, BADC or DCBA", "",
                                         "ABCDEFGH, GHEFCDAB, BADCFEHG or HGFEDCBA"};
    return err_set(why, ERR_CONFIG, "\"%s\" is no order of %s: it has %s", letters,
                   tag_word_name(tag_types, (int)view->type), orders[words]);
}

enum err target_parse_view(const char *text, struct probe_view *view, struct err_text *why)
{
    *view = (struct probe_view){.raw = !text};
    if (!text) {
        return ERR_OK;
    }
    const char *colon = strchr(text, ':');
    size_t size = colon ? (size_t)(colon - text) : strlen(text);
    char name[16] = "";
    if (size < sizeof name) {
        memcpy(name, text, size);
    }
    const struct option_choice *type = tag_word_find(tag_types, name);
    if (!type) {
        return err_set(why, ERR_CONFIG,
                       "\"%.*s\" is no type: int16, uint16, int32, uint32, int64, uint64, float32, float64, "
                       "bcd16, bcd32, string or bool",
                       (int)size, text);
    }
    view->type = (enum value_type)type->value;
    if (colon) {
        return parse_order(colon + 1, view, why);
    }
    view->ordered = value_type_words(view->type) <= 1;
    return ERR_OK;
}

enum err target_fit(const struct probe_view *view, struct plc_span *span, struct err_text *why)
{
    uint32_t words = view->raw ? 1 : value_type_words(view->type);
    if (target_is_bits(span->table) && !view->raw && view->type != VALUE_BOOL) {
        return err_set(why, ERR_CONFIG, "%s items are bits: they can only be shown as bool",
                       tag_word_name(tag_tables, (int)span->table));
    }
    if (!target_is_bits(span->table) && !view->raw && view->type == VALUE_BOOL) {
        return err_set(why, ERR_CONFIG, "registers are no bools: leave --as out to see them in hexadecimal");
    }
    words = words ? words : 1;
    span->quantity = span->quantity ? span->quantity : words;
    if (span->quantity < words || span->address + span->quantity > PDU_ADDRESSES) {
        return err_set(why, ERR_CONFIG, "a %s takes %u registers", tag_word_name(tag_types, (int)view->type),
                       words);
    }
    if (!view->raw && view->type == VALUE_STRING && span->quantity > READING_WORDS_MAX) {
        return err_set(why, ERR_CONFIG, "a string has at most %d registers", READING_WORDS_MAX);
    }
    return ERR_OK;
}
