#include "base/array.h"
#include "field/live_run.h"
#include "support/suite.h"

#include <string.h>

/* A PLC of four registers that notes what it was asked. */
struct plc {
    uint16_t registers[4];
    uint8_t log[64];
    size_t asked;
    uint8_t silent_at; /* the function it does not answer */
    uint8_t refuses;   /* the function it answers with illegal data address */
    bool ignores_writes;
    uint8_t space[4];
    uint8_t batches[8]; /* how many reads went together */
    size_t batch_count;
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

/* Plain reads come this way, alone or with others. */
static enum link_outcome exchange_all(void *owner, const struct link_batch *batch)
{
    struct plc *plc = owner;
    enum link_outcome outcome = LINK_ANSWERED;
    plc->batches[plc->batch_count++] = (uint8_t)batch->count;
    for (size_t i = 0; i < batch->count && outcome == LINK_ANSWERED; i++) {
        outcome = exchange(plc, &batch->exchanges[i], true);
        if (outcome == LINK_ANSWERED) {
            batch->answered(batch->owner, &batch->exchanges[i]);
        }
    }
    return outcome;
}

static struct live_line line_of(struct plc *plc, struct poll_cache *cache)
{
    return (struct live_line){
        .exchange = exchange, .exchange_all = exchange_all, .owner = plc, .cache = cache, .outstanding = 1};
}

/* Runs one alone. */
static void run(const struct live_line *line, struct live_request *live, int64_t now_us)
{
    struct live_list waiting;
    struct live_list done;
    live_list_init(&waiting);
    live_list_init(&done);
    live_list_append(&waiting, live);
    live_run(line, &waiting, now_us, &done);
    ck_assert_ptr_null(waiting.first);
    ck_assert_ptr_eq(live_list_take(&done), live);
    ck_assert_ptr_null(done.first);
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
        const struct live_line line = line_of(&plc, &cache);
        struct live_request live = {.unit = 1,
                                    .request = row->request,
                                    .guard = row->guard,
                                    .wants_old = row->wants_old,
                                    .deadline_us = 2000};
        run(&line, &live, 1000);
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
    const struct live_line line = line_of(&plc, &cache);
    static const uint8_t polled[] = {0, 9};
    const struct pdu_request poll = READ;
    poll_cache_store(&cache, 1, &poll, (struct bytes){polled, 2}, 5000);
    struct live_request read = {.unit = 1, .request = READ, .deadline_us = INT64_MAX};
    run(&line, &read, 6000);
    ck_assert(read.cached && read.result == LIVE_ANSWERED && plc.asked == 0);
    ck_assert_mem_eq(read.answer, "\3\2\0\x9", 4);
    struct live_request write = {.unit = 1, .request = WRITE_FIVE, .deadline_us = INT64_MAX};
    run(&line, &write, 6000);
    run(&line, &read, 6000);
    ck_assert(!read.cached);
    ck_assert_mem_eq(read.answer, "\3\2\0\5", 4);
    poll_cache_fini(&cache);
}
END_TEST

/* What waits, by letters: a to z = a read of that register, A to Z = a write to it, '.' = one that is
 * overdue. */
static void make_waiting(const char *wanted, struct live_request *requests, struct live_list *waiting)
{
    live_list_init(waiting);
    for (size_t i = 0; wanted[i]; i++) {
        bool write = wanted[i] >= 'A' && wanted[i] <= 'Z';
        uint16_t address = write ? (uint16_t)(wanted[i] - 'A') : (uint16_t)(wanted[i] - 'a');
        requests[i] = (struct live_request){.unit = 1, .deadline_us = wanted[i] == '.' ? 1000 : 2000};
        requests[i].request =
            write ? (struct pdu_request){.function = 6, .write = {address, 1}, .data = {five, 2}}
                  : (struct pdu_request){.function = 3, .read = {wanted[i] == '.' ? 0 : address, 1}};
        live_list_append(waiting, &requests[i]);
    }
}

/* The letters of a list's requests. */
static const char *letters(const struct live_list *list, const struct live_request *requests,
                           const char *wanted)
{
    static char text[64];
    size_t size = 0;
    for (const struct live_request *live = list->first; live; live = live->next) {
        text[size++] = wanted[live - requests];
    }
    text[size] = '\0';
    return text;
}

START_TEST(reads_go_together_as_far_as_the_device_takes_them)
{
    static const struct {
        const char *waiting;
        size_t outstanding;
        const char *done; /* in this order */
        const char *left;
        size_t asked;
        size_t shared;
    } rows[] = {
        {"a", 1, "a", "", 1, 0},           {"ab", 1, "a", "b", 1, 0},    {"aaa", 1, "aaa", "", 1, 2},
        {"abab", 1, "aa", "bb", 1, 1},     {"ab", 2, "ab", "", 2, 0},    {"abcd", 3, "abc", "d", 3, 0},
        {"abcabd", 3, "abcab", "d", 3, 2}, {"aAa", 16, "a", "Aa", 1, 0}, /* the second read is to see what was
                                                                            written */
        {"Aaa", 16, "A", "aa", 1, 0},      {".a", 1, ".a", "", 1, 0},    {"..", 16, "..", "", 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct plc plc = {.registers = {7, 8, 9, 10}};
        struct poll_cache cache = {.max_age_us = 0};
        struct live_line line = line_of(&plc, &cache);
        line.outstanding = rows[i].outstanding;
        struct live_request requests[8];
        struct live_list waiting;
        struct live_list done;
        live_list_init(&done);
        make_waiting(rows[i].waiting, requests, &waiting);
        live_run(&line, &waiting, 1000, &done);
        const char *text = letters(&done, requests, rows[i].waiting);
        ck_assert_msg(strcmp(text, rows[i].done) == 0, "%s: done %s", rows[i].waiting, text);
        text = letters(&waiting, requests, rows[i].waiting);
        ck_assert_msg(strcmp(text, rows[i].left) == 0, "%s: left %s", rows[i].waiting, text);
        ck_assert_msg(plc.asked == rows[i].asked, "%s: asked %zu", rows[i].waiting, plc.asked);
        size_t shared = 0;
        for (const struct live_request *live = done.first; live; live = live->next) {
            shared += live->shared;
            const uint8_t wanted[] = {3, 2, 0, (uint8_t)(7 + live->request.read.address)};
            if (live->deadline_us > 1000 && live->request.function == 3) {
                ck_assert_int_eq(live->result, LIVE_ANSWERED);
                ck_assert_uint_eq(live->answer_size, sizeof wanted);
                ck_assert_mem_eq(live->answer, wanted, sizeof wanted);
            }
        }
        ck_assert_uint_eq(shared, rows[i].shared);
        ck_assert_uint_eq(done.count + waiting.count, strlen(rows[i].waiting));
    }
}
END_TEST

/* Two answers, after these times. */
static int64_t answer_times_us[2];

static enum link_outcome exchange_in_time(void *owner, const struct link_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        batch->exchanges[i].response_us = batch->exchanges[i].request_us + answer_times_us[i];
        batch->exchanges[i].answered = true;
    }
    return exchange_all(owner, batch);
}

START_TEST(a_device_that_answers_one_after_the_other_is_known_by_its_times)
{
    static const struct {
        const char *waiting;
        int64_t times_us[2];
        bool one_by_one;
    } rows[] = {
        {"ab", {10, 21}, false}, {"ab", {10, 22}, true}, {"ab", {22, 10}, true},
        {"a", {10}, false},      {"A", {10}, false},     {"..", {10}, false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct plc plc = {.registers = {7, 8}};
        struct poll_cache cache = {.max_age_us = 0};
        struct live_line line = line_of(&plc, &cache);
        line.outstanding = 2;
        line.exchange_all = exchange_in_time;
        memcpy(answer_times_us, rows[i].times_us, sizeof answer_times_us);
        struct live_request requests[2];
        struct live_list waiting, done;
        live_list_init(&done);
        make_waiting(rows[i].waiting, requests, &waiting);
        ck_assert_msg(live_run(&line, &waiting, 1000, &done) == rows[i].one_by_one, "row %zu", i);
    }
}
END_TEST

START_TEST(a_silent_device_answers_none_of_those_that_share)
{
    struct plc plc = {.silent_at = 3};
    struct poll_cache cache = {.max_age_us = 0};
    struct live_line line = line_of(&plc, &cache);
    line.outstanding = 2;
    struct live_request requests[4];
    struct live_list waiting;
    struct live_list done;
    live_list_init(&done);
    make_waiting("aabb", requests, &waiting);
    live_run(&line, &waiting, 1000, &done);
    ck_assert_uint_eq(done.count, 4);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(requests[i].result, LIVE_NO_ANSWER);
        ck_assert(!requests[i].shared);
    }
}
END_TEST

START_TEST(the_look_ahead_is_bounded)
{
    static const struct {
        size_t others; /* between the two */
        size_t done;
    } rows[] = {{LIVE_LOOK_AHEAD - 1, 2}, {LIVE_LOOK_AHEAD, 1}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct plc plc = {.registers = {7}};
        struct poll_cache cache = {.max_age_us = 0};
        const struct live_line line = line_of(&plc, &cache);
        struct live_request requests[LIVE_LOOK_AHEAD + 2];
        char wanted[LIVE_LOOK_AHEAD + 3] = {0};
        memset(wanted, 'b', rows[i].others + 1);
        wanted[0] = wanted[rows[i].others + 1] = 'a';
        struct live_list waiting;
        struct live_list done;
        live_list_init(&done);
        make_waiting(wanted, requests, &waiting);
        live_run(&line, &waiting, 1000, &done);
        ck_assert_uint_eq(done.count, rows[i].done);
        ck_assert_uint_eq(waiting.count, rows[i].others + 2 - rows[i].done);
    }
}
END_TEST

int main(void)
{
    return suite_run("live_run", (const TTest *[]){
                                     a_request_goes_through_the_steps_its_rule_demands,
                                     a_read_is_answered_by_a_poll_until_something_is_written,
                                     reads_go_together_as_far_as_the_device_takes_them,
                                     a_silent_device_answers_none_of_those_that_share,
                                     a_device_that_answers_one_after_the_other_is_known_by_its_times,
                                     the_look_ahead_is_bounded,
                                     NULL,
                                 });
}
