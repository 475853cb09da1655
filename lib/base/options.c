#include "base/options.h"

#include "base/buffer.h"
#include "base/options_bind.h"
#include "base/options_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024 };

enum err options_load_text(const char *name, const char *text, size_t size, const struct option *table,
                           void *target, struct diagnostics *diagnostics)
{
    size_t errors_before = diagnostics_count(diagnostics);
    enum err err = options_defaults(table, target);
    uint32_t file = diagnostics_add_file(diagnostics, name, text, size);
    if (err != ERR_OK || file == 0) {
        return ERR_NO_MEMORY;
    }
    struct options_reader *reader = options_reader_new(diagnostics, file, text, size);
    if (!reader) {
        return ERR_NO_MEMORY;
    }
    err = options_bind(reader, diagnostics, table, target);
    if (err == ERR_OK && options_reader_stopped(reader)) {
        err = ERR_MALFORMED;
    } else if (err == ERR_OK && diagnostics_count(diagnostics) > errors_before) {
        err = ERR_CONFIG;
    }
    options_reader_free(reader);
    return err;
}

static enum err read_all(int fd, struct buffer *text, struct err_text *why)
{
    for (;;) {
        uint8_t *room = buffer_reserve(text, READ_SIZE);
        if (!room) {
            return text->size > OPTIONS_FILE_MAX
                       ? err_set(why, ERR_LIMIT, "larger than %d MiB", OPTIONS_FILE_MAX / (1024 * 1024))
                       : err_set(why, ERR_NO_MEMORY, "out of memory");
        }
        ssize_t got = read(fd, room, READ_SIZE);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return err_errno(why, errno, "cannot read");
        }
        if (got == 0) {
            return ERR_OK;
        }
        buffer_commit(text, (size_t)got);
    }
}

static enum err read_file(const char *path, struct buffer *text, struct err_text *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_errno(why, errno, "cannot open");
    }
    enum err err = read_all(fd, text, why);
    close(fd);
    if (err == ERR_OK && text->size > OPTIONS_FILE_MAX) {
        err = err_set(why, ERR_LIMIT, "larger than %d MiB", OPTIONS_FILE_MAX / (1024 * 1024));
    }
    return err;
}

enum err options_load(const char *path, const struct option *table, void *target,
                      struct diagnostics *diagnostics)
{
    struct buffer text;
    struct err_text why;
    buffer_init(&text, OPTIONS_FILE_MAX + 2 * READ_SIZE);
    enum err err = read_file(path, &text, &why);
    if (err == ERR_OK) {
        struct bytes content = buffer_bytes(&text);
        err = options_load_text(path, (const char *)content.data, content.size, table, target, diagnostics);
        buffer_fini(&text);
        return err;
    }
    buffer_fini(&text);
    struct place place = {.file = diagnostics_add_file(diagnostics, path, "", 0)};
    diagnostics_add(diagnostics, place, NULL, "%s", why.text);
    return options_defaults(table, target) == ERR_OK ? ERR_MALFORMED : ERR_NO_MEMORY;
}

struct place option_place(const struct diagnostics *diagnostics, const void *structure, const char *key)
{
    struct place place;
    memcpy(&place, structure, sizeof place);
    return diagnostics_find_key(diagnostics, place, key);
}
