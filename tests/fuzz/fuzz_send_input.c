/*
 * Any bytes as the input of `bourdon send`: never a crash, and whatever was taken as readings makes a catalog
 * and batches that decode to as many readings.
 */
#include "send/input.h"
#include "tunnel/batch_decoder.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
    struct batch_decoder *decoder;
    const struct catalog *catalog;
    size_t readings;
};

static enum err count(void *owner, const struct batch_view *view)
{
    struct sum *sum = owner;
    struct err_text why;
    if (batch_decode(sum->decoder, view, sum->catalog, NULL, &why) != ERR_OK) {
        abort();
    }
    sum->readings += view->count;
    return ERR_OK;
}

static void make_batches(struct series *series)
{
    const struct series_run run = {.first_sequence = 1, .max_readings = 3, .now_us = 1};
    struct err_text why;
    struct catalog *catalog;
    if (series_catalog(series, &run, &catalog, &why) != ERR_OK) {
        abort();
    }
    struct sum sum = {.decoder = batch_decoder_new(), .catalog = catalog};
    if (series_batches(series, &run, catalog, count, &sum, &why) != ERR_OK ||
        sum.readings != series_count(series)) {
        abort();
    }
    batch_decoder_free(sum.decoder);
    catalog_free(catalog);
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
    FILE *complaints = fopen("/dev/null", "w");
    struct series *series = series_new();
    if (file && complaints && series) {
        struct err_text why;
        struct input input = {.file = file, .name = "in", .series = series, .complaints = complaints};
        (void)!input_read(&input, &why);
        make_batches(series);
    }
    series_free(series);
    fclose(complaints);
    fclose(file);
    return 0;
}
