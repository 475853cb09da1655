#include "base/manual.h"

#include <stdbool.h>
#include <string.h>

static size_t print_margin(FILE *out, size_t indent)
{
    fprintf(out, "%*s", (int)indent, "");
    return indent;
}

/* One line of the text, broken between words where it is too long. */
static void wrap_line(FILE *out, size_t indent, const char *line, size_t size)
{
    size_t column = indent;
    size_t gap = 0;
    for (size_t at = 0; at < size;) {
        size_t word = strcspn(line + at, " \n");
        if (gap > 0 && column + gap + word > MANUAL_WIDTH) {
            fputc('\n', out);
            column = print_margin(out, indent);
            gap = 0;
        }
        fprintf(out, "%*s%.*s", (int)gap, "", (int)word, line + at);
        column += gap + word;
        at += word;
        gap = strspn(line + at, " ");
        at += gap;
    }
}

void manual_paragraph(FILE *out, size_t column, size_t indent, const char *text)
{
    if (column > indent) {
        fputc('\n', out);
        column = 0;
    }
    print_margin(out, indent - column);
    for (;;) {
        size_t size = strcspn(text, "\n");
        if (*text == ' ') {
            fwrite(text, 1, size, out);
        } else {
            wrap_line(out, indent, text, size);
        }
        fputc('\n', out);
        text += size;
        if (!*text || !*++text) {
            return;
        }
        if (*text != '\n') {
            print_margin(out, indent);
        }
    }
}

void manual_roff(FILE *out, const char *text)
{
    for (const char *at = text; *at; at++) {
        bool starts_line = at == text || at[-1] == '\n';
        if (starts_line && (*at == '.' || *at == '\'')) {
            fputs("\\&", out); /* else it would be a request */
        }
        if (*at == '\\') {
            fputs("\\e", out);
        } else if (*at == '-') {
            fputs("\\-", out);
        } else {
            fputc(*at, out);
        }
    }
}
