#include "tunnel/digest.h"
#include "tunnel/session_receiver_state.h"

#include <assert.h>
#include <string.h>

enum { NO_MEMORY_DELAY_MS = 1000 };

bool receiver_is_answering(const struct receiver *receiver)
{
    return receiver->outstanding.count > 0 || receiver->shelf.pending > 0;
}

void receiver_start_owing(struct receiver *receiver, int64_t now_us)
{
    if (!receiver_is_answering(receiver)) {
        receiver->owed_since_us = now_us;
    }
}

void receiver_send_answers(struct receiver *receiver, int64_t now_us)
{
    if (receiver->answers.count == 0 || receiver->state == RECEIVER_CLOSED) {
        return;
    }
    receiver->owed_since_us = now_us;
    session_link_send(&receiver->link, ack_queue_write(&receiver->answers, &receiver->link.out));
}

/* Ends the session once the bridge has said goodbye and everything it sent has been answered. */
static void drain(struct receiver *receiver)
{
    static const struct frame_bye done = {.reason = BYE_DONE};
    if (receiver->state != RECEIVER_DRAINING || receiver_is_answering(receiver)) {
        return;
    }
    session_link_send(&receiver->link, frame_write_bye(&receiver->link.out, &done));
    session_link_end(&receiver->link, bye_reason_err(receiver->bye.reason), &receiver->bye);
}

void receiver_cork(struct receiver *receiver)
{
    receiver->corked++;
}

void receiver_uncork(struct receiver *receiver, int64_t now_us)
{
    assert(receiver->corked > 0);
    receiver->corked--;
    if (receiver->corked == 0) {
        receiver_send_answers(receiver, now_us);
        drain(receiver);
    }
}

static void answer(struct receiver *receiver, const struct ack_range *range, int64_t now_us)
{
    enum err err = ack_queue_add(&receiver->answers, range);
    if (err == ERR_LIMIT) {
        receiver_send_answers(receiver, now_us);
        err = ack_queue_add(&receiver->answers, range);
    }
    if (err != ERR_OK && receiver->state != RECEIVER_CLOSED) {
        session_link_send(&receiver->link, frame_write_ack(&receiver->link.out, range, 1));
    }
}

void receiver_stored(struct receiver *receiver, uint64_t sequence, enum ack_result result,
                     int64_t committed_us, uint32_t delay_ms, const char *text, int64_t now_us)
{
    struct flight_batch batch;
    if (receiver->state == RECEIVER_CLOSED ||
        !flight_remove(&receiver->outstanding, sequence, sequence, &batch)) {
        return;
    }
    struct ack_range range = {.first = sequence, .last = sequence, .result = result};
    bool durable = result == ACK_COMMITTED || result == ACK_DUPLICATE;
    range.committed_us = durable ? committed_us : 0;
    range.delay_ms = result == ACK_RETRY_AFTER ? delay_ms : 0;
    frame_set_text(range.text, text ? text : "");
    receiver_cork(receiver);
    answer(receiver, &range, now_us);
    receiver_uncork(receiver, now_us);
}

static void refuse_catalog(struct receiver *receiver, const uint8_t *hash, enum err err, const char *text)
{
    struct frame_catalog_ack ack = {.result = err == ERR_NO_MEMORY ? ACK_RETRY_AFTER : ACK_REJECTED};
    memcpy(ack.hash, hash, sizeof ack.hash);
    frame_set_text(ack.text, text);
    session_link_send(&receiver->link, frame_write_catalog_ack(&receiver->link.out, &ack));
}

/* An owner who shares catalogs among sessions takes it over. */
static void offer_catalog(struct receiver *receiver, struct shelf_catalog *there)
{
    const struct receiver_events *events = receiver->events;
    if (there->owned && events->keep_catalog && events->keep_catalog(receiver->owner, there->owned)) {
        there->owned = NULL;
    }
}

