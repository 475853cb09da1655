/*
 * sqlite_stream: the rows of the tables bridge, stream and gap_record: what each epoch of a bridge has got
 * to. Part of sqlite.c, with the same connection and thread.
 */
#ifndef BOURDON_SERVER_STORE_SQLITE_STREAM_H
#define BOURDON_SERVER_STORE_SQLITE_STREAM_H

#include "store/db.h"
#include "store/store.h"

struct sqlite_stream {
    int64_t id; /* 0 = not in the store */
    int64_t contiguous;
    bool stopped_short; /* the last look at `contiguous` */
    int64_t span_us;
};

struct sqlite_streams;

MUST_USE enum err sqlite_streams_new(struct db *db, struct sqlite_streams **streams, struct err_text *why);
void sqlite_streams_free(struct sqlite_streams *streams); /* before the connection is closed; NULL is fine */

MUST_USE enum err sqlite_streams_find(struct sqlite_streams *streams, const char *bridge,
                                      const uint8_t *epoch, struct sqlite_stream *stream,
                                      struct err_text *why);
/* The same, but makes it if there is none. */
MUST_USE enum err sqlite_streams_claim(struct sqlite_streams *streams, const char *bridge,
                                       const uint8_t *epoch, struct sqlite_stream *stream,
                                       struct err_text *why);

/* Keeps the rows true after the batch with row `batch` was inserted. The gaps of a batch of gaps go with it.
 */
MUST_USE enum err sqlite_streams_note(struct sqlite_streams *streams, struct sqlite_stream *stream,
                                      int64_t batch, const struct batch_view *view, struct err_text *why);

/* Counts on from stream->contiguous as far as the sequences are stored or accounted for. One call does a
 * bounded amount of work, so it may stop short. */
MUST_USE enum err sqlite_streams_advance(struct sqlite_streams *streams, struct sqlite_stream *stream,
                                         struct err_text *why);
MUST_USE enum err sqlite_streams_highest(struct sqlite_streams *streams, const struct sqlite_stream *stream,
                                         uint64_t *highest, struct err_text *why);
/* Fills in what is missing between the other watermarks, which are known and not short. Bounded work. */
MUST_USE enum err sqlite_streams_missing(struct sqlite_streams *streams, struct sqlite_stream stream,
                                         struct store_watermarks *watermarks, struct err_text *why);

#endif
