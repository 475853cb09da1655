#include "base/array.h"
#include "io_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* --- sending and receiving ---------------------------------------------------------------------------- */

START_TEST(carries_bytes_both_ways)
{
    start((enum kind)_i);
    join_ends((enum kind)_i);
    ck_assert_int_eq(send_text(&exchange.client, "hello "), ERR_OK);
    ck_assert_int_eq(send_text(&exchange.client, "server"), ERR_OK);
    ck_assert_int_eq(send_text(&exchange.server, "hello client"), ERR_OK);
    exchange_run(&exchange, both_greeted, "both were greeted");
    ck_assert_int_eq(exchange.client.opened, 1);
    ck_assert_int_eq(exchange.server.opened, 1);
    ck_assert_int_eq(strncmp(io_address(exchange.server.io), "127.0.0.1:", 10), 0);
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%u", exchange.port);
    ck_assert_str_eq(io_address(exchange.client.io), address);
    ck_assert_int_eq(io_peer(exchange.server.io) != NULL, _i == TLS);
    ck_assert_int_eq(io_cipher(exchange.server.io)[0] != '\0', _i == TLS);
    exchange_close(&exchange);
}
END_TEST

static bool both_got_all(const struct exchange *seen)
{
    return seen->client.received.size == BIG && seen->server.received.size == BIG && seen->client.drained &&
           seen->server.drained;
}

START_TEST(big_transfers_in_both_directions_at_once_arrive_whole)
{
    start((enum kind)_i);
    join_ends((enum kind)_i);
    send_pattern(&exchange.client, 1);
    send_pattern(&exchange.server, 2);
    ck_assert_uint_gt(io_waiting(exchange.client.io), 0);
    exchange_run(&exchange, both_got_all, "everything arrived");
    check_pattern(&exchange.server, 1);
    check_pattern(&exchange.client, 2);
    ck_assert_uint_eq(io_waiting(exchange.client.io), 0);
    exchange_close(&exchange);
}
END_TEST

enum { SMALL_WRITES = 3000, SMALL_MAX = 97 };

static bool got_all_small_writes(const struct exchange *seen)
{
    size_t expected = 0;
    for (size_t i = 0; i < SMALL_WRITES; i++) {
        expected += i % SMALL_MAX;
    }
    return seen->server.received.size == expected;
}

START_TEST(many_writes_of_odd_sizes_keep_their_order)
{
    start((enum kind)_i);
    join_ends((enum kind)_i);
    uint8_t data[SMALL_MAX];
    uint8_t next = 0;
    for (size_t i = 0; i < SMALL_WRITES; i++) {
        for (size_t j = 0; j < i % SMALL_MAX; j++) {
            data[j] = next++;
        }
        ck_assert_int_eq(io_write(exchange.client.io, (struct bytes){.data = data, .size = i % SMALL_MAX}),
                         ERR_OK);
    }
    exchange_run(&exchange, got_all_small_writes, "everything arrived");
    struct bytes bytes = buffer_bytes(&exchange.server.received);
    for (size_t i = 0; i < bytes.size; i++) {
        if (bytes.data[i] != (uint8_t)i) {
            ck_abort_msg("byte %zu is wrong", i);
        }
    }
    exchange_close(&exchange);
}
END_TEST

static bool client_drained(const struct exchange *seen)
{
    return seen->client.drained > 0;
}

START_TEST(drained_comes_later_also_for_bytes_that_left_at_once)
{
    start((enum kind)_i);
    join_ends((enum kind)_i);
    ck_assert_int_eq(send_text(&exchange.client, "x"), ERR_OK);
    ck_assert_uint_eq(io_waiting(exchange.client.io), 0);
    ck_assert_int_eq(exchange.client.drained, 0);
    exchange_run(&exchange, client_drained, "it is drained");
    ck_assert_int_eq(exchange.client.drained, 1);
    exchange_close(&exchange);
}
END_TEST

/* --- back-pressure ------------------------------------------------------------------------------------ */

static bool queue_is_stuck(const struct exchange *seen)
{
    static size_t last_waiting;
    static int same;
    size_t waiting = io_waiting(seen->client.io);
    same = waiting == last_waiting ? same + 1 : 0;
    last_waiting = waiting;
    return waiting > 0 && same > 50; // 50 ms without a byte taken
}

