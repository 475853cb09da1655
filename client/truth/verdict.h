/*
 * verdict: classes every stored reading by what the PLC says it served. Pure but for the findings, which go
 * to a callback. One thread.
 */
#ifndef BOURDON_CLIENT_TRUTH_VERDICT_H
#define BOURDON_CLIENT_TRUTH_VERDICT_H

#include "truth/stored_batches.h"
#include "truth/truth_file.h"

enum verdict_class {
    VERDICT_TRUE,       /* the PLC served these words between request and response */
    VERDICT_NO_VALUE,   /* bad quality: nothing to compare */
    VERDICT_NO_PLC,     /* of a tag that is not read from a PLC */
    VERDICT_CORRUPT,    /* it served others */
    VERDICT_PHANTOM,    /* it served nothing there at that time */
    VERDICT_DUPLICATED, /* stored already: same tag, same request */
    VERDICT_REORDERED,  /* older than one of the tag in an earlier batch of the epoch */
    VERDICT_CLASSES
};

/* "true", "no_value", … */
const char *verdict_class_name(enum verdict_class class);

/* Which endpoint a link of the bridges reads; the strings are borrowed. */
struct verdict_link {
    const char *link, *endpoint;
};

struct verdict_options {
    struct truth_file *truth;
    const struct verdict_link *links;
    size_t link_count;
    /* Called for every reading that is corrupt, phantom, duplicated or reordered. */
    void (*found)(void *owner, enum verdict_class class, const struct catalog_tag *tag, uint64_t seq,
                  int64_t request_us);
    void *owner;
};

struct verdict;
MUST_USE struct verdict *verdict_new(const struct verdict_options *options); /* borrows what it points to */
void verdict_free(struct verdict *verdict);                                  /* NULL is fine */

/* For stored_batches_walk(). ERR_NOT_FOUND: a link has no endpoint, and there are several. */
MUST_USE enum err verdict_add(void *verdict, const struct stored_reading *stored);
/* The link of ERR_NOT_FOUND. */
const char *verdict_unknown_link(const struct verdict *verdict);

/* After the last reading: finds what only the whole shows. The tags must still be alive. */
void verdict_finish(struct verdict *verdict);
/* Readings of a class; a reading that is duplicated or reordered is of its other class too. */
uint64_t verdict_count(const struct verdict *verdict, enum verdict_class class);
uint64_t verdict_readings(const struct verdict *verdict);

#endif
