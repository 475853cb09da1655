#include "base/array.h"
#include "field/live_run.h"
#include "support/suite.h"

#include <string.h>

/* A PLC of two registers, 0 and 1, that notes what it was asked. */
struct plc {
    uint16_t registers[2];
    uint8_t log[8];
    size_t asked;
    uint8_t silent_at; /* the function it does not answer */
    uint8_t refuses;   /* the function it answers with illegal data address */
    bool ignores_writes;
    uint8_t space[4];
};

static void act(struct plc *plc, const struct pdu_request *request)
{
    if (request->function == 6 && !plc->ignores_writes) {
        plc->registers[request->write.address] = pdu_register(request->data, 0);
    }
    if (request->function == 22 && !plc->ignores_writes) {
        uint16_t old = plc->registers[request->write.address];
        plc->registers[request->write.address] =
            (uint16_t)((old & request->and_mask) | (request->or_mask & ~request->and_mask));
    }
}

static enum link_outcome exchange(void *owner, struct link_exchange *wanted, bool repeatable)
{
    struct plc *plc = owner;
    const struct pdu_request *request = wanted->request;
    plc->log[plc->asked++] = request->function;
    ck_assert(repeatable == (request->function == 3));
    if (request->function == plc->silent_at) {
        return LINK_TIMED_OUT;
    }
    wanted->response = (struct pdu_response){.function = request->function};
    if (request->function == plc->refuses) {
        wanted->response.exception = MODBUS_ILLEGAL_DATA_ADDRESS;
        return LINK_ANSWERED;
    }
    act(plc, request);
    if (request->function == 3) {
        uint16_t value = plc->registers[request->read.address];
        plc->space[0] = (uint8_t)(value >> 8);
        plc->space[1] = (uint8_t)value;
        wanted->response.data = (struct bytes){plc->space, 2};
    }
    return LINK_ANSWERED;
}

static const uint8_t five[] = {0, 5};

#define WRITE_FIVE                                                                                           \
    {                                                                                                        \
        .function = 6, .write = {0, 1}, .data = { five, 2 }                                                  \
    }
#define MASK                                                                                                 \
    {                                                                                                        \
        .function = 22, .write = {0, 1}, .and_mask = 0xfff0, .or_mask = 5                                    \
    }
#define READ                                                                                                 \
    {                                                                                                        \
        .function = 3, .read = { 0, 1 }                                                                      \
    }

