#include "gateway/exchange.h"

#include "base/clock.h"
#include "field/live_run.h"
#include "gateway/record.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- transactions ---- */

static struct transaction *take_transaction(struct session *session)
{
    struct gateway *gateway = session->gateway;
    struct transaction *transaction = gateway->free_transactions;
    if (transaction) {
        gateway->free_transactions = (struct transaction *)transaction->live.next;
    } else {
        transaction = malloc(sizeof *transaction);
    }
    if (!transaction) {
        return NULL;
    }
    size_t slot = 0;
    while (session->transactions[slot]) {
        slot++;
    }
    assert(slot < GATEWAY_REQUESTS_MAX);
    session->transactions[slot] = transaction;
    session->outstanding++;
    transaction->session = session;
    transaction->slot = slot;
    return transaction;
}

static void leave_session(struct transaction *transaction)
{
    if (transaction->session) {
        transaction->session->transactions[transaction->slot] = NULL;
        transaction->session->outstanding--;
        transaction->session = NULL;
    }
}

static void give_back(struct gateway *gateway, struct transaction *transaction)
{
    leave_session(transaction);
    transaction->live.next = (struct live_request *)gateway->free_transactions;
    gateway->free_transactions = transaction;
}

void exchange_abandon(struct session *session)
{
    for (size_t i = 0; i < GATEWAY_REQUESTS_MAX; i++) {
        struct transaction *transaction = session->transactions[i];
        if (transaction && !live_is_write(&transaction->live.request)) {
            leave_session(transaction);
        }
    }
}

void exchange_cancel(struct session *session)
{
    for (size_t i = 0; i < GATEWAY_REQUESTS_MAX; i++) {
        if (session->transactions[i]) {
            atomic_store(&session->transactions[i]->live.cancelled, true);
        }
    }
}

void exchange_free_all(struct gateway *gateway)
{
    while (gateway->free_transactions) {
        struct transaction *transaction = gateway->free_transactions;
        gateway->free_transactions = (struct transaction *)transaction->live.next;
        free(transaction);
    }
}

/* ---- there ---- */

static void answer_exception(struct session *session, const struct mbap *adu, enum modbus_exception exception)
{
    uint8_t pdu[2];
    struct wire_writer writer = wire_writer(pdu, sizeof pdu);
    pdu_exception_encode(&writer, adu->pdu.data[0], exception);
    session_answer(session, adu->transaction, adu->unit, (struct bytes){.data = pdu, .size = sizeof pdu});
}

static void deny(struct session *session, const struct mbap *adu, const struct pdu_request *request,
                 const struct policy_decision *decision, int64_t now_us)
{
    session->denied++;
    gateway_count(session->gateway, GATEWAY_DENIED, 1);
    record_denied(session, adu->unit, request, decision, now_us);
    answer_exception(session, adu, MODBUS_ILLEGAL_FUNCTION);
}

static void fail(struct session *session, const struct mbap *adu, enum gateway_counter counter,
                 enum modbus_exception exception)
{
    session->failed++;
    gateway_count(session->gateway, counter, 1);
    answer_exception(session, adu, exception);
}

static bool rates_allow(struct gateway *gateway, struct policy_decision *decision, int64_t now_us)
{
    const struct policy_rule *rules[] = {
        decision->read_rule, decision->write_rule != decision->read_rule ? decision->write_rule : NULL};
    for (size_t i = 0; i < 2; i++) {
        if (!rates_take(&gateway->rates, gateway->policy, rules[i], now_us)) {
            decision->verdict = POLICY_RATE;
            decision->closest = rules[i];
            return false;
        }
    }
    return true;
}

/* Whether the policy lets the request pass; if not, or if it is none, it is answered. */
static bool is_allowed(struct session *session, const struct mbap *adu, struct pdu_request *request,
                       struct policy_decision *decision, int64_t now_us)
{
    request->function = adu->pdu.data[0];
    if (!policy_may(session->rules, adu->unit, request->function)) {
        const struct pdu_request head = {.function = request->function};
        *decision = (struct policy_decision){.verdict = session->rules ? POLICY_FUNCTION : POLICY_NO_RULES};
        deny(session, adu, &head, decision, now_us);
        return false;
    }
    enum modbus_exception exception = pdu_request_decode(adu->pdu, request);
    if (exception != MODBUS_NO_EXCEPTION) {
        fail(session, adu, GATEWAY_MALFORMED, exception);
        return false;
    }
    *decision = policy_decide(session->rules, adu->unit, request);
    if (decision->verdict != POLICY_ALLOWED || !rates_allow(session->gateway, decision, now_us)) {
        deny(session, adu, request, decision, now_us);
        return false;
    }
    return true;
}

static void fill(struct transaction *transaction, const struct mbap *adu, const struct pdu_request *request,
                 const struct policy_decision *decision)
{
    const struct gateway *gateway = transaction->session->gateway;
    const struct policy_rule *rule = decision->write_rule;
    struct live_request *live = &transaction->live;
    transaction->number = adu->transaction;
    transaction->unit = adu->unit;
    live->unit = gateway->routes[adu->unit].unit;
    atomic_store(&live->cancelled, false);
    live->request = *request;
    live->guard = rule ? rule->guard : (struct policy_guard){.verify = false};
    live->wants_old = rule && gateway->old_values;
    if (request->data.size > 0) {
        memcpy(transaction->data, request->data.data, request->data.size);
        live->request.data.data = transaction->data;
    }
    if (rule) {
        snprintf(transaction->rule_name, sizeof transaction->rule_name, "%s", rule->name);
    }
}