enum err receiver_on_catalog(struct receiver *receiver, struct bytes payload, struct err_text *why)
{
    uint8_t hash[CATALOG_HASH_SIZE];
    enum err err = digest_sha256(payload, hash);
    if (err != ERR_OK) {
        return err_set(why, err, "out of memory");
    }
    const struct catalog *known = receiver->events->find_catalog(receiver->owner, hash);
    receiver_start_owing(receiver, receiver_heard_us(receiver));
    err = catalog_shelf_put(&receiver->shelf, payload, hash, known, why);
    if (err == ERR_CONFLICT) {
        return err;
    }
    if (err != ERR_OK) {
        refuse_catalog(receiver, hash, err, why->text);
        return ERR_OK;
    }
    struct shelf_catalog *there = catalog_shelf_find(&receiver->shelf, hash);
    if (!known) {
        offer_catalog(receiver, there);
    }
    receiver->events->catalog(receiver->owner, there->catalog);
    return ERR_OK;
}

void receiver_catalog_stored(struct receiver *receiver, const struct frame_catalog_ack *ack, int64_t now_us)
{
    bool stored = ack->result == ACK_COMMITTED || ack->result == ACK_DUPLICATE;
    if (receiver->state == RECEIVER_CLOSED || !catalog_shelf_answer(&receiver->shelf, ack->hash, stored)) {
        return;
    }
    receiver->owed_since_us = now_us;
    session_link_send(&receiver->link, frame_write_catalog_ack(&receiver->link.out, ack));
    if (receiver->corked == 0) {
        drain(receiver);
    }
}

static enum err check_readings(struct receiver *receiver, const struct batch_view *view, struct err_text *why)
{
    const struct shelf_catalog *there = catalog_shelf_find(&receiver->shelf, view->catalog_hash);
    const struct catalog *catalog =
        there ? there->catalog : receiver->events->find_catalog(receiver->owner, view->catalog_hash);
    if (!catalog) {
        return err_set(why, ERR_NOT_FOUND, "batch: its catalog is unknown");
    }
    return batch_decode(receiver->decoder, view, catalog, NULL, why);
}

static enum err check_batch(struct receiver *receiver, const struct frame_batch *frame,
                            struct batch_view *view, struct err_text *why)
{
    enum err err = batch_open(frame->encoded, view, why);
    if (err != ERR_OK) {
        return err;
    }
    if (view->identity.sequence != frame->sequence) {
        return err_set(why, ERR_MALFORMED, "batch: sequence %llu in a frame of another",
                       (unsigned long long)view->identity.sequence);
    }
    if (memcmp(view->identity.epoch, receiver->epoch, BATCH_EPOCH_SIZE) != 0) {
        return err_set(why, ERR_CONFLICT, "batch: its epoch is not that of the session");
    }
    size_t count;
    return view->kind == BATCH_GAPS ? batch_decode_gaps(view, NULL, 0, &count, why)
                                    : check_readings(receiver, view, why);
}

static void refuse(struct receiver *receiver, uint64_t sequence, enum err err, const char *text,
                   int64_t now_us)
{
    if (err == ERR_NO_MEMORY) {
        receiver_stored(receiver, sequence, ACK_RETRY_AFTER, 0, NO_MEMORY_DELAY_MS, text, now_us);
        return;
    }
    receiver_stored(receiver, sequence, ACK_REJECTED, 0, 0, text, now_us);
    receiver->events->rejected(receiver->owner, sequence, text);
}

enum err receiver_on_batch(struct receiver *receiver, struct bytes payload, struct err_text *why)
{
    struct frame_batch frame;
    enum err err = frame_read_batch(payload, &frame, why);
    if (err != ERR_OK) {
        return err;
    }
    const struct flight_batch batch = {
        .sequence = frame.sequence, .size = frame.encoded.size, .sent_us = receiver_heard_us(receiver)};
    receiver_start_owing(receiver, receiver_heard_us(receiver));
    err = flight_add(&receiver->outstanding, &batch);
    if (err != ERR_OK) {
        return err_set(why, err, "batch %llu %s", (unsigned long long)frame.sequence,
                       err == ERR_CONFLICT ? "came again before its answer" : "does not fit into memory");
    }
    struct batch_view view;
    err = check_batch(receiver, &frame, &view, why);
    if (err != ERR_OK) {
        refuse(receiver, frame.sequence, err, why->text, receiver_heard_us(receiver));
        return ERR_OK;
    }
    receiver->events->batch(receiver->owner, &view, frame.historical);
    return ERR_OK;
}

size_t receiver_outstanding(const struct receiver *receiver)
{
    return receiver->outstanding.count;
}
