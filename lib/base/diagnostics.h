/*
 * diagnostics: every error of a configuration, each with its place, shown the way a compiler does.
 *
 *   bridge.yaml:12:19: error: rate: 5ms is below the minimum of 10ms
 *      12 |       rate: 5ms
 *         |             ^~~
 *         = hint: the fastest rate is 10ms
 *
 * Holds the text of the files it points into. Control characters are never written as they are. One thread.
 */
#ifndef BOURDON_BASE_DIAGNOSTICS_H
#define BOURDON_BASE_DIAGNOSTICS_H

#include "base/did_you_mean.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { DIAGNOSTICS_MAX = 100 }; /* further errors are counted, not shown */

struct diagnostics; /* opaque */

/* A place in a file that the diagnostics know. All zero = no place. */
struct place {
    uint32_t file;   /* 1 = first file */
    uint32_t line;   /* 1 = first */
    uint32_t column; /* 1 = first byte */
    uint32_t length; /* bytes to underline; 0 counts as 1 */
};

MUST_USE struct diagnostics *diagnostics_new(void); /* NULL: out of memory */
void diagnostics_free(struct diagnostics *diagnostics);

/* Keeps a copy of a file's text to quote from; returns its number for struct place, 0 when out of memory. */
uint32_t diagnostics_add_file(struct diagnostics *diagnostics, const char *name, const char *text,
                              size_t size);

/* The place of a byte of a file. An `offset` behind the end means the end. */
struct place diagnostics_place(const struct diagnostics *diagnostics, uint32_t file, size_t offset,
                               size_t length);

/* The name a file was added under, borrowed; NULL if there is no such file. */
const char *diagnostics_file_name(const struct diagnostics *diagnostics, uint32_t file);

/* `hint` may be NULL. The message is one sentence without a full stop, beginning with the key it is about. */
void diagnostics_add(struct diagnostics *diagnostics, struct place place, const char *hint,
                     const char *format, ...) PRINTF_LIKE(4, 5);

/* As diagnostics_add() for something worth saying that is no error: it does not count. */
void diagnostics_warn(struct diagnostics *diagnostics, struct place place, const char *hint,
                      const char *format, ...) PRINTF_LIKE(4, 5);

size_t diagnostics_count(const struct diagnostics *diagnostics); /* errors only */

/* Writes them in the order of files and lines, and a last line that counts them. Nothing if there is none. */
void diagnostics_print(const struct diagnostics *diagnostics, FILE *out);

/* Logs each as a line of its own, errors as errors and warnings as warnings. */
void diagnostics_log(const struct diagnostics *diagnostics, const char *subsystem);

/*
 * A side table for whoever reads a file: where the keys of its mappings are. A mapping is known by the place
 * it begins at. Notes are taken in the order of the file, and a NULL key ends the mapping. A note that finds
 * no memory is dropped: a later message then names the mapping instead of the key.
 */
void diagnostics_note_key(struct diagnostics *diagnostics, struct place mapping, const char *key,
                          struct place place);

/* The noted place of a mapping's key; the mapping itself where there is none. */
struct place diagnostics_find_key(const struct diagnostics *diagnostics, struct place mapping,
                                  const char *key);

#endif
