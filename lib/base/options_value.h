/*
 * options_value: one scalar of a configuration, between its text and the field of a structure.
 *
 * Covers OPTION_STRING, BOOL, INT, FLOAT, DURATION, SIZE and CHOICE. Pure but for the memory of strings. Any
 * thread.
 */
#ifndef BOURDON_BASE_OPTIONS_VALUE_H
#define BOURDON_BASE_OPTIONS_VALUE_H

#include "base/err.h"
#include "base/options.h"

#include <stdbool.h>
#include <stddef.h>

enum { OPTIONS_NUMBER_MAX = 40 }; /* a formatted number, duration or size with its terminator */

/* Why a text is no value of an option. */
struct options_complaint {
    char message[256]; /* goes on after the key's name: `"5x" is not a duration` */
    char hint[384];    /* empty = none */
};

/*
 * Reads `text` into the option's field; a string's memory then belongs to the field, and what it held is
 * freed. ERR_CONFIG fills the complaint and leaves the field as it was.
 */
MUST_USE enum err options_value_parse(const struct option *option, const char *text, size_t size, void *field,
                                      struct options_complaint *complaint);

/* The same for one string of an OPTION_STRINGS: a copy goes to `*string`. */
MUST_USE enum err options_value_copy(const char *text, size_t size, char **string,
                                     struct options_complaint *complaint);

/* Writes a number, duration, size, bool or choice as parse reads it back. Empty if it is outside its range or
 * choices: only an absent value without a default is. */
void options_value_format(const struct option *option, const void *field, char text[OPTIONS_NUMBER_MAX]);

/* Writes "10ms to 1h", "at least 1" or "big, little"; empty if anything goes. */
void options_value_range(const struct option *option, char *text, size_t size);

/* "duration", "whole number", … */
const char *options_kind_name(enum option_kind kind);

#endif
