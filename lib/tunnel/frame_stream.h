/*
 * frame_stream: cuts a byte stream, however it is split, into frames. A frame that lies whole in what was
 * received is not copied; a part of one is kept. Whether a frame is wanted and how large it may be is asked
 * as soon as its head is there, before any of its payload is kept. One thread.
 */
#ifndef BOURDON_TUNNEL_FRAME_STREAM_H
#define BOURDON_TUNNEL_FRAME_STREAM_H

#include "tunnel/frame.h"

struct frame {
    enum frame_type type;
    struct bytes payload; /* valid until the next call */
};

struct frame_stream {
    struct buffer part;
    bool delivered; /* `part` is the frame given out last */
};

/* Says how large the payload of such a frame may be now. ERR_MALFORMED: it is not wanted now. */
struct frame_gate {
    const void *owner;
    enum err (*payload_max)(const void *owner, enum frame_type type, uint32_t *max, struct err_text *why);
};

void frame_stream_init(struct frame_stream *stream);
void frame_stream_fini(struct frame_stream *stream);

/* Takes bytes from `input`. True in *whole: `frame` is the next frame, call again; false: the input is used
 * up. ERR_MALFORMED, ERR_LIMIT, ERR_NO_MEMORY end the stream. */
MUST_USE enum err frame_stream_next(struct frame_stream *stream, struct bytes *input,
                                    const struct frame_gate *gate, struct frame *frame, bool *whole,
                                    struct err_text *why);

/* Whether a part of a frame is waiting for the rest. */
bool frame_stream_is_waiting(const struct frame_stream *stream);

#endif
