/* Any bytes as a truth file: never a crash. */
#include "truth/truth_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask_around(struct truth_file *truth)
{
    const uint16_t words[] = {0, 1};
    for (enum table table = TABLE_COIL; table <= TABLE_HOLDING; table++) {
        const struct truth_question question = {
            .unit = 1, .table = table, .address = 10, .words = words, .count = 2, .to_us = INT64_MAX};
        (void)truth_file_ask(truth, &question);
    }
    if (truth_file_unused(truth) > truth_file_reads(truth)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    union {
        const uint8_t *borrowed;
        void *open; /* fmemopen() wants it writable and, for reading, leaves it alone */
    } bytes = {.borrowed = data};
    FILE *file = fmemopen(bytes.open, size, "r");
    struct truth_file *truth = NULL;
    struct err_text why;
    if (file && truth_file_read(file, "in", &truth, &why) == ERR_OK) {
        ask_around(truth);
    }
    truth_file_free(truth);
    if (file) {
        fclose(file);
    }
    return 0;
}
