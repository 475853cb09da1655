#include "gateway/audit_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINES_BYTES_MAX = 64 * 1024 * 1024 }; /* of one batch, sealed */

enum err audit_file_init(struct audit_file *file, const char *path)
{
    *file = (struct audit_file){.fd = -1, .path = strdup(path)};
    return file->path ? ERR_OK : ERR_NO_MEMORY;
}

void audit_file_fini(struct audit_file *file)
{
    audit_file_close(file);
    free(file->path);
    file->path = NULL;
}

void audit_file_close(struct audit_file *file)
{
    if (file->fd >= 0) {
        close(file->fd);
        file->fd = -1;
    }
}

static enum err open_file(struct audit_file *file, struct err_text *why)
{
    struct stat state;
    file->fd = open(file->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
    if (file->fd < 0) {
        return err_errno(why, errno, "audit file %s", file->path);
    }
    if (fstat(file->fd, &state) != 0) {
        return err_errno(why, errno, "audit file %s", file->path);
    }
    file->size = state.st_size;
    return ERR_OK;
}

/* Reads the last bytes of the file into text[2 * AUDIT_LINE_MAX]. */
static enum err read_end(const struct audit_file *file, char *text, size_t *size, struct err_text *why)
{
    enum { END_MAX = 2 * AUDIT_LINE_MAX };
    off_t from = file->size > END_MAX ? file->size - END_MAX : 0;
    ssize_t got = pread(file->fd, text, END_MAX, from);
    if (got < 0) {
        return err_errno(why, errno, "audit file %s", file->path);
    }
    *size = (size_t)got;
    return ERR_OK;
}

/* Takes up the chain from the last whole line of `text`. */
static enum err take_up(struct audit_file *file, const char *text, size_t size, struct err_text *why)
{
    if (size == 0) {
        return ERR_OK;
    }
    const char *end = text + size - 1; /* the line feed */
    const char *before = memrchr(text, '\n', size - 1);
    const char *line = before ? before + 1 : text;
    const struct bytes bytes = {.data = (const uint8_t *)line, .size = (size_t)(end - line)};
    file->chain = (struct audit_chain){.sequence = 0};
    if (audit_chain_check(&file->chain, bytes) != AUDIT_GOOD) {
        return err_set(why, ERR_CORRUPT,
                       "audit file %s: its last line is no audit record, or was changed: see `bourdon audit "
                       "verify`, then move the file away",
                       file->path);
    }
    return ERR_OK;
}

static enum err open_and_read(struct audit_file *file, size_t *torn, struct err_text *why)
{
    char text[2 * AUDIT_LINE_MAX];
    size_t size = 0;
    enum err result = open_file(file, why);
    if (result == ERR_OK) {
        result = read_end(file, text, &size, why);
    }
    if (result != ERR_OK) {
        return result;
    }
    const char *last = memrchr(text, '\n', size);
    *torn = last ? size - (size_t)(last + 1 - text) : size;
    if (*torn >= AUDIT_LINE_MAX) {
        return err_set(why, ERR_CORRUPT, "audit file %s: it is no audit file", file->path);
    }
    if (*torn > 0 && ftruncate(file->fd, file->size - (off_t)*torn) != 0) {
        return err_errno(why, errno, "audit file %s: cut off a torn line", file->path);
    }
    file->size -= (off_t)*torn;
    return take_up(file, text, size - *torn, why);
}

enum err audit_file_open(struct audit_file *file, size_t *torn, struct err_text *why)
{
    *torn = 0;
    enum err result = open_and_read(file, torn, why);
    if (result != ERR_OK) {
        audit_file_close(file);
    }
    return result;
}

static enum err seal_all(struct audit_chain *chain, struct bytes bodies, struct buffer *lines)
{
    enum err result = ERR_OK;
    while (bodies.size > 0 && result == ERR_OK) {
        const uint8_t *end = memchr(bodies.data, '\n', bodies.size);
        size_t size = end ? (size_t)(end - bodies.data) : bodies.size;
        result = audit_chain_seal(chain, (struct bytes){.data = bodies.data, .size = size}, lines);
        size_t taken = end ? size + 1 : size;
        bodies.data += taken;
        bodies.size -= taken;
    }
    return result;
}

static enum err write_all(const struct audit_file *file, struct bytes lines, struct err_text *why)
{
    while (lines.size > 0) {
        ssize_t written = write(file->fd, lines.data, lines.size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return err_errno(why, errno, "audit file %s: write", file->path);
        }
        lines.data += written;
        lines.size -= (size_t)written;
    }
    return fdatasync(file->fd) == 0 ? ERR_OK : err_errno(why, errno, "audit file %s: sync", file->path);
}

enum err audit_file_append(struct audit_file *file, struct bytes bodies, struct err_text *why)
{
    struct buffer lines;
    struct audit_chain next = file->chain;
    enum err result = file->fd >= 0 ? ERR_OK : open_file(file, why);
    buffer_init(&lines, LINES_BYTES_MAX);
    if (result == ERR_OK && seal_all(&next, bodies, &lines) != ERR_OK) {
        result = err_set(why, ERR_NO_MEMORY, "audit file %s: out of memory", file->path);
    }
    if (result == ERR_OK) {
        result = write_all(file, buffer_bytes(&lines), why);
        if (result == ERR_OK) {
            file->chain = next;
            file->size += (off_t)lines.size;
        } else {
            (void)!ftruncate(file->fd, file->size); /* a part of a line must not stay */
            audit_file_close(file);
        }
    }
    buffer_fini(&lines);
    return result;
}
