#include "field/live_run.h"

#include "gateway/policy.h"

#include <string.h>

bool live_is_write(const struct pdu_request *request)
{
    struct policy_function function;
    return !policy_function(request->function, &function) || function.writes;
}

static void encode_answer(struct live_request *live, const struct pdu_response *response)
{
    struct wire_writer writer = wire_writer(live->answer, sizeof live->answer);
    pdu_response_encode(&writer, &live->request, response);
    live->answer_size = (uint8_t)wire_written(&writer);
    live->result = writer.failed ? LIVE_NO_ANSWER : LIVE_ANSWERED;
}

static bool answer_from_cache(const struct live_line *line, struct live_request *live, int64_t now_us)
{
    uint8_t data[PDU_SIZE_MAX];
    size_t size = poll_cache_find(line->cache, live->unit, &live->request, now_us, data);
    if (size == 0) {
        return false;
    }
    const struct pdu_response response = {.function = live->request.function, .data = {data, size}};
    encode_answer(live, &response);
    live->cached = true;
    return true;
}

/* Reads what the write replaces, or has replaced. */
static enum link_outcome read_items(const struct live_line *line, const struct live_request *live,
                                    struct pdu_response *response)
{
    const struct pdu_request read = {
        .function = policy_guard_reads_with(live->request.function),
        .read = live->request.write,
    };
    struct link_exchange exchange = {.unit = live->unit, .request = &read};
    enum link_outcome outcome = line->exchange(line->owner, &exchange, true);
    *response = exchange.response;
    return outcome;
}

/* False: the request ends here, with its result. */
static bool look_before(const struct live_line *line, struct live_request *live)
{
    bool needed = policy_guard_needs_old(&live->guard, live->request.function) ||
                  (live->guard.verify && live->request.function == MODBUS_MASK_WRITE_REGISTER);
    bool possible = policy_guard_reads_with(live->request.function) != 0;
    if (!possible || !(needed || live->wants_old)) {
        return true;
    }
    struct pdu_response response;
    if (read_items(line, live, &response) != LINK_ANSWERED) {
        live->result = LIVE_NO_ANSWER;
        return false;
    }
    if (response.exception == 0 && response.data.size <= sizeof live->old) {
        memcpy(live->old, response.data.data, response.data.size);
        live->old_size = (uint8_t)response.data.size;
    } else if (needed) { /* a device that does not tell: nobody can judge the change */
        encode_answer(live, &response);
        return false;
    }
    struct bytes old = {.data = live->old, .size = live->old_size};
    if (policy_guard_needs_old(&live->guard, live->request.function) &&
        !policy_guard_allows_change(&live->guard, &live->request, old)) {
        live->result = LIVE_DENIED;
        return false;
    }
    return true;
}

static void look_after(const struct live_line *line, struct live_request *live)
{
    struct pdu_response response;
    struct bytes old = {.data = live->old, .size = live->old_size};
    bool same = read_items(line, live, &response) == LINK_ANSWERED && response.exception == 0 &&
                policy_guard_is_written(&live->request, old, response.data);
    live->result = same ? LIVE_ANSWERED : LIVE_UNVERIFIED;
}

static void write_or_read(const struct live_line *line, struct live_request *live, bool write)
{
    struct link_exchange exchange = {.unit = live->unit, .request = &live->request};
    live->sent = write;
    enum link_outcome outcome = line->exchange(line->owner, &exchange, !write);
    if (outcome != LINK_ANSWERED) {
        live->result = LIVE_NO_ANSWER;
        return;
    }
    encode_answer(live, &exchange.response);
    bool verifiable = policy_guard_reads_with(live->request.function) != 0;
    if (write && live->guard.verify && verifiable && exchange.response.exception == 0) {
        look_after(line, live);
    }
}

void live_refuse(struct live_request *live)
{
    live->result = LIVE_NO_ANSWER;
    live->old_size = 0;
    live->sent = false;
    live->cached = false;
    live->shared = false;
}

static void run_alone(const struct live_line *line, struct live_request *live)
{
    bool write = live_is_write(&live->request);
    if (write) {
        poll_cache_forget(line->cache, live->unit);
    }
    if (!write || look_before(line, live)) {
        write_or_read(line, live, write);
    }
}

/* ---- reads together ---- */

