#include "field/line.h"

enum {
    REQUEST_CHARACTERS = 8,       /* unit, function, address, quantity, CRC */
    ANSWER_CHARACTERS_AROUND = 5, /* unit, function, byte count, CRC */
};

static int64_t data_bytes(const struct plan_block *block)
{
    return plan_table_is_bits(block->table) ? (block->quantity + 7) / 8 : 2 * block->quantity;
}

int64_t line_request_us(const struct link_url *url, int64_t latency_us, const struct plan_block *block)
{
    if (url->scheme != LINK_RTU) {
        return latency_us;
    }
    int64_t characters = REQUEST_CHARACTERS + ANSWER_CHARACTERS_AROUND + data_bytes(block);
    return link_url_characters_us(url, characters) + 2 * link_url_silence_us(url) + latency_us;
}