START_TEST(a_request_goes_through_the_steps_its_rule_demands)
{
    static const struct row {
        const char *name;
        struct plc plc;
        struct pdu_request request;
        struct policy_guard guard;
        bool wants_old;
        enum live_result result;
        const char *asked; /* functions, in order */
        const char *answer;
        bool sent;
        uint16_t holds;
        uint8_t old_size;
    } rows[] = {
        {"a read",
         {.registers = {7}},
         READ,
         .result = LIVE_ANSWERED,
         .asked = "\3",
         .answer = "\3\2\0\7",
         .holds = 7},
        {"a silent PLC",
         {.registers = {7}, .silent_at = 3},
         READ,
         .result = LIVE_NO_ANSWER,
         .asked = "\3",
         .holds = 7},
        {"a write",
         {.registers = {7}},
         WRITE_FIVE,
         .result = LIVE_ANSWERED,
         .asked = "\6",
         .answer = "\6\0\0\0\5",
         .sent = true,
         .holds = 5},
        {"with its old value for the record",
         {.registers = {7}},
         WRITE_FIVE,
         .wants_old = true,
         .result = LIVE_ANSWERED,
         .asked = "\3\6",
         .answer = "\6\0\0\0\5",
         .sent = true,
         .holds = 5,
         .old_size = 2},
        {"a register that cannot be read is written without",
         {.registers = {7}, .refuses = 3},
         WRITE_FIVE,
         .wants_old = true,
         .result = LIVE_ANSWERED,
         .asked = "\3\6",
         .answer = "\6\0\0\0\5",
         .sent = true,
         .holds = 5},
        {"but not where the change must be judged",
         {.registers = {7}, .refuses = 3},
         WRITE_FIVE,
         {.max_change = 2},
         .result = LIVE_ANSWERED,
         .asked = "\3",
         .answer = "\x86\2",
         .holds = 7},
        {"a small change",
         {.registers = {7}},
         WRITE_FIVE,
         {.max_change = 2},
         .result = LIVE_ANSWERED,
         .asked = "\3\6",
         .answer = "\6\0\0\0\5",
         .sent = true,
         .holds = 5,
         .old_size = 2},
        {"a large one is not sent",
         {.registers = {8}},
         WRITE_FIVE,
         {.max_change = 2},
         .result = LIVE_DENIED,
         .asked = "\3",
         .holds = 8,
         .old_size = 2},
        {"no old value in time",
         {.registers = {7}, .silent_at = 3},
         WRITE_FIVE,
         {.max_change = 2},
         .result = LIVE_NO_ANSWER,
         .asked = "\3",
         .holds = 7},
        {"read back",
         {.registers = {7}},
         WRITE_FIVE,
         {.verify = true},
         .result = LIVE_ANSWERED,
         .asked = "\6\3",
         .answer = "\6\0\0\0\5",
         .sent = true,
         .holds = 5},
        {"read back and different",
         {.registers = {7}, .ignores_writes = true},
         WRITE_FIVE,
         {.verify = true},
         .result = LIVE_UNVERIFIED,
         .asked = "\6\3",
         .sent = true,
         .holds = 7},
        {"a refused write is not read back",
         {.registers = {7}, .refuses = 6},
         WRITE_FIVE,
         {.verify = true},
         .result = LIVE_ANSWERED,
         .asked = "\6",
         .answer = "\x86\2",
         .sent = true,
         .holds = 7},
        {"a write without an answer",
         {.registers = {7}, .silent_at = 6},
         WRITE_FIVE,
         {.verify = true},
         .result = LIVE_NO_ANSWER,
         .asked = "\6",
         .sent = true,
         .holds = 7},
        {"a mask write within its limits",
         {.registers = {0x17}},
         MASK,
         {.bounded = true, .max = 0x15},
         .result = LIVE_ANSWERED,
         .asked = "\3\x16",
         .sent = true,
         .holds = 0x15,
         .old_size = 2},
        {"a mask write beyond them",
         {.registers = {0x27}},
         MASK,
         {.bounded = true, .max = 0x15},
         .result = LIVE_DENIED,
         .asked = "\3",
         .holds = 0x27,
         .old_size = 2},
        {"a mask write is verified from its old value",
         {.registers = {0x17}},
         MASK,
         {.verify = true},
         .result = LIVE_ANSWERED,
         .asked = "\3\x16\3",
         .sent = true,
         .holds = 0x15,
         .old_size = 2},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct row *row = &rows[i];
        struct plc plc = row->plc;
        struct poll_cache cache = {.max_age_us = 0};
        const struct live_line line = {.exchange = exchange, .owner = &plc, .cache = &cache};
        struct live_request live = {
            .unit = 1, .request = row->request, .guard = row->guard, .wants_old = row->wants_old};
        live_run(&line, &live, 1000);
        ck_assert_msg(live.result == row->result, "%s: result %d", row->name, live.result);
        ck_assert_msg(plc.asked == strlen(row->asked) && memcmp(plc.log, row->asked, plc.asked) == 0,
                      "%s: asked", row->name);
        ck_assert_msg(!row->answer || memcmp(live.answer, row->answer, live.answer_size) == 0, "%s: answer",
                      row->name);
        ck_assert_msg(live.sent == row->sent, "%s: sent", row->name);
        ck_assert_msg(plc.registers[0] == row->holds, "%s: %u", row->name, plc.registers[0]);
        ck_assert_msg(live.old_size == row->old_size, "%s: old", row->name);
    }
}
END_TEST

START_TEST(a_read_is_answered_by_a_poll_until_something_is_written)
{
    struct plc plc = {.registers = {7}};
    struct poll_cache cache;
    poll_cache_init(&cache, 1000);
    const struct live_line line = {.exchange = exchange, .owner = &plc, .cache = &cache};
    static const uint8_t polled[] = {0, 9};
    const struct pdu_request poll = READ;
    poll_cache_store(&cache, 1, &poll, (struct bytes){polled, 2}, 5000);
    struct live_request read = {.unit = 1, .request = READ};
    live_run(&line, &read, 6000);
    ck_assert(read.cached && read.result == LIVE_ANSWERED && plc.asked == 0);
    ck_assert_mem_eq(read.answer, "\3\2\0\x9", 4);
    struct live_request write = {.unit = 1, .request = WRITE_FIVE};
    live_run(&line, &write, 6000);
    live_run(&line, &read, 6000);
    ck_assert(!read.cached);
    ck_assert_mem_eq(read.answer, "\3\2\0\5", 4);
    poll_cache_fini(&cache);
}
END_TEST

int main(void)
{
    return suite_run("live_run", (const TTest *[]){
                                     a_request_goes_through_the_steps_its_rule_demands,
                                     a_read_is_answered_by_a_poll_until_something_is_written,
                                     NULL,
                                 });
}
