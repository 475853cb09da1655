#include "json_tree.h"

#include "base/utf8.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    struct json_tree *tree;
    char *start;
    char *at;
    char *end;
    size_t depth;
    struct err_text *why;
};

static enum err parse_value(struct parser *parser, const char *key, size_t *index);

static enum err malformed(struct parser *parser, const char *what)
{
    return err_set(parser->why, ERR_MALFORMED, "byte %td: %s", parser->at - parser->start + 1, what);
}

/* What was consumed becomes NUL: that ends the number or word in front of it. */
static void skip_space(struct parser *parser)
{
    while (parser->at < parser->end && strchr(" \t\r\n", *parser->at) && *parser->at) {
        *parser->at++ = '\0';
    }
}

static bool take(struct parser *parser, char expected)
{
    skip_space(parser);
    if (parser->at == parser->end || *parser->at != expected) {
        return false;
    }
    *parser->at++ = '\0';
    return true;
}

static enum err add_node(struct parser *parser, enum json_kind kind, const char *key, size_t *index)
{
    struct json_tree *tree = parser->tree;
    *index = 0;
    if (tree->count == JSON_TREE_NODES) {
        return err_set(parser->why, ERR_LIMIT, "more than %d values", JSON_TREE_NODES);
    }
    if (tree->count == tree->capacity) {
        size_t capacity = tree->capacity > 0 ? 2 * tree->capacity : 64;
        struct json_node *nodes = realloc(tree->nodes, capacity * sizeof *nodes);
        if (!nodes) {
            return err_set(parser->why, ERR_NO_MEMORY, "out of memory");
        }
        tree->nodes = nodes;
        tree->capacity = capacity;
    }
    *index = tree->count++;
    tree->nodes[*index] = (struct json_node){.kind = kind, .key = key, .text = ""};
    return ERR_OK;
}

/* ---- strings ---- */

static char *put_utf8(char *to, uint32_t code_point)
{
    if (code_point < 0x80) {
        *to++ = (char)code_point;
        return to;
    }
    int tail = code_point < 0x800 ? 1 : code_point < 0x10000 ? 2 : 3;
    static const uint8_t leads[] = {0, 0xc0, 0xe0, 0xf0};
    *to++ = (char)(leads[tail] | code_point >> (6 * tail));
    while (tail-- > 0) {
        *to++ = (char)(0x80 | (code_point >> (6 * tail) & 0x3f));
    }
    return to;
}

static bool take_hex4(struct parser *parser, uint32_t *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        if (parser->at == parser->end || !isxdigit((unsigned char)*parser->at)) {
            return false;
        }
        int digit = tolower((unsigned char)*parser->at++);
        *unit = *unit << 4 | (uint32_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    }
    return true;
}

/* Behind "\u": one UTF-16 unit or a pair of surrogates. */
static bool take_escaped_code_point(struct parser *parser, uint32_t *code_point)
{
    if (!take_hex4(parser, code_point) || (*code_point >= 0xdc00 && *code_point < 0xe000)) {
        return false;
    }
    if (*code_point < 0xd800 || *code_point >= 0xe000) {
        return *code_point != 0;
    }
    uint32_t low;
    if (parser->end - parser->at < 2 || parser->at[0] != '\\' || parser->at[1] != 'u') {
        return false;
    }
    parser->at += 2;
    if (!take_hex4(parser, &low) || low < 0xdc00 || low >= 0xe000) {
        return false;
    }
    *code_point = 0x10000 + ((*code_point - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

static bool take_escape(struct parser *parser, char **to)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    char letter = (char)(parser->at < parser->end ? *parser->at++ : '\0');
    uint32_t code_point;
    if (letter == 'u') {
        if (!take_escaped_code_point(parser, &code_point)) {
            return false;
        }
        *to = put_utf8(*to, code_point);
        return true;
    }
    const char *found = letter ? strchr(letters, letter) : NULL;
    if (!found) {
        return false;
    }
    *(*to)++ = meanings[found - letters];
    return true;
}

/* Behind the opening quote; decodes in place, as no escape is shorter than what it stands for. */
static enum err parse_string(struct parser *parser, const char **text)
{
    char *to = parser->at;
    *text = to;
    while (parser->at < parser->end && *parser->at != '"') {
        if (*parser->at == '\\') {
            parser->at++;
            if (!take_escape(parser, &to)) {
                return malformed(parser, "an escape that JSON does not know");
            }
            continue;
        }
        size_t size = utf8_next(parser->at, (size_t)(parser->end - parser->at), NULL);
        if (size == 0 || (unsigned char)*parser->at < 0x20) {
            return malformed(parser, size == 0 ? "not UTF-8" : "a control character in a string");
        }
        memmove(to, parser->at, size);
        to += size;
        parser->at += size;
    }
    if (parser->at == parser->end) {
        return malformed(parser, "a string without an end");
    }
    *to = '\0';
    *parser->at++ = '\0';
    return ERR_OK;
}

/* ---- numbers and words ---- */

static bool skip_digits(struct parser *parser)
{
    char *first = parser->at;
    while (parser->at < parser->end && isdigit((unsigned char)*parser->at)) {
        parser->at++;
    }
    return parser->at > first;
}

static bool skip_number(struct parser *parser)
{
    parser->at += *parser->at == '-';
    bool zero = *parser->at == '0';
    const char *first = parser->at;
    if (!skip_digits(parser) || (zero && parser->at - first > 1)) {
        return false;
    }
    if (*parser->at == '.') {
        parser->at++;
        if (!skip_digits(parser)) {
            return false;
        }
    }
    if (*parser->at == 'e' || *parser->at == 'E') {
        parser->at++;
        parser->at += *parser->at == '+' || *parser->at == '-';
        return skip_digits(parser);
    }
    return true;
}

static enum err parse_plain(struct parser *parser, const char *key, size_t *index)
{
    static const struct {
        const char *word;
        size_t size;
        enum json_kind kind;
    } words[] = {{"null", 4, JSON_NULL}, {"true", 4, JSON_BOOL}, {"false", 5, JSON_BOOL}};
    char *text = parser->at;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strncmp(text, words[i].word, words[i].size) == 0) {
            parser->at += words[i].size;
            enum err result = add_node(parser, words[i].kind, key, index);
            if (result == ERR_OK) {
                parser->tree->nodes[*index].text = words[i].word;
            }
            return result;
        }
    }
    if (!skip_number(parser)) {
        return malformed(parser, "not a JSON value");
    }
    enum err result = add_node(parser, JSON_NUMBER, key, index);
    if (result == ERR_OK) {
        parser->tree->nodes[*index].text = text;
    }
    return result;
}

