/*
 * truth_file: what a simulated PLC says it served (bourdon-plcsim's truth file, docs/plc-sim.md).
 *
 * Kept in memory as a whole: 32 bytes a line and 2 bytes a register. Read once, then asked; one thread.
 */
#ifndef BOURDON_CLIENT_TRUTH_TRUTH_FILE_H
#define BOURDON_CLIENT_TRUTH_TRUTH_FILE_H

#include "base/err.h"
#include "tunnel/catalog.h"

#include <stdio.h>

enum {
    TRUTH_LINE_MAX = 16 * 1024,         /* bytes */
    TRUTH_SPANS_MAX = 50 * 1000 * 1000, /* lines */
    TRUTH_ENDPOINTS_MAX = 4096,
    TRUTH_NO_ENDPOINT = TRUTH_ENDPOINTS_MAX,
};

struct truth_file;

/* `name` stands for the file in messages, which name the line. ERR_MALFORMED: not such a file. */
MUST_USE enum err truth_file_read(FILE *file, const char *name, struct truth_file **truth,
                                  struct err_text *why);
void truth_file_free(struct truth_file *truth); /* NULL is fine */

size_t truth_file_endpoint_count(const struct truth_file *truth);
/* The number of an endpoint such as "127.0.0.1:1502"; TRUTH_NO_ENDPOINT if nothing was served there. */
size_t truth_file_endpoint(const struct truth_file *truth, const char *name);

/* Registers or bits as a reading has them, and when they were taken. */
struct truth_question {
    size_t endpoint;
    uint8_t unit;
    enum table table;
    uint16_t address;
    const uint16_t *words;
    size_t count;
    int64_t from_us, to_us; /* wall clock, inclusive */
};

enum truth_answer {
    TRUTH_SERVED,    /* exactly these words in that time */
    TRUTH_DIFFERENT, /* other words in that time */
    TRUTH_NEVER,     /* nothing whole in that time */
};

/* Looks at what was read and left unharmed; what it finds equal counts as used. */
enum truth_answer truth_file_ask(struct truth_file *truth, const struct truth_question *question);

/* Reads that left the PLC unharmed, and how many of those no question has found yet. */
size_t truth_file_reads(const struct truth_file *truth);
size_t truth_file_unused(const struct truth_file *truth);

#endif
