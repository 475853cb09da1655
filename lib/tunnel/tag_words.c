#include "tunnel/tag_words.h"

#include <string.h>

const struct option_choice tag_tables[] = {
    {"by-reference", TABLE_NONE}, {"coil", TABLE_COIL},       {"discrete", TABLE_DISCRETE},
    {"input", TABLE_INPUT},       {"holding", TABLE_HOLDING}, {NULL, 0},
};

const struct option_choice tag_types[] = {
    {"bool", VALUE_BOOL},
    {"int16", VALUE_INT16},
    {"uint16", VALUE_UINT16},
    {"int32", VALUE_INT32},
    {"uint32", VALUE_UINT32},
    {"int64", VALUE_INT64},
    {"uint64", VALUE_UINT64},
    {"float32", VALUE_FLOAT32},
    {"float64", VALUE_FLOAT64},
    {"bcd16", VALUE_BCD16},
    {"bcd32", VALUE_BCD32},
    {"string", VALUE_STRING},
    {NULL, 0},
};

const struct option_choice tag_word_orders[] = {
    {"big", 0},
    {"little", ORDER_WORDS_SWAPPED},
    {"ABCD", TAG_ORDER_4_LETTERS},
    {"CDAB", TAG_ORDER_4_LETTERS | ORDER_WORDS_SWAPPED},
    {"BADC", TAG_ORDER_4_LETTERS | ORDER_BYTES_SWAPPED},
    {"DCBA", TAG_ORDER_4_LETTERS | ORDER_WORDS_SWAPPED | ORDER_BYTES_SWAPPED},
    {"ABCDEFGH", TAG_ORDER_8_LETTERS},
    {"GHEFCDAB", TAG_ORDER_8_LETTERS | ORDER_WORDS_SWAPPED},
    {"BADCFEHG", TAG_ORDER_8_LETTERS | ORDER_BYTES_SWAPPED},
    {"HGFEDCBA", TAG_ORDER_8_LETTERS | ORDER_WORDS_SWAPPED | ORDER_BYTES_SWAPPED},
    {NULL, 0},
};

const struct option_choice *tag_word_find(const struct option_choice *choices, const char *name)
{
    while (choices->name && strcmp(choices->name, name) != 0) {
        choices++;
    }
    return choices->name ? choices : NULL;
}

const char *tag_word_name(const struct option_choice *choices, int value)
{
    while (choices->name && choices->value != value) {
        choices++;
    }
    return choices->name ? choices->name : "?";
}

const char *tag_order_letters(uint8_t order, size_t words)
{
    if (words == 1) {
        return order & ORDER_BYTES_SWAPPED ? "BA" : "AB";
    }
    int letters = words == 4 ? TAG_ORDER_8_LETTERS : TAG_ORDER_4_LETTERS;
    return tag_word_name(tag_word_orders, letters | (order & TAG_ORDER_BITS));
}
