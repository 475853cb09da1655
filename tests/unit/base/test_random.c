#include "base/random.h"
#include "support/suite.h"

#include <string.h>

START_TEST(fills_every_byte_anew)
{
    enum { SIZE = 1000, ROUNDS = 20 };
    uint8_t seen[SIZE] = {0};
    uint8_t bytes[SIZE + 1];
    for (int round = 0; round < ROUNDS; round++) {
        bytes[SIZE] = 0xa5;
        random_bytes(bytes, SIZE);
        ck_assert_uint_eq(bytes[SIZE], 0xa5);
        for (size_t i = 0; i < SIZE; i++) {
            seen[i] |= bytes[i];
        }
    }
    /* A byte that twenty draws left zero is one nobody wrote: chance alone does it once in 10^45. */
    ck_assert_ptr_null(memchr(seen, 0, SIZE));
}
END_TEST

START_TEST(identities_do_not_repeat)
{
    uint8_t first[16];
    uint8_t second[16];
    random_bytes(first, sizeof first);
    random_bytes(second, sizeof second);
    ck_assert_mem_ne(first, second, sizeof first);
    random_bytes(NULL, 0);
}
END_TEST

int main(void)
{
    return suite_run("random", (const TTest *[]){fills_every_byte_anew, identities_do_not_repeat, NULL});
}
