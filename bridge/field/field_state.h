/* field_state: what a field is made of; for the files of field.h only. */
#ifndef BOURDON_FIELD_FIELD_STATE_H
#define BOURDON_FIELD_FIELD_STATE_H

#include "field/field.h"
#include "field/poller.h"

struct field {
    struct poller *pollers; /* one a link */
    size_t poller_count;    /* initialised */
    struct reading_sink sink;
    struct reading_space space;
    struct poller_context context;
};

#endif
