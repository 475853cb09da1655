#include "base/manual.h"

#include "base/utf8.h"

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

/* One character at the text: how many bytes it has. */
static size_t roff_character(FILE *out, const char *text, size_t size)
{
    uint32_t code_point = 0;
    size_t taken = utf8_next(text, size, &code_point);
    if (taken > 1) {
        fprintf(out, "\\[u%04X]", (unsigned)code_point);
    } else if (*text == '\\') {
        fputs("\\e", out);
    } else if (*text == '-') {
        fputs("\\-", out);
    } else {
        fputc(*text, out);
    }
    return taken > 0 ? taken : 1;
}

static void roff_bytes(FILE *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i += roff_character(out, text + i, size - i)) {
        bool starts_line = i == 0 || text[i - 1] == '\n';
        if (starts_line && (text[i] == '.' || text[i] == '\'')) {
            fputs("\\&", out); /* else it would be a request */
        }
    }
}

void manual_roff(FILE *out, const char *text)
{
    roff_bytes(out, text, strlen(text));
}

void manual_roff_lines(FILE *out, const char *text)
{
    bool literal = false;
    bool first = true;
    while (*text) {
        size_t size = strcspn(text, "\n");
        bool indented = *text == ' ';
        size_t margin = strspn(text, " ");
        if (indented != literal) {
            fputs(indented ? ".RS 2\n.nf\n" : ".fi\n.RE\n", out);
        } else if (!indented && !first && size > 0) {
            fputs(".br\n", out);
        }
        literal = indented;
        first = size == 0;
        roff_bytes(out, text + margin, size - margin);
        fputs(size > 0 ? "\n" : ".PP\n", out);
        text += size + (text[size] == '\n');
    }
    fputs(literal ? ".fi\n.RE\n" : "", out);
}
