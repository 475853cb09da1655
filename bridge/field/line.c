#include "field/line.h"

enum {
    SILENCE_FAST_BAUD = 19200, /* above it the silence no longer shrinks */
    SILENCE_FAST_US = 1750,
    REQUEST_CHARACTERS = 8,       /* unit, function, address, quantity, CRC */
    ANSWER_CHARACTERS_AROUND = 5, /* unit, function, byte count, CRC */
};

static int64_t characters_us(const struct link_url *url, int64_t characters)
{
    int64_t bits = characters * link_url_character_bits(url);
    return (bits * 1000000 + url->baud - 1) / url->baud;
}

int64_t line_silence_us(const struct link_url *url)
{
    return url->baud > SILENCE_FAST_BAUD ? SILENCE_FAST_US : (characters_us(url, 7) + 1) / 2;
}

static int64_t data_bytes(const struct plan_block *block)
{
    return plan_table_is_bits(block->table) ? (block->quantity + 7) / 8 : 2 * block->quantity;
}

int64_t line_request_us(const struct link_url *url, int64_t latency_us, const struct plan_block *block)
{
    if (url->scheme == LINK_TCP) {
        return latency_us;
    }
    int64_t characters = REQUEST_CHARACTERS + ANSWER_CHARACTERS_AROUND + data_bytes(block);
    return characters_us(url, characters) + 2 * line_silence_us(url) + latency_us;
}
