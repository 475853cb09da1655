#include "send/resume.h"
#include "base/hex.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { TEXT_MAX = 1024 };

static const char head[] = "bourdon-send 1\n";

struct resume {
    char *path;
    int lock;
    struct resume_state state;
};

/* ---- the text ---- */

static bool read_hex(const char *text, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < 2 * size; i++) {
        if (!isxdigit((unsigned char)text[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < size; i++) {
        const char pair[] = {text[2 * i], text[2 * i + 1], '\0'};
        bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return text[2 * size] == '\0';
}

static int write_text(const struct resume_state *state, char *text)
{
    char epoch[HEX_TEXT_SIZE(BATCH_EPOCH_SIZE)];
    char digest[HEX_TEXT_SIZE(DIGEST_SIZE)];
    (void)hex_text(state->epoch, BATCH_EPOCH_SIZE, epoch);
    (void)hex_text(state->digest, DIGEST_SIZE, digest);
    return snprintf(text, TEXT_MAX,
                    "%s"
                    "epoch %s\n"
                    "first %" PRIu64 "\n"
                    "batches %" PRIu64 "\n"
                    "open %d\n"
                    "max_readings %" PRIu64 "\n"
                    "now_us %" PRId64 "\n"
                    "synchronised %d\n"
                    "digest %s\n"
                    "end\n",
                    head, epoch, state->first_sequence, state->batches, state->open, state->max_readings,
                    state->now_us, state->synchronised, digest);
}

/* The words behind the keys, which stand in this order. */
enum { EPOCH, FIRST, BATCHES, OPEN, MAX_READINGS, NOW, SYNCHRONISED, DIGEST, KEYS };
static const char *const keys[KEYS] = {"epoch",        "first",  "batches",      "open",
                                       "max_readings", "now_us", "synchronised", "digest"};

static bool split(char *text, const char **words)
{
    if (strncmp(text, head, sizeof head - 1) != 0) {
        return false;
    }
    text += sizeof head - 1;
    for (size_t i = 0; i < KEYS; i++) {
        char *line = strsep(&text, "\n");
        size_t size = strlen(keys[i]);
        if (!text || strncmp(line, keys[i], size) != 0 || line[size] != ' ') {
            return false;
        }
        words[i] = line + size + 1;
    }
    return strcmp(text, "end\n") == 0;
}

static bool read_number(const char *text, uint64_t max, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return isdigit((unsigned char)*text) && errno == 0 && *end == '\0' && *number <= max;
}

static bool read_text(char *text, struct resume_state *state)
{
    const char *words[KEYS];
    uint64_t open;
    uint64_t now_us;
    uint64_t synchronised;
    if (!split(text, words) || !read_hex(words[EPOCH], state->epoch, BATCH_EPOCH_SIZE) ||
        !read_number(words[FIRST], INT64_MAX / 2, &state->first_sequence) ||
        !read_number(words[OPEN], 1, &open) ||
        !read_number(words[BATCHES], SERIES_READINGS_MAX, &state->batches) ||
        !read_number(words[MAX_READINGS], BATCH_READINGS_MAX, &state->max_readings) ||
        !read_number(words[NOW], BATCH_TIME_MAX_US, &now_us) ||
        !read_number(words[SYNCHRONISED], 1, &synchronised) ||
        !read_hex(words[DIGEST], state->digest, DIGEST_SIZE)) {
        return false;
    }
    state->open = open != 0;
    state->now_us = (int64_t)now_us;
    state->synchronised = synchronised != 0;
    return state->first_sequence > 0 && !(state->open && state->batches == 0);
}

/* ---- the file ---- */

static enum err read_file(struct resume *resume, const uint8_t *epoch, struct err_text *why)
{
    char text[TEXT_MAX] = {0};
    int fd = open(resume->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        resume->state = (struct resume_state){.first_sequence = 1};
        memcpy(resume->state.epoch, epoch, BATCH_EPOCH_SIZE);
        return ERR_OK;
    }
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (size < 0) {
        return err_errno(why, error, "%s", resume->path);
    }
    if (strlen(text) != (size_t)size || !read_text(text, &resume->state)) {
        return err_set(why, ERR_MALFORMED,
                       "%s is not a file of bourdon send; it was not touched: name another one",
                       resume->path);
    }
    return ERR_OK;
}

static enum err lock(struct resume *resume, struct err_text *why)
{
    char name[PATH_MAX];
    int size = snprintf(name, sizeof name, "%s-lock", resume->path);
    if (size >= PATH_MAX) {
        return err_set(why, ERR_LIMIT, "%s: the path is too long", resume->path);
    }
    resume->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (resume->lock < 0) {
        return err_errno(why, errno, "%s", name);
    }
    if (flock(resume->lock, LOCK_EX | LOCK_NB) == 0) {
        return ERR_OK;
    }
    return errno == EWOULDBLOCK
               ? err_set(why, ERR_CONFLICT, "%s is in use by another bourdon send", resume->path)
               : err_errno(why, errno, "%s", name);
}

enum err resume_open(const char *path, const uint8_t *epoch, struct resume **out, struct err_text *why)
{
    *out = NULL;
    struct resume *resume = calloc(1, sizeof *resume);
    if (!resume || !(resume->path = strdup(path))) {
        free(resume);
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    resume->lock = -1;
    enum err result = lock(resume, why);
    if (result == ERR_OK) {
        result = read_file(resume, epoch, why);
    }
    if (result != ERR_OK) {
        resume_close(resume);
        return result;
    }
    *out = resume;
    return ERR_OK;
}

void resume_close(struct resume *resume)
{
    if (!resume) {
        return;
    }
    if (resume->lock >= 0) {
        close(resume->lock);
    }
    free(resume->path);
    free(resume);
}

uint64_t resume_next_sequence(const struct resume_state *state)
{
    return state->first_sequence + state->batches;
}

const struct resume_state *resume_state(const struct resume *resume)
{
    return &resume->state;
}

static enum err write_new(const char *name, const char *text, size_t size, struct err_text *why)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return err_errno(why, errno, "%s", name);
    }
    bool written = write(fd, text, size) == (ssize_t)size && fsync(fd) == 0;
    int error = errno;
    close(fd);
    return written ? ERR_OK : err_errno(why, error, "%s", name);
}

static enum err sync_folder(const char *path, struct err_text *why)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    return synced ? ERR_OK : err_errno(why, error, "the folder of %s", path);
}

enum err resume_write(struct resume *resume, const struct resume_state *state, struct err_text *why)
{
    char text[TEXT_MAX];
    char name[PATH_MAX];
    size_t size = (size_t)write_text(state, text);
    if (snprintf(name, sizeof name, "%s-new", resume->path) >= PATH_MAX) {
        return err_set(why, ERR_LIMIT, "%s: the path is too long", resume->path);
    }
    enum err result = write_new(name, text, size, why);
    if (result == ERR_OK && rename(name, resume->path) != 0) {
        result = err_errno(why, errno, "%s", resume->path);
    }
    if (result == ERR_OK) {
        result = sync_folder(resume->path, why);
    }
    if (result == ERR_OK) {
        resume->state = *state;
    }
    return result;
}
