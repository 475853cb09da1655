/*
 * store_contract: what every store must do, by the words of store/store.h. One suite a kind of store runs
 * these tests with its own way to open one.
 */
#ifndef BOURDON_TESTS_STORE_CONTRACT_H
#define BOURDON_TESTS_STORE_CONTRACT_H

#include "store_fixture.h"

struct contract_kind {
    const char *name;
    void (*make)(void);   /* a place for a new store, before each test */
    void (*remove)(void); /* and after it */
    /* Opens the store at that place. May be called again after a close. */
    enum err (*open)(struct store **store, struct err_text *why);
    bool shared; /* may be opened twice at a time */
};

/* Runs them; returns main()'s exit status. */
int store_contract_run(const struct contract_kind *kind);

#endif
