/*
 * The hex blocks of docs/protocol.md are what the code makes. A block begins with a line "```hex NAME"; what
 * follows a semicolon is a comment. With --print this program writes the bytes of every example instead.
 */
#include "support/protocol_examples.h"
#include "support/suite.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS_MAX = 64, NAME_MAX_SIZE = 64 };

struct block {
    char name[NAME_MAX_SIZE];
    struct buffer bytes;
};

static struct block blocks[BLOCKS_MAX];
static size_t block_count;

static void append_hex(struct buffer *bytes, const char *line, unsigned line_number)
{
    for (const char *at = line; *at && *at != ';' && *at != '\n'; at++) {
        if (*at == ' ') {
            continue;
        }
        const char digits[] = {at[0], at[1], '\0'};
        char *end;
        uint8_t value = (uint8_t)strtoul(digits, &end, 16);
        ck_assert_msg(end == digits + 2, "line %u is no hex: %s", line_number, line);
        ck_assert_int_eq(buffer_append(bytes, &value, 1), ERR_OK);
        at++;
    }
}

static void start_block(const char *line)
{
    ck_assert_uint_lt(block_count, BLOCKS_MAX);
    struct block *block = &blocks[block_count++];
    ck_assert_int_eq(sscanf(line, "```hex %63s", block->name), 1);
    buffer_init(&block->bytes, 1 << 20);
}

static void read_document(void)
{
    char path[1024];
    char line[1024];
    snprintf(path, sizeof path, "%s/docs/protocol.md", getenv("BOURDON_SOURCE"));
    FILE *document = fopen(path, "r");
    ck_assert_msg(document, "%s", path);
    bool inside = false;
    for (unsigned number = 1; fgets(line, sizeof line, document); number++) {
        if (strncmp(line, "```hex ", 7) == 0) {
            start_block(line);
            inside = true;
        } else if (strncmp(line, "```", 3) == 0) {
            inside = false;
        } else if (inside) {
            append_hex(&blocks[block_count - 1].bytes, line, number);
        }
    }
    fclose(document);
}

static struct block *find_block(const char *name)
{
    for (size_t i = 0; i < block_count; i++) {
        if (strcmp(blocks[i].name, name) == 0) {
            return &blocks[i];
        }
    }
    return NULL;
}

START_TEST(every_example_is_in_the_document_as_the_code_makes_it)
{
    read_document();
    size_t count = 0;
    for (const struct protocol_example *example = protocol_examples; example->name; example++, count++) {
        struct buffer made;
        buffer_init(&made, 1 << 20);
        example->make(&made);
        const struct block *block = find_block(example->name);
        ck_assert_msg(block, "%s is missing", example->name);
        bool same = block->bytes.size == made.size && memcmp(block->bytes.data, made.data, made.size) == 0;
        ck_assert_msg(same, "%s differs; see test_tunnel_protocol_document --print", example->name);
        buffer_fini(&made);
    }
    ck_assert_uint_eq(block_count, count);
}
END_TEST

static int print_examples(void)
{
    for (const struct protocol_example *example = protocol_examples; example->name; example++) {
        struct buffer made;
        buffer_init(&made, 1 << 20);
        example->make(&made);
        printf("%s ", example->name);
        for (size_t i = 0; i < made.size; i++) {
            printf("%02x", made.data[i]);
        }
        printf("\n");
        buffer_fini(&made);
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--print") == 0) {
        return print_examples();
    }
    return suite_run("protocol_document",
                     (const TTest *[]){every_example_is_in_the_document_as_the_code_makes_it, NULL});
}
