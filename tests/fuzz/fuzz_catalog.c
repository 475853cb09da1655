/* What the decoder accepts is the one encoding of what it says. */
#include "tunnel/catalog.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct catalog *catalog;
    struct catalog *again;
    if (catalog_decode((struct bytes){.data = data, .size = size}, &catalog, NULL) != ERR_OK) {
        return 0;
    }
    const struct catalog_tag *tags = catalog_count(catalog) ? catalog_tag(catalog, 0) : NULL;
    if (catalog_new(tags, catalog_count(catalog), &again, NULL) != ERR_OK) {
        abort();
    }
    struct bytes form = catalog_encoded(again);
    if (form.size != size || memcmp(form.data, data, size) != 0) {
        abort();
    }
    for (size_t i = 0; i < catalog_count(catalog); i++) {
        if (catalog_find(catalog, catalog_tag(catalog, i)->name) != i) {
            abort();
        }
    }
    catalog_free(catalog);
    catalog_free(again);
    return 0;
}
