/*
 * options_fixture: a table with every kind of option, a structure of it, and what was said when a text was
 * loaded. For tests of this folder. One test, one process.
 */
#ifndef BOURDON_TESTS_BASE_OPTIONS_FIXTURE_H
#define BOURDON_TESTS_BASE_OPTIONS_FIXTURE_H

#include "base/options.h"

enum order { ORDER_BIG, ORDER_LITTLE };

struct tag {
    struct place place;
    char *name;
    int64_t address;
    int64_t rate_us;
    double scale;
    int order;
};

struct unit {
    struct place place;
    int64_t id;
    struct option_list tags;
};

struct batch {
    struct place place;
    int64_t max_age_us;
    int64_t max_bytes;
};

struct gateway {
    struct place place;
    char *listen;
};

struct plant {
    struct place place;
    char *name;
    char *note;
    char *password;
    bool read_only;
    struct batch batch;
    struct gateway gateway;
    struct option_list endpoints;
    struct option_list units;
};

extern const struct option plant_table[];
extern struct diagnostics *diagnostics; /* of the last loading */
extern struct plant plant;

/* Around each test. */
void options_fixture_setup(void);
void options_fixture_teardown(void);

/* Forgets what was loaded before. */
void forget(void);
enum err load_bytes(const char *text, size_t size);
enum err load(const char *text);

const char *complaints(void); /* what the operator sees */
void expect_clean(enum err err);

const struct unit *unit_at(size_t index);
const struct tag *tag_at(size_t unit, size_t index);

#endif
