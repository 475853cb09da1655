#include "base/options_reader.h"

#include "base/options.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct options_reader {
    struct diagnostics *diagnostics;
    uint32_t file;
    const char *text;
    size_t size;
    yaml_parser_t parser;
    yaml_event_t event; /* of the node read last: owns its text */
    size_t start;       /* bytes of a byte order mark, which the library does not see */
    size_t mark_index;  /* the library counts characters: character `mark_index` is the byte `mark_offset` */
    size_t mark_offset;
    int depth;
    bool stopped;
};

struct options_reader *options_reader_new(struct diagnostics *diagnostics, uint32_t file, const char *text,
                                          size_t size)
{
    struct options_reader *reader = calloc(1, sizeof *reader);
    if (!reader || !yaml_parser_initialize(&reader->parser)) {
        free(reader);
        return NULL;
    }
    reader->diagnostics = diagnostics;
    reader->file = file;
    reader->text = text;
    reader->size = size;
    reader->start = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    reader->mark_offset = reader->start;
    yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
    const char *input = text ? text + reader->start : ""; // libyaml asserts that there is some
    yaml_parser_set_input_string(&reader->parser, (const unsigned char *)input, size - reader->start);
    return reader;
}

void options_reader_free(struct options_reader *reader)
{
    if (!reader) {
        return;
    }
    yaml_event_delete(&reader->event);
    yaml_parser_delete(&reader->parser);
    free(reader);
}

bool options_reader_stopped(const struct options_reader *reader)
{
    return reader->stopped;
}

/* The byte of a character. Walks from the last one asked for: places come nearly in order. */
static size_t byte_offset(struct options_reader *reader, size_t index)
{
    const uint8_t *text = (const uint8_t *)reader->text;
    while (reader->mark_index < index && reader->mark_offset < reader->size) {
        do {
            reader->mark_offset++;
        } while (reader->mark_offset < reader->size && utf8_is_tail(text[reader->mark_offset]));
        reader->mark_index++;
    }
    while (reader->mark_index > index && reader->mark_offset > 0) {
        do {
            reader->mark_offset--;
        } while (reader->mark_offset > 0 && utf8_is_tail(text[reader->mark_offset]));
        reader->mark_index--;
    }
    return reader->mark_offset;
}

static struct place place_of(struct options_reader *reader, yaml_mark_t start, yaml_mark_t end)
{
    size_t from = byte_offset(reader, start.index);
    size_t to = byte_offset(reader, end.index);
    return diagnostics_place(reader->diagnostics, reader->file, from, to > from ? to - from : 0);
}

static void stop(struct options_reader *reader, struct place place, const char *hint, const char *what)
{
    reader->stopped = true;
    diagnostics_add(reader->diagnostics, place, hint, "%s", what);
}

/* The scanner's most frequent complaints, in an operator's words. */
static const char *syntax_hint(const char *problem)
{
    static const struct {
        const char *problem;
        const char *hint;
    } hints[] = {
        {"found a tab character that violates indentation", "YAML wants spaces, not tabs"},
        {"found character that cannot start any token",
         "YAML wants spaces, not tabs; a text that starts with @, ` or % wants quotes"},
        {"mapping values are not allowed in this context",
         "is this line indented like the one above it? a text with \": \" in it wants quotes"},
        {"could not find expected ':'", "a key is written as \"key: value\""},
        {"did not find expected key", "is this line indented like its neighbours?"},
        {"did not find expected '-' indicator", "every item of this list begins with \"- \""},
        {"did not find expected ',' or '}'", "the { of this mapping is never closed"},
        {"did not find expected ',' or ']'", "the [ of this list is never closed"},
        {"found unexpected end of stream", "a quoted text is never closed"},
        {"control characters are not allowed", "is this a text file?"},
    };
    for (size_t i = 0; problem && i < sizeof hints / sizeof hints[0]; i++) {
        if (strcmp(problem, hints[i].problem) == 0) {
            return hints[i].hint;
        }
    }
    return NULL;
}

