/*
 * session_link: what both ends of a session have in common: frames cut out of the stream that comes in,
 * frames that go out, the question whether the peer is still there, and an end that comes once. The machine
 * on top (session_sender, session_receiver) decides what the frames mean. Pure; one thread.
 */
#ifndef BOURDON_TUNNEL_SESSION_LINK_H
#define BOURDON_TUNNEL_SESSION_LINK_H

#include "tunnel/frame_stream.h"
#include "tunnel/liveness.h"

struct session_link_events {
    void (*send)(void *machine, struct bytes bytes);
    /* How large the payload of such a frame may be now; ERR_MALFORMED: it is not wanted. See frame_gate. */
    enum err (*payload_max)(const void *machine, enum frame_type type, uint32_t *max, struct err_text *why);
    /* A frame that was wanted, but for TEST and TEST_ACK, which the link answers. An error ends the session.
     */
    enum err (*frame)(void *machine, const struct frame *frame, struct err_text *why);
    /* The last moment to send something before BYE. NULL: nothing is to be sent. */
    void (*before_bye)(void *machine);
    /* The peer has answered session_link_probe(). NULL: nobody probes. */
    void (*probed)(void *machine);
    /* The end, once. */
    void (*ended)(void *machine, enum err code, const struct frame_bye *bye);
};

struct session_link {
    const struct session_link_events *events; /* borrowed */
    void *machine;
    struct frame_stream stream;
    struct buffer out; /* where the machine writes the next frame */
    size_t kept;       /* capacity of `out` that is kept; more is given back after use */
    struct liveness liveness;
    uint32_t tests;  /* sent and not answered */
    uint32_t before; /* answers to come until the one that a probe waits for; 0 = no probe */
    bool ended;
};

struct session_link_options {
    const struct session_link_events *events;
    void *machine;
    size_t out_limit, out_kept;
};

void session_link_init(struct session_link *link, const struct session_link_options *options);
void session_link_fini(struct session_link *link);

/* Sends what was written to link->out, if `written` is ERR_OK; otherwise gives up. */
void session_link_send(struct session_link *link, enum err written);
/* Ends the session without a word. */
void session_link_end(struct session_link *link, enum err code, const struct frame_bye *bye);
/* Says why, as far as there is memory to say it, and ends. */
void session_link_give_up(struct session_link *link, enum err code, enum bye_reason reason, const char *text);

void session_link_receive(struct session_link *link, struct bytes bytes, int64_t now_us);
/* Sends a TEST; its own answer, and no earlier sign of life, is told by `probed`. */
void session_link_probe(struct session_link *link);
/* Asks for a sign of life, or gives up, when that is due. */
void session_link_check_life(struct session_link *link, int64_t now_us);

#endif