static void send_on(struct session *session, const struct mbap *adu, const struct pdu_request *request,
                    const struct policy_decision *decision, int64_t now_us)
{
    struct transaction *transaction = take_transaction(session);
    if (!transaction) {
        fail(session, adu, GATEWAY_BUSY, MODBUS_SERVER_DEVICE_BUSY);
        return;
    }
    fill(transaction, adu, request, decision);
    transaction->live.deadline_us = now_us + session->gateway->limits.answer_us;
    struct live_list list;
    live_list_init(&list);
    live_list_append(&list, &transaction->live);
    live_queue_put(session->gateway->routes[adu->unit].queue, &list);
    if (list.first) {
        give_back(session->gateway, transaction);
        fail(session, adu, GATEWAY_BUSY, MODBUS_SERVER_DEVICE_BUSY);
    }
}

void exchange_request(struct session *session, const struct mbap *adu, int64_t now_us)
{
    struct gateway *gateway = session->gateway;
    struct pdu_request request;
    struct policy_decision decision;
    gateway_count(gateway, GATEWAY_REQUESTS, 1);
    session->used_us = now_us;
    if (session->outstanding >= (size_t)gateway->limits.requests) {
        fail(session, adu, GATEWAY_BUSY, MODBUS_SERVER_DEVICE_BUSY);
        return;
    }
    if (!is_allowed(session, adu, &request, &decision, now_us)) {
        return;
    }
    bool write = decision.write_rule != NULL;
    if (gateway->options && !gateway->options->targets[adu->unit].known) {
        fail(session, adu, GATEWAY_NO_PATH, MODBUS_GATEWAY_PATH_UNAVAILABLE);
    } else if (!gateway->routes[adu->unit].queue) {
        fail(session, adu, GATEWAY_NO_ANSWER, MODBUS_GATEWAY_TARGET_FAILED);
    } else if (write && gateway->refuses_writes && audit_is_failing(gateway->audit)) {
        fail(session, adu, GATEWAY_BUSY, MODBUS_SERVER_DEVICE_FAILURE);
    } else {
        send_on(session, adu, &request, &decision, now_us);
    }
}

/* ---- and back ---- */

static void answer_live(struct session *session, const struct transaction *transaction)
{
    const struct live_request *live = &transaction->live;
    static const struct {
        enum modbus_exception exception;
        int counter; /* of gateway_counter; -1 = none */
    } results[] = {
        [LIVE_ANSWERED] = {MODBUS_NO_EXCEPTION, -1},
        [LIVE_NO_ANSWER] = {MODBUS_GATEWAY_TARGET_FAILED, GATEWAY_NO_ANSWER},
        [LIVE_DENIED] = {MODBUS_ILLEGAL_FUNCTION, GATEWAY_DENIED},
        [LIVE_UNVERIFIED] = {MODBUS_SERVER_DEVICE_FAILURE, -1},
    };
    if (live->result == LIVE_ANSWERED) {
        session_answer(session, transaction->number, transaction->unit,
                       (struct bytes){.data = live->answer, .size = live->answer_size});
        return;
    }
    const struct mbap adu = {.transaction = transaction->number,
                             .unit = transaction->unit,
                             .pdu = {.data = &live->request.function, .size = 1}};
    if (results[live->result].counter >= 0) {
        gateway_count(session->gateway, (enum gateway_counter)results[live->result].counter, 1);
    }
    answer_exception(session, &adu, results[live->result].exception);
}

static void take_answer(struct gateway *gateway, struct transaction *transaction)
{
    struct session *session = transaction->session;
    bool write = live_is_write(&transaction->live.request);
    gateway_count(gateway, write ? GATEWAY_WRITES : GATEWAY_READS, 1);
    gateway_count(gateway, GATEWAY_CACHED, transaction->live.cached);
    gateway_count(gateway, GATEWAY_SHARED, transaction->live.shared);
    if (session) {
        session->reads += !write;
        session->writes += write && transaction->live.result != LIVE_DENIED;
        session->denied += transaction->live.result == LIVE_DENIED;
        if (write) {
            record_write(session, transaction);
        }
    }
    leave_session(transaction);
    if (session && !session->doomed) {
        answer_live(session, transaction);
    }
    give_back(gateway, transaction);
}

void exchange_take_answers(struct gateway *gateway)
{
    struct live_list answered;
    live_list_init(&answered);
    pthread_mutex_lock(&gateway->mutex);
    gateway->answers_posted = false;
    live_list_move(&answered, &gateway->answered);
    pthread_mutex_unlock(&gateway->mutex);
    for (struct live_request *live; (live = live_list_take(&answered)) != NULL;) {
        take_answer(gateway, (struct transaction *)live);
    }
}

static void answers_came(void *owner)
{
    exchange_take_answers(owner);
}

static void answered(void *owner, struct live_list *list)
{
    struct gateway *gateway = owner;
    pthread_mutex_lock(&gateway->mutex);
    live_list_move(&gateway->answered, list);
    bool post = !gateway->answers_posted;
    gateway->answers_posted = true;
    pthread_mutex_unlock(&gateway->mutex);
    if (post && loop_post(gateway->loop, answers_came, gateway) != ERR_OK) {
        pthread_mutex_lock(&gateway->mutex);
        gateway->answers_posted = false; /* they wait for the next ones, or for the tick */
        pthread_mutex_unlock(&gateway->mutex);
    }
}

const struct live_events exchange_events = {.answered = answered};
