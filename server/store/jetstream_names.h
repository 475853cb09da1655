/* jetstream_names: subjects of a store in JetStream, and the header of its batches. Pure. */
#ifndef BOURDON_SERVER_STORE_JETSTREAM_NAMES_H
#define BOURDON_SERVER_STORE_JETSTREAM_NAMES_H

#include "tunnel/batch.h"

#include <stdbool.h>

enum { JETSTREAM_SUBJECT_MAX = 256, JETSTREAM_BRIDGE_MAX = 63 };

struct jetstream_about {
    char bridge[JETSTREAM_BRIDGE_MAX + 1];
    int64_t received_us, committed_us;
    bool historical;
};

/* Each writes into text[JETSTREAM_SUBJECT_MAX] and returns it. */
char *jetstream_mark_subject(const char *name, const char *bridge, const uint8_t *epoch, char *text);
char *jetstream_batch_subject(const char *name, const char *bridge, const struct batch_identity *identity,
                              char *text);
/* What NATS knows a batch by for a while: its place and digest. So a duplicate is the same, byte by byte. */
char *jetstream_batch_id(const char *place, const uint8_t *digest, char *text);
char *jetstream_catalog_subject(const char *name, const uint8_t *hash, char *text);

char *jetstream_about_write(const struct jetstream_about *about, char *text);
/* False: the text (NULL: there is none) is not of that form. */
bool jetstream_about_read(const char *text, struct jetstream_about *about);

#endif