START_TEST(a_paused_reader_holds_the_sender_back)
{
    start((enum kind)_i);
    join_ends((enum kind)_i);
    io_pause(exchange.server.io);
    send_pattern(&exchange.client, 1);
    exchange_run(&exchange, queue_is_stuck, "the sender stands still");
    ck_assert_uint_eq(exchange.server.received.size, 0);
    ck_assert_int_eq(exchange.client.drained, 0);

    send_pattern(&exchange.server, 2); // the other direction is not held back
    io_resume(exchange.server.io);
    exchange_run(&exchange, both_got_all, "everything arrived");
    check_pattern(&exchange.server, 1);
    check_pattern(&exchange.client, 2);
    exchange_close(&exchange);
}
END_TEST

START_TEST(the_queue_has_a_limit)
{
    start((enum kind)_i);
    exchange.out_limit = 1024;
    join_ends((enum kind)_i);
    io_pause(exchange.server.io);
    uint8_t data[1025] = {0};
    ck_assert_int_eq(io_write(exchange.client.io, (struct bytes){.data = data, .size = 1025}), ERR_LIMIT);
    size_t accepted = 0;
    while (io_write(exchange.client.io, (struct bytes){.data = data, .size = 1024}) == ERR_OK) {
        accepted += 1024;
        ck_assert_uint_lt(accepted, EXCHANGE_KEEP_MAX);
    }
    size_t waiting = io_waiting(exchange.client.io);
    ck_assert_uint_gt(waiting, 0);
    ck_assert_uint_le(waiting, 1024);
    exchange_close(&exchange);
}
END_TEST

static void pause_after_first(struct end *end)
{
    io_pause(end->io);
}

START_TEST(a_pause_inside_received_takes_effect_at_once)
{
    start((enum kind)_i);
    exchange.server.on_received = pause_after_first;
    join_ends((enum kind)_i);
    send_pattern(&exchange.client, 1);
    exchange_run(&exchange, server_got_something, "the first bytes");
    size_t first = exchange.server.received.size;
    ck_assert_uint_le(first, 16384U);
    exchange_run(&exchange, queue_is_stuck, "the sender stands still");
    ck_assert_uint_eq(exchange.server.received.size, first);
    exchange_close(&exchange);
}
END_TEST

/* --- freeing in callbacks ----------------------------------------------------------------------------- */

static void free_it(struct end *end)
{
    io_free(end->io);
    end->io = NULL;
    end->closed = 1; // of our own making: closed() does not come
}

static void shut_it(struct end *end)
{
    io_shutdown(end->io, 1000);
}

static void write_and_shut_it(struct end *end)
{
    ck_assert_int_eq(send_text(end, "goodbye"), ERR_OK);
    io_shutdown(end->io, EXCHANGE_DEADLINE_MS);
}

START_TEST(an_io_may_be_freed_or_shut_down_in_any_callback)
{
    static const struct {
        const char *name;
        void (*on_opened)(struct end *end);
        void (*on_received)(struct end *end);
        void (*on_closed)(struct end *end);
    } rows[] = {
        {"freed in opened", free_it, NULL, NULL},
        {"freed in received", NULL, free_it, NULL},
        {"freed in closed", NULL, shut_it, free_it},
        {"shut down in opened", shut_it, NULL, NULL},
        {"shut down in received", NULL, shut_it, NULL},
        {"a last word in opened", write_and_shut_it, NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        start((enum kind)_i);
        exchange.server.on_opened = rows[i].on_opened;
        exchange.server.on_received = rows[i].on_received;
        exchange.server.on_closed = rows[i].on_closed;
        join_ends((enum kind)_i);
        if (!exchange.client.closed) {
            (void)send_text(&exchange.client, "word");
        }
        exchange_run(&exchange, exchange_both_closed, rows[i].name);
        exchange_close(&exchange);
    }
}
END_TEST

int main(void)
{
    const TTest *const both[] = {
        carries_bytes_both_ways,
        big_transfers_in_both_directions_at_once_arrive_whole,
        many_writes_of_odd_sizes_keep_their_order,
        drained_comes_later_also_for_bytes_that_left_at_once,
        a_paused_reader_holds_the_sender_back,
        the_queue_has_a_limit,
        a_pause_inside_received_takes_effect_at_once,
        an_io_may_be_freed_or_shut_down_in_any_callback,
        NULL,
    };
    const TTest *const once[] = {
        NULL,
    };
    return io_fixture_run("io", both, once);
}
