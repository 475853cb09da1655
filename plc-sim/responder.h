/*
 * responder: lets libmodbus execute a request on an image and build the answer. The only file of the
 * simulator that includes libmodbus.
 *
 * libmodbus gets a socket pair of ours to answer into, not a client's connection: it then can neither block
 * on a client that does not read, nor read a frame, nor look at a descriptor number. Its modbus_reply() waits
 * for the response timeout when it dislikes a request; the callers check everything before
 * (pdu_request_decode(), image_allows()) and the timeout is a millisecond for the case that we disagree. One
 * thread.
 */
#ifndef BOURDON_PLCSIM_RESPONDER_H
#define BOURDON_PLCSIM_RESPONDER_H

#include "image.h"

struct responder;

MUST_USE enum err responder_new(struct responder **responder, struct err_text *why);
void responder_free(struct responder *responder); /* NULL is fine */

/* Whether libmodbus executes the function; the others are answered without it. */
bool responder_executes(uint8_t function);

/*
 * Executes a well-formed request PDU on the image and gives the answer's PDU, which lies in the responder
 * until the next call. ERR_IO, ERR_MALFORMED: there is no answer.
 */
MUST_USE enum err responder_answer(struct responder *responder, const struct image *image,
                                   struct bytes request, struct bytes *answer);

#endif
