#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *err_name(enum err code)
{
    switch (code) {
    case ERR_OK:
        return "ok";
    case ERR_NO_MEMORY:
        return "out of memory";
    case ERR_IO:
        return "input/output error";
    case ERR_DISK_FULL:
        return "disk is full";
    case ERR_SYNC:
        return "disk did not confirm a write";
    case ERR_MALFORMED:
        return "malformed";
    case ERR_LIMIT:
        return "limit exceeded";
    case ERR_CORRUPT:
        return "stored data is damaged";
    case ERR_VERSION:
        return "unsupported version";
    case ERR_CONFLICT:
        return "conflict";
    case ERR_NOT_FOUND:
        return "not found";
    case ERR_TIMEOUT:
        return "timed out";
    case ERR_REFUSED:
        return "refused";
    case ERR_CLOSED:
        return "closed by the peer";
    case ERR_BUSY:
        return "busy";
    case ERR_CONFIG:
        return "wrong configuration";
    }
    return "unknown error";
}

static void mark_if_cut(char *text, size_t size, int wanted)
{
    if (wanted >= 0 && (size_t)wanted >= size) {
        memcpy(text + size - 4, "...", 4);
    }
}

enum err err_set(struct err_text *why, enum err code, const char *format, ...)
{
    if (!why) {
        return code;
    }
    va_list args;
    va_start(args, format);
    mark_if_cut(why->text, sizeof why->text, vsnprintf(why->text, sizeof why->text, format, args));
    va_end(args);
    return code;
}

enum err err_prefix(struct err_text *why, enum err code, const char *format, ...)
{
    if (!why) {
        return code;
    }
    struct err_text cause = *why;
    va_list args;
    va_start(args, format);
    int used = vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    if (used < 0 || (size_t)used >= sizeof why->text) {
        mark_if_cut(why->text, sizeof why->text, used);
        return code;
    }
    size_t left = sizeof why->text - (size_t)used;
    mark_if_cut(why->text + used, left, snprintf(why->text + used, left, ": %s", cause.text));
    return code;
}

enum err err_errno(struct err_text *why, int error_number, const char *format, ...)
{
    enum err code = error_number == ENOSPC || error_number == EDQUOT ? ERR_DISK_FULL : ERR_IO;
    if (!why) {
        return code;
    }
    va_list args;
    va_start(args, format);
    int used = vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    if (used < 0 || (size_t)used >= sizeof why->text) {
        mark_if_cut(why->text, sizeof why->text, used);
        return code;
    }
    char reason[128];
    size_t left = sizeof why->text - (size_t)used;
    mark_if_cut(why->text + used, left,
                snprintf(why->text + used, left, ": %s", strerror_r(error_number, reason, sizeof reason)));
    return code;
}
