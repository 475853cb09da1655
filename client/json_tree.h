/*
 * json_tree: reads one JSON value (RFC 8259) into a tree. Strict: one value, nothing behind it, UTF-8, no NUL
 * in strings; at most JSON_TREE_DEPTH deep and JSON_TREE_NODES values. One thread.
 *
 * Why not a library: numbers are kept as written. A reading may be a uint64 or have the digits of a float32,
 * and the tree parsers that Debian packages make a double or an int64 of them.
 */
#ifndef BOURDON_CLIENT_JSON_TREE_H
#define BOURDON_CLIENT_JSON_TREE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { JSON_TREE_DEPTH = 32, JSON_TREE_NODES = 4 * 1000 * 1000 };

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_node {
    enum json_kind kind;
    const char *key;  /* of a member of an object, else NULL */
    const char *text; /* string: decoded; number, true, false, null: as written */
    size_t first;     /* object, array: index of the first child, 0 = none */
    size_t next;      /* index of the next sibling, 0 = none */
};

struct json_tree {           /* all zero = empty */
    struct json_node *nodes; /* owned; nodes[0] is the value itself */
    size_t count, capacity;
};

/*
 * Parses the `size` bytes at `text`, which must be followed by a NUL, in place: the nodes point into it, so
 * it must outlive them. What the tree held before is forgotten. ERR_MALFORMED, with the byte and what is
 * wrong.
 */
MUST_USE enum err json_tree_read(struct json_tree *tree, char *text, size_t size, struct err_text *why);
void json_tree_fini(struct json_tree *tree);

/* NULL = there is none. For `for (node = json_first(tree, parent); node; node = json_next(tree, node))`. */
const struct json_node *json_first(const struct json_tree *tree, const struct json_node *parent);
const struct json_node *json_next(const struct json_tree *tree, const struct json_node *node);
/* The first member of an object with this key; NULL also if `object` is NULL or no object. */
const struct json_node *json_member(const struct json_tree *tree, const struct json_node *object,
                                    const char *key);

#endif
