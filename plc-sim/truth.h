/*
 * truth: a file that says what was served, for tests to compare a store with.
 *
 * One line for each span of items that an answer gave out (read) or that a request changed (write), fields
 * separated by tabs:
 *
 *   served_us  endpoint  unit  what  table  address  sent  items
 *
 *   served_us  wall clock in microseconds when the items were taken from, or put into, the PLC's memory:
 * between the client's sending of the request and its receiving of the answer endpoint   what the client
 * connected to: "127.0.0.1:1502" unit       unit identifier as asked, decimal what       read or write table
 * coil, discrete, holding or input address    of the first item, zero-based, decimal sent       "good" when
 * the answer left unharmed, if perhaps slowly; else the kind of the fault that was done to it, and then the
 * items must never become a reading items      registers: 4 hexadecimal digits each, next to each other;
 * bits: 0 or 1 each
 *
 * Lines that begin with # are comments. Lines are buffered: truth_flush() or truth_close() puts them out.
 * One thread.
 */
#ifndef BOURDON_PLCSIM_TRUTH_H
#define BOURDON_PLCSIM_TRUTH_H

#include "image.h"

struct truth;

struct truth_entry {
    int64_t served_us; /* wall clock */
    const char *endpoint;
    uint8_t unit;
    bool written; /* else read */
    struct image_span span;
    const char *fault; /* NULL = the answer leaves unharmed */
};

/* Makes or empties the file. */
MUST_USE enum err truth_open(const char *path, struct truth **truth, struct err_text *why);

/* Notes the span's items as they stand in the image. A failed write is kept for truth_close(). */
void truth_add(struct truth *truth, const struct truth_entry *entry, const struct image *image);

void truth_flush(struct truth *truth);

/* ERR_IO, ERR_DISK_FULL when the file is incomplete. NULL is fine. */
MUST_USE enum err truth_close(struct truth *truth, struct err_text *why);

#endif
