#include "truth.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char header[] =
    "# bourdon-plcsim truth 1\n# served_us\tendpoint\tunit\twhat\ttable\taddress\tsent\titems\n";

struct truth {
    FILE *file;
    int error; /* errno of the first failed write */
};

enum { FILE_BUFFER = 256 * 1024 };

enum err truth_open(const char *path, struct truth **truth, struct err_text *why)
{
    FILE *file = fopen(path, "we");
    if (!file) {
        return err_errno(why, errno, "truth file %s", path);
    }
    *truth = calloc(1, sizeof **truth);
    if (!*truth || setvbuf(file, NULL, _IOFBF, FILE_BUFFER) != 0) {
        free(*truth);
        fclose(file);
        return err_set(why, ERR_NO_MEMORY, "truth file %s: %s", path, err_name(ERR_NO_MEMORY));
    }
    (*truth)->file = file;
    fputs(header, file);
    return ERR_OK;
}

static size_t write_items(const struct image *image, struct image_span span, char *text)
{
    static const char digits[] = "0123456789abcdef";
    char *at = text;
    for (size_t i = 0; i < span.quantity; i++) {
        uint16_t word = image_word(image, span.table, (uint16_t)(span.address + i));
        if (image_table_has_bits(span.table)) {
            *at++ = digits[word];
            continue;
        }
        for (int shift = 12; shift >= 0; shift -= 4) {
            *at++ = digits[word >> shift & 0xf];
        }
    }
    *at++ = '\n';
    return (size_t)(at - text);
}

void truth_add(struct truth *truth, const struct truth_entry *entry, const struct image *image)
{
    char items[PDU_READ_BITS_MAX + 1];
    _Static_assert(sizeof items > (size_t)4 * PDU_READ_REGISTERS_MAX, "registers fit as well");
    size_t size = write_items(image, entry->span, items);
    int written =
        fprintf(truth->file, "%" PRId64 "\t%s\t%u\t%s\t%s\t%u\t%s\t", entry->served_us, entry->endpoint,
                entry->unit, entry->written ? "write" : "read", image_table_name(entry->span.table),
                entry->span.address, entry->fault ? entry->fault : "good");
    if ((written < 0 || fwrite(items, 1, size, truth->file) != size) && truth->error == 0) {
        truth->error = errno;
    }
}

void truth_flush(struct truth *truth)
{
    if (fflush(truth->file) != 0 && truth->error == 0) {
        truth->error = errno;
    }
}

enum err truth_close(struct truth *truth, struct err_text *why)
{
    if (!truth) {
        return ERR_OK;
    }
    int error = truth->error;
    if (fclose(truth->file) != 0 && error == 0) {
        error = errno;
    }
    free(truth);
    return error == 0 ? ERR_OK : err_errno(why, error, "truth file is incomplete");
}
