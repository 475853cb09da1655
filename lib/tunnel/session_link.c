#include "tunnel/session_link.h"

void session_link_init(struct session_link *link, const struct session_link_options *options)
{
    *link = (struct session_link){
        .events = options->events, .machine = options->machine, .kept = options->out_kept};
    frame_stream_init(&link->stream);
    buffer_init(&link->out, options->out_limit);
}

void session_link_fini(struct session_link *link)
{
    frame_stream_fini(&link->stream);
    buffer_fini(&link->out);
}

static void send_out(struct session_link *link)
{
    link->events->send(link->machine, buffer_bytes(&link->out));
    if (link->out.capacity > link->kept) {
        buffer_fini(&link->out);
    } else {
        buffer_clear(&link->out);
    }
}

void session_link_end(struct session_link *link, enum err code, const struct frame_bye *bye)
{
    if (!link->ended) {
        link->ended = true;
        link->events->ended(link->machine, code, bye);
    }
}

void session_link_give_up(struct session_link *link, enum err code, enum bye_reason reason, const char *text)
{
    struct frame_bye bye = {.reason = reason};
    frame_set_text(bye.text, text);
    if (!link->ended && frame_write_bye(&link->out, &bye) == ERR_OK) {
        send_out(link);
    }
    session_link_end(link, code, &bye);
}

void session_link_send(struct session_link *link, enum err written)
{
    if (written == ERR_OK) {
        send_out(link);
    } else {
        session_link_give_up(link, written, BYE_SHUTTING_DOWN, "out of memory");
    }
}

/* The peer broke the rules, or memory is out. */
static void fail(struct session_link *link, enum err code, const char *text)
{
    enum bye_reason reason = BYE_PROTOCOL;
    if (code == ERR_VERSION) {
        reason = BYE_VERSION;
    } else if (code == ERR_NO_MEMORY) {
        reason = BYE_SHUTTING_DOWN;
    }
    if (link->events->before_bye) {
        link->events->before_bye(link->machine);
    }
    session_link_give_up(link, code, reason, text);
}

/* TESTs are answered in order. One too many answers nothing. */
static void take_test_ack(struct session_link *link)
{
    link->tests -= link->tests > 0;
    if (link->before > 0 && --link->before == 0) {
        link->events->probed(link->machine);
    }
}

/* That something came is what keeps the session alive, and liveness_heard() has seen it. */
static enum err take_test(struct session_link *link, const struct frame *frame, struct err_text *why)
{
    enum err err = frame_read_empty(frame->payload, why);
    if (err != ERR_OK) {
        return err;
    }
    if (frame->type == FRAME_TEST) {
        session_link_send(link, frame_write_empty(&link->out, FRAME_TEST_ACK));
    } else {
        take_test_ack(link);
    }
    return ERR_OK;
}

static enum err take(struct session_link *link, const struct frame *frame, struct err_text *why)
{
    bool test = frame->type == FRAME_TEST || frame->type == FRAME_TEST_ACK;
    return test ? take_test(link, frame, why) : link->events->frame(link->machine, frame, why);
}

void session_link_receive(struct session_link *link, struct bytes bytes, int64_t now_us)
{
    const struct frame_gate gate = {.owner = link->machine, .payload_max = link->events->payload_max};
    liveness_heard(&link->liveness, now_us);
    bool whole = true;
    while (whole && !link->ended) {
        struct frame frame;
        struct err_text why = {""};
        enum err err = frame_stream_next(&link->stream, &bytes, &gate, &frame, &whole, &why);
        if (err == ERR_OK && whole) {
            err = take(link, &frame, &why);
        }
        if (err != ERR_OK) {
            fail(link, err, why.text);
        }
    }
}

static void send_test(struct session_link *link)
{
    link->tests++;
    session_link_send(link, frame_write_empty(&link->out, FRAME_TEST));
}

void session_link_probe(struct session_link *link)
{
    if (!link->ended && link->before == 0) {
        send_test(link);
        link->before = link->tests;
    }
}

void session_link_check_life(struct session_link *link, int64_t now_us)
{
    switch (liveness_check(&link->liveness, now_us)) {
    case LIVENESS_FINE:
        break;
    case LIVENESS_TEST_DUE:
        send_test(link);
        break;
    case LIVENESS_GONE:
        session_link_give_up(link, ERR_TIMEOUT, BYE_TIMEOUT, "no answer to TEST within t1");
        break;
    }
}
