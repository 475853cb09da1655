#include "field/emitter.h"

struct reading *emitter_slot(struct emitter *emitter)
{
    if (emitter->count == EMITTER_READINGS) {
        emitter_flush(emitter);
    }
    return &emitter->space[emitter->count];
}

void emitter_commit(struct emitter *emitter)
{
    struct reading *reading = &emitter->space[emitter->count++];
    reading->request_us = emitter->stamp.request_us;
    reading->response_us = emitter->stamp.response_us;
}

void emitter_flush(struct emitter *emitter)
{
    if (emitter->count == 0) {
        return;
    }
    if (emitter->sink->put(emitter->sink->owner, emitter->space, emitter->count)) {
        emitter->emitted += emitter->count;
    } else {
        emitter->refused = true;
    }
    emitter->count = 0;
}
