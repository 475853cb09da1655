#include "base/array.h"
#include "field/poll_cache.h"
#include "support/suite.h"

enum { AGE_US = 1000 };

static const uint8_t words[] = {0, 1, 0, 2, 0, 3, 0, 4};
static const uint8_t bits[] = {0xa5, 0x01}; /* 1010 0101, 1 */

static struct pdu_request read_of(uint8_t function, uint16_t address, uint16_t quantity)
{
    return (struct pdu_request){.function = function, .read = {address, quantity}};
}

static void fill(struct poll_cache *cache, int64_t time_us)
{
    const struct pdu_request registers = read_of(3, 100, 4);
    const struct pdu_request coils = read_of(1, 100, 9);
    poll_cache_store(cache, 1, &registers, (struct bytes){words, sizeof words}, time_us);
    poll_cache_store(cache, 1, &coils, (struct bytes){bits, sizeof bits}, time_us);
}

START_TEST(a_young_block_answers_what_lies_within_it)
{
    static const struct {
        const char *name;
        uint8_t unit, function;
        uint16_t address, quantity;
        int64_t now_us;
        size_t size;
        uint8_t first;
    } rows[] = {
        {"the block", 1, 3, 100, 4, 6000, 8, 0},
        {"its end", 1, 3, 102, 2, 6000, 4, 0},
        {"one past it", 1, 3, 102, 3, 6000, 0, 0},
        {"one in front of it", 1, 3, 99, 2, 6000, 0, 0},
        {"too old", 1, 3, 100, 4, 6001, 0, 0},
        {"another table", 1, 4, 100, 4, 6000, 0, 0},
        {"another unit", 2, 3, 100, 4, 6000, 0, 0},
        {"bits from the middle", 1, 1, 102, 7, 6000, 1, 0x69},
        {"bits over a byte", 1, 1, 101, 8, 6000, 1, 0xd2},
    };
    struct poll_cache cache;
    poll_cache_init(&cache, AGE_US);
    fill(&cache, 5000);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        uint8_t data[PDU_SIZE_MAX];
        const struct pdu_request request = read_of(rows[i].function, rows[i].address, rows[i].quantity);
        size_t size = poll_cache_find(&cache, rows[i].unit, &request, rows[i].now_us, data);
        ck_assert_msg(size == rows[i].size, "%s: %zu bytes", rows[i].name, size);
        ck_assert_msg(size == 0 || data[0] == rows[i].first, "%s: %02x", rows[i].name, data[0]);
    }
    poll_cache_fini(&cache);
}
END_TEST

START_TEST(a_write_makes_it_forget_the_unit)
{
    struct poll_cache cache;
    uint8_t data[PDU_SIZE_MAX];
    const struct pdu_request request = read_of(3, 100, 4);
    poll_cache_init(&cache, AGE_US);
    fill(&cache, 5000);
    poll_cache_forget(&cache, 2);
    ck_assert_uint_eq(poll_cache_find(&cache, 1, &request, 5001, data), 8);
    poll_cache_forget(&cache, 1);
    ck_assert_uint_eq(poll_cache_find(&cache, 1, &request, 5001, data), 0);
    poll_cache_fini(&cache);
}
END_TEST

START_TEST(off_it_keeps_nothing)
{
    struct poll_cache cache;
    uint8_t data[PDU_SIZE_MAX];
    const struct pdu_request request = read_of(3, 100, 4);
    poll_cache_init(&cache, 0);
    fill(&cache, 5000);
    ck_assert_uint_eq(poll_cache_find(&cache, 1, &request, 5000, data), 0);
    poll_cache_fini(&cache);
}
END_TEST

START_TEST(the_oldest_block_gives_way)
{
    struct poll_cache cache;
    uint8_t data[PDU_SIZE_MAX];
    poll_cache_init(&cache, AGE_US);
    for (uint16_t i = 0; i <= POLL_CACHE_BLOCKS; i++) {
        const struct pdu_request request = read_of(3, (uint16_t)(10 * i), 4);
        poll_cache_store(&cache, 1, &request, (struct bytes){words, sizeof words}, 5000 + i);
    }
    const struct pdu_request first = read_of(3, 0, 4);
    const struct pdu_request second = read_of(3, 10, 4);
    ck_assert_uint_eq(poll_cache_find(&cache, 1, &first, 5100, data), 0);
    ck_assert_uint_eq(poll_cache_find(&cache, 1, &second, 5100, data), 8);
    poll_cache_fini(&cache);
}
END_TEST

int main(void)
{
    return suite_run("poll_cache", (const TTest *[]){
                                       a_young_block_answers_what_lies_within_it,
                                       a_write_makes_it_forget_the_unit,
                                       off_it_keeps_nothing,
                                       the_oldest_block_gives_way,
                                       NULL,
                                   });
}