/* ---- objects and arrays ---- */

static enum err parse_key(struct parser *parser, const char **key)
{
    if (!take(parser, '"')) {
        return malformed(parser, "expected a key in quotes");
    }
    enum err result = parse_string(parser, key);
    if (result != ERR_OK) {
        return result;
    }
    return take(parser, ':') ? ERR_OK : malformed(parser, "expected ':'");
}

static enum err parse_children(struct parser *parser, size_t parent, bool object)
{
    const char close = object ? '}' : ']';
    size_t before = 0;
    if (take(parser, close)) {
        return ERR_OK;
    }
    do {
        const char *key = NULL;
        size_t child = 0;
        enum err result = object ? parse_key(parser, &key) : ERR_OK;
        if (result == ERR_OK) {
            result = parse_value(parser, key, &child);
        }
        if (result != ERR_OK) {
            return result;
        }
        struct json_node *nodes = parser->tree->nodes;
        *(before == 0 ? &nodes[parent].first : &nodes[before].next) = child;
        before = child;
    } while (take(parser, ','));
    return take(parser, close) ? ERR_OK
                               : malformed(parser, object ? "expected ',' or '}'" : "expected ',' or ']'");
}

static enum err parse_container(struct parser *parser, const char *key, size_t *index, bool object)
{
    enum err result = add_node(parser, object ? JSON_OBJECT : JSON_ARRAY, key, index);
    if (result != ERR_OK) {
        return result;
    }
    if (parser->depth == JSON_TREE_DEPTH) {
        return malformed(parser, "nested too deep");
    }
    parser->depth++;
    result = parse_children(parser, *index, object);
    parser->depth--;
    return result;
}

static enum err parse_value(struct parser *parser, const char *key, size_t *index)
{
    skip_space(parser);
    if (parser->at == parser->end) {
        return malformed(parser, "the text ends too early");
    }
    if (take(parser, '{')) {
        return parse_container(parser, key, index, true);
    }
    if (take(parser, '[')) {
        return parse_container(parser, key, index, false);
    }
    if (!take(parser, '"')) {
        return parse_plain(parser, key, index);
    }
    const char *text = NULL;
    enum err result = parse_string(parser, &text);
    if (result == ERR_OK) {
        result = add_node(parser, JSON_STRING, key, index);
    }
    if (result == ERR_OK) {
        parser->tree->nodes[*index].text = text;
    }
    return result;
}

enum err json_tree_read(struct json_tree *tree, char *text, size_t size, struct err_text *why)
{
    struct parser parser = {.tree = tree, .start = text, .at = text, .end = text + size, .why = why};
    size_t root;
    tree->count = 0;
    enum err result = parse_value(&parser, NULL, &root);
    if (result != ERR_OK) {
        tree->count = 0;
        return result;
    }
    skip_space(&parser);
    if (parser.at != parser.end) {
        tree->count = 0;
        return malformed(&parser, "more text behind the value");
    }
    return ERR_OK;
}

void json_tree_fini(struct json_tree *tree)
{
    free(tree->nodes);
    *tree = (struct json_tree){0};
}

const struct json_node *json_first(const struct json_tree *tree, const struct json_node *parent)
{
    return parent && parent->first > 0 ? &tree->nodes[parent->first] : NULL;
}

const struct json_node *json_next(const struct json_tree *tree, const struct json_node *node)
{
    return node->next > 0 ? &tree->nodes[node->next] : NULL;
}

const struct json_node *json_member(const struct json_tree *tree, const struct json_node *object,
                                    const char *key)
{
    if (!object || object->kind != JSON_OBJECT) {
        return NULL;
    }
    for (const struct json_node *node = json_first(tree, object); node; node = json_next(tree, node)) {
        if (strcmp(node->key, key) == 0) {
            return node;
        }
    }
    return NULL;
}
