/*
 * What the tools make of a PLC's bytes: who it says it is stays within its room and harmless for a terminal,
 * and guessing the order of any registers ends with a sentence.
 */
#include "probe/guess.h"
#include "scan/identify.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 128 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_identification(const uint8_t *data, size_t size)
{
    char device[SURVEY_DEVICE_MAX] = "";
    for (int i = 0; i < 3; i++) {
        identify_append((struct bytes){.data = data, .size = size}, device);
    }
    check(memchr(device, '\0', sizeof device) != NULL);
    for (const char *at = device; *at; at++) {
        check((unsigned char)*at >= ' ' && *at != 0x7f);
    }
}

static void check_guess(const uint8_t *data, size_t size)
{
    uint16_t words[WORDS_MAX];
    size_t count = 0;
    for (; count < WORDS_MAX && 2 * count + 1 < size; count++) {
        words[count] = (uint16_t)(data[2 * count] << 8 | data[2 * count + 1]);
    }
    for (int type = VALUE_BOOL; type < VALUE_STRING; type++) {
        if (guess_is_possible((enum value_type)type)) {
            char text[GUESS_TEXT_MAX] = "";
            struct guess guess = guess_order((enum value_type)type, words, count);
            check(guess.order < GUESS_ORDERS && guess.values <= count);
            check(strlen(guess_text(&guess, text)) > 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_identification(data, size);
    check_guess(data, size);
    return 0;
}
