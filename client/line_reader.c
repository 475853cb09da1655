#include "line_reader.h"

#include <string.h>

enum line_kind line_reader_next(struct line_reader *reader)
{
    bool too_long = false;
    int byte = getc(reader->file);
    if (byte == EOF) {
        return ferror(reader->file) ? LINE_FAILED : LINE_END;
    }
    reader->number++;
    reader->size = 0;
    for (; byte != EOF && byte != '\n'; byte = getc(reader->file)) {
        if (reader->size < LINE_READER_MAX) {
            reader->text[reader->size++] = (char)byte;
        } else {
            too_long = true;
        }
    }
    if (byte == EOF && ferror(reader->file)) {
        return LINE_FAILED;
    }
    if (reader->size > 0 && reader->text[reader->size - 1] == '\r') {
        reader->size--;
    }
    reader->text[reader->size] = '\0';
    if (too_long) {
        return LINE_TOO_LONG;
    }
    return strlen(reader->text) == reader->size ? LINE_GOOD : LINE_HAS_NUL;
}