static void stop_at_syntax_error(struct options_reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    if (parser->error == YAML_MEMORY_ERROR) {
        stop(reader, (struct place){.file = reader->file}, NULL, "out of memory");
        return;
    }
    const char *problem = parser->problem ? parser->problem : "unknown problem";
    char message[128];
    snprintf(message, sizeof message, "not valid YAML: %s", problem);
    if (parser->error == YAML_READER_ERROR) {
        struct place place =
            diagnostics_place(reader->diagnostics, reader->file, reader->start + parser->problem_offset, 1);
        stop(reader, place, "a configuration is a text in UTF-8", message);
        return;
    }
    struct place place = place_of(reader, parser->problem_mark, parser->problem_mark);
    stop(reader, place, syntax_hint(problem), message);
}

static bool parse_event(struct options_reader *reader)
{
    yaml_event_delete(&reader->event);
    if (reader->stopped) {
        return false;
    }
    if (!yaml_parser_parse(&reader->parser, &reader->event)) {
        stop_at_syntax_error(reader);
        return false;
    }
    return true;
}

static void report_decorations(struct options_reader *reader, struct place place, const void *anchor,
                               const char *tag)
{
    if (anchor) {
        diagnostics_add(reader->diagnostics, place, "write the value out where it is needed",
                        "anchors (&) are not supported");
    }
    if (tag) {
        diagnostics_add(reader->diagnostics, place, "leave it out: each key has its own type",
                        "tags (%s) are not supported", tag);
    }
}

static void enter(struct options_reader *reader, struct options_node *node, enum options_node_kind kind)
{
    node->kind = kind;
    node->place.length = 1;
    if (++reader->depth > OPTIONS_DEPTH_MAX) {
        char message[64];
        snprintf(message, sizeof message, "nested more than %d levels deep", OPTIONS_DEPTH_MAX);
        stop(reader, node->place, NULL, message);
    }
}

static void take_scalar(const yaml_event_t *event, struct options_node *node)
{
    node->kind = OPTIONS_NODE_SCALAR;
    node->text = (const char *)event->data.scalar.value;
    node->size = event->data.scalar.length;
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static void take_node(struct options_reader *reader, struct options_node *node)
{
    const yaml_event_t *event = &reader->event;
    if (event->type == YAML_SCALAR_EVENT) {
        take_scalar(event, node);
        report_decorations(reader, node->place, event->data.scalar.anchor,
                           (const char *)event->data.scalar.tag);
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        enter(reader, node, OPTIONS_NODE_LIST);
        report_decorations(reader, node->place, event->data.sequence_start.anchor,
                           (const char *)event->data.sequence_start.tag);
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        enter(reader, node, OPTIONS_NODE_MAP);
        report_decorations(reader, node->place, event->data.mapping_start.anchor,
                           (const char *)event->data.mapping_start.tag);
    } else {
        node->kind = OPTIONS_NODE_BAD;
        diagnostics_add(reader->diagnostics, node->place, "write the value out",
                        "aliases (*) are not supported");
    }
}

static void check_only_document(struct options_reader *reader)
{
    if (!parse_event(reader) || reader->event.type == YAML_STREAM_END_EVENT) {
        return;
    }
    stop(reader, place_of(reader, reader->event.start_mark, reader->event.start_mark),
         "a configuration is one document", "a second YAML document begins here");
}

bool options_reader_next(struct options_reader *reader, struct options_node *node)
{
    while (parse_event(reader)) {
        *node = (struct options_node){.place =
                                          place_of(reader, reader->event.start_mark, reader->event.end_mark)};
        switch (reader->event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_START_EVENT:
            continue;
        case YAML_NO_EVENT: /* behind the end of the stream */
        case YAML_STREAM_END_EVENT:
            return false;
        case YAML_DOCUMENT_END_EVENT:
            check_only_document(reader);
            return false;
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT:
            reader->depth--;
            return false;
        case YAML_ALIAS_EVENT:
        case YAML_SCALAR_EVENT:
        case YAML_SEQUENCE_START_EVENT:
        case YAML_MAPPING_START_EVENT:
            take_node(reader, node);
            return !reader->stopped;
        }
    }
    *node = (struct options_node){.kind = OPTIONS_NODE_BAD};
    return false;
}

void options_reader_skip(struct options_reader *reader, const struct options_node *node)
{
    if (node->kind != OPTIONS_NODE_LIST && node->kind != OPTIONS_NODE_MAP) {
        return;
    }
    int outside = reader->depth - 1;
    struct options_node inside;
    while (reader->depth > outside && !reader->stopped) {
        (void)options_reader_next(reader, &inside);
    }
}