struct reads {
    const struct live_line *line;
    int64_t now_us;
    struct link_exchange exchanges[LINK_OUTSTANDING_MAX];
    struct live_request *asking[LINK_OUTSTANDING_MAX];  /* whose request each exchange is … */
    struct live_request *sharing[LINK_OUTSTANDING_MAX]; /* … and who else gets its answer, by `same` */
    size_t count;
};

/* What a device may be asked at any time and as often as one likes. */
static bool is_plain_read(const struct live_request *live)
{
    return live->request.function >= MODBUS_READ_COILS &&
           live->request.function <= MODBUS_READ_INPUT_REGISTERS;
}

static bool is_same_read(const struct live_request *a, const struct live_request *b)
{
    return a->unit == b->unit && a->request.function == b->request.function &&
           a->request.read.address == b->request.read.address &&
           a->request.read.quantity == b->request.read.quantity;
}

/* False: it has to wait for the next time. */
static bool take_read(struct reads *reads, struct live_request *live)
{
    live_refuse(live); /* until there is an answer */
    if (reads->now_us >= live->deadline_us || answer_from_cache(reads->line, live, reads->now_us)) {
        return true;
    }
    for (size_t i = 0; i < reads->count; i++) {
        if (is_same_read(reads->asking[i], live)) {
            live->same = reads->sharing[i];
            reads->sharing[i] = live;
            return true;
        }
    }
    if (reads->count == reads->line->outstanding) {
        return false;
    }
    size_t index = reads->count++;
    reads->exchanges[index] = (struct link_exchange){.unit = live->unit, .request = &live->request};
    reads->asking[index] = live;
    reads->sharing[index] = NULL;
    return true;
}

static void gather(struct reads *reads, struct live_list *waiting, struct live_list *done)
{
    struct live_list left;
    live_list_init(&left);
    while (waiting->first && is_plain_read(waiting->first) && left.count < LIVE_LOOK_AHEAD) {
        struct live_request *live = live_list_take(waiting);
        live_list_append(take_read(reads, live) ? done : &left, live);
    }
    live_list_move(&left, waiting);
    live_list_move(waiting, &left);
}

static void read_answered(void *owner, struct link_exchange *exchange)
{
    struct reads *reads = owner;
    size_t index = (size_t)(exchange - reads->exchanges);
    struct live_request *asking = reads->asking[index];
    encode_answer(asking, &exchange->response);
    for (struct live_request *other = reads->sharing[index]; other; other = other->same) {
        other->shared = true;
        other->result = asking->result;
        other->answer_size = asking->answer_size;
        memcpy(other->answer, asking->answer, asking->answer_size);
    }
}

/* Whether the last answer took more than twice the time of the first. */
static bool came_one_by_one(const struct reads *reads)
{
    int64_t shortest_us = INT64_MAX;
    int64_t longest_us = 0;
    for (size_t i = 0; i < reads->count; i++) {
        const struct link_exchange *exchange = &reads->exchanges[i];
        int64_t time_us = exchange->response_us - exchange->request_us;
        if (exchange->answered) {
            shortest_us = time_us < shortest_us ? time_us : shortest_us;
            longest_us = time_us > longest_us ? time_us : longest_us;
        }
    }
    return longest_us / 2 > shortest_us;
}

static bool run_reads(const struct live_line *line, struct live_list *waiting, int64_t now_us,
                      struct live_list *done)
{
    struct reads reads;
    reads.line = line;
    reads.now_us = now_us;
    reads.count = 0; /* the rest is written as far as it is used: this runs for every read */
    gather(&reads, waiting, done);
    const struct link_batch batch = {
        .exchanges = reads.exchanges,
        .count = reads.count,
        .answered = read_answered,
        .owner = &reads,
    };
    if (reads.count > 0) {
        (void)line->exchange_all(line->owner, &batch); /* who got no answer has that result already */
    }
    return came_one_by_one(&reads);
}

bool live_run(const struct live_line *line, struct live_list *waiting, int64_t now_us, struct live_list *done)
{
    if (is_plain_read(waiting->first)) {
        return run_reads(line, waiting, now_us, done);
    }
    struct live_request *live = live_list_take(waiting);
    live_refuse(live); /* until there is an answer */
    if (now_us < live->deadline_us && !atomic_load(&live->cancelled)) {
        run_alone(line, live);
    }
    live_list_append(done, live);
    return false;
}
