#include "watch/page.h"

#include "base/clock.h"
#include "output.h"
#include "terminal_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    VALUE_WIDTH = 16,
    UNIT_WIDTH = 8,
    QUALITY_WIDTH = 16,
    AGE_WIDTH = 9,
    OTHERS_WIDTH = VALUE_WIDTH + UNIT_WIDTH + QUALITY_WIDTH + AGE_WIDTH + 4, /* and the blanks between */
    TAG_WIDTH_LEAST = 12,
    CELL_MAX = 512,
};

static const char *text_of(const struct json_tree *tree, const struct json_node *object, const char *key)
{
    const struct json_node *node = json_member(tree, object, key);
    return node && node->kind == JSON_STRING ? node->text : NULL;
}

static int64_t number_of(const struct json_tree *tree, const struct json_node *object, const char *key)
{
    const struct json_node *node = json_member(tree, object, key);
    return node && node->kind == JSON_NUMBER ? strtoll(node->text, NULL, 10) : 0;
}

static bool read_row(const struct json_tree *tree, const struct json_node *node, struct page_row *row)
{
    *row = (struct page_row){
        .tag = text_of(tree, node, "tag"),
        .value = text_of(tree, node, "value"),
        .unit = text_of(tree, node, "unit"),
        .quality = text_of(tree, node, "quality"),
        .time_us = number_of(tree, node, "time_us"),
    };
    return row->tag && row->unit && row->quality;
}

enum err page_read(struct page *page, const struct json_tree *answer, uint64_t skipped, struct err_text *why)
{
    const struct json_node *tags = json_member(answer, answer->nodes, "tags");
    page->bridge = text_of(answer, answer->nodes, "bridge");
    page->now_us = number_of(answer, answer->nodes, "now_us");
    page->matching = (uint64_t)number_of(answer, answer->nodes, "matching");
    page->skipped = skipped;
    page->count = 0;
    if (!tags || tags->kind != JSON_ARRAY || !page->bridge) {
        return err_set(why, ERR_MALFORMED, "that is no bridge: it gives no values");
    }
    for (const struct json_node *node = json_first(answer, tags); node; node = json_next(answer, node)) {
        if (page->count == PAGE_ROWS_MAX || !read_row(answer, node, &page->rows[page->count])) {
            return err_set(why, ERR_MALFORMED, "the bridge gives values that make no sense");
        }
        page->count++;
    }
    return ERR_OK;
}

uint64_t page_rows(int lines)
{
    int rows = lines - PAGE_FURNITURE;
    rows = rows > 1 ? rows : 1;
    return (uint64_t)(rows < PAGE_ROWS_MAX ? rows : PAGE_ROWS_MAX);
}

/* One cell of exactly `width` columns; what does not fit is cut, with a mark. */
static void put_cell(FILE *out, const char *text, int width, bool right)
{
    char safe[CELL_MAX];
    terminal_text_copy(text, safe, sizeof safe);
    int padding = width - terminal_text_width(safe);
    if (padding < 0) {
        int kept = 0;
        char *at = safe;
        for (; *at && kept < width - 1; kept++) {
            do {
                at++;
            } while (((unsigned char)*at & 0xc0U) == 0x80U); /* the rest of a character of UTF-8 */
        }
        *at = '\0';
        fprintf(out, "%s~", safe);
        return;
    }
    fprintf(out, "%*s%s%*s", right ? padding : 0, "", safe, right ? 0 : padding, "");
}

/* Ends a line of the terminal, whatever was there before. */
static void end_line(FILE *out)
{
    fputs("\033[0m\033[K\n", out);
}

static const char *colour_of(const char *quality)
{
    if (strcmp(quality, "good") == 0 || strcmp(quality, "uncertain_clock") == 0) {
        return "";
    }
    return strncmp(quality, "bad", 3) == 0 ? "\033[31m" : "\033[33m";
}

static const char *age_of(const struct page *page, const struct page_row *row, char *text)
{
    int64_t age_us = page->now_us - row->time_us;
    if (row->time_us == 0) {
        return "-";
    }
    return output_duration_text(age_us > 0 ? age_us : 0, text);
}

static void put_row(FILE *out, const struct page *page, const struct page_row *row, int tag_width)
{
    char age[OUTPUT_DURATION_MAX];
    fputs(colour_of(row->quality), out);
    put_cell(out, row->tag, tag_width, false);
    fputc(' ', out);
    put_cell(out, row->value ? row->value : "-", VALUE_WIDTH, true);
    fputc(' ', out);
    put_cell(out, row->unit, UNIT_WIDTH, false);
    fputc(' ', out);
    put_cell(out, row->quality, QUALITY_WIDTH, false);
    fputc(' ', out);
    put_cell(out, age_of(page, row, age), AGE_WIDTH, true);
    end_line(out);
}

static void put_heads(FILE *out, int tag_width)
{
    fputs("\033[1m", out);
    put_cell(out, "TAG", tag_width, false);
    fputc(' ', out);
    put_cell(out, "VALUE", VALUE_WIDTH, true);
    fputc(' ', out);
    put_cell(out, "UNIT", UNIT_WIDTH, false);
    fputc(' ', out);
    put_cell(out, "QUALITY", QUALITY_WIDTH, false);
    fputc(' ', out);
    put_cell(out, "AGE", AGE_WIDTH, true);
    end_line(out);
}

void page_draw(FILE *out, const struct page *page, int lines, int columns)
{
    char title[CELL_MAX];
    char when[CLOCK_TEXT_MAX];
    columns--; /* a terminal that has filled its last column clears it, too */
    int tag_width = columns - OTHERS_WIDTH > TAG_WIDTH_LEAST ? columns - OTHERS_WIDTH : TAG_WIDTH_LEAST;
    clock_format(page->now_us, when);
    when[19] = '\0'; /* seconds will do */
    snprintf(title, sizeof title, "%s  %sZ  tags %" PRIu64 " to %" PRIu64 " of %" PRIu64, page->bridge, when,
             page->skipped + (page->count > 0), page->skipped + page->count, page->matching);
    fputs("\033[H", out);
    put_cell(out, title, columns, false);
    end_line(out);
    put_heads(out, tag_width);
    for (size_t i = 0; i < page->count && i < page_rows(lines); i++) {
        put_row(out, page, &page->rows[i], tag_width);
    }
    fputs("\033[J", out);
    bool more = page->matching > page->count;
    put_cell(out, more ? "q quit   space next page   b page before" : "q quit", columns, false);
    fputs("\033[K", out);
}
