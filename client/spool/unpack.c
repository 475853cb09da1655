#include "spool/unpack.h"

#include "tunnel/batch_decoder.h"
#include "tunnel/value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct unpack {
    struct batch_decoder *decoder;
    struct catalog *catalog;
    const struct unpack_visitor *visitor; /* while decoding */
};

struct unpack *unpack_new(void)
{
    struct unpack *unpack = calloc(1, sizeof *unpack);
    if (unpack) {
        unpack->decoder = batch_decoder_new();
    }
    if (unpack && !unpack->decoder) {
        free(unpack);
        return NULL;
    }
    return unpack;
}

void unpack_free(struct unpack *unpack)
{
    if (unpack) {
        catalog_free(unpack->catalog);
        batch_decoder_free(unpack->decoder);
        free(unpack);
    }
}

enum err unpack_catalog(struct unpack *unpack, struct bytes encoded, const uint8_t *hash,
                        const struct catalog **catalog, struct err_text *why)
{
    bool same = unpack->catalog && memcmp(catalog_hash(unpack->catalog), hash, CATALOG_HASH_SIZE) == 0;
    if (!same) {
        catalog_free(unpack->catalog);
        unpack->catalog = NULL;
        enum err result = catalog_decode(encoded, &unpack->catalog, why);
        if (result != ERR_OK) {
            return err_prefix(why, ERR_CORRUPT, "its catalog");
        }
    }
    *catalog = unpack->catalog;
    return memcmp(catalog_hash(unpack->catalog), hash, CATALOG_HASH_SIZE) == 0
               ? ERR_OK
               : err_set(why, ERR_CORRUPT, "its catalog is not the one it was made with");
}

static enum err visit(void *owner, const struct reading *reading)
{
    struct unpack *unpack = owner;
    unpack->visitor->reading(unpack->visitor->owner, catalog_tag(unpack->catalog, reading->tag), reading);
    return ERR_OK;
}

enum err unpack_readings(struct unpack *unpack, const struct batch_view *view,
                         const struct unpack_visitor *visitor, struct err_text *why)
{
    const struct batch_visitor each = {.owner = unpack, .reading = visit};
    unpack->visitor = visitor;
    return batch_decode(unpack->decoder, view, unpack->catalog, &each, why);
}

void unpack_show_value(struct output *output, const struct catalog_tag *tag, const struct reading *reading)
{
    struct value value;
    char text[VALUE_TEXT_MAX];
    bool has_value = quality_has_value(reading->quality) &&
                     value_decode(tag, reading->words, reading->word_count, &value) == ERR_OK;
    if (!has_value) {
        output_none(output);
    } else if (!isfinite(value_number(&value))) { /* also a text */
        output_text(output, value_text(&value, text));
    } else {
        output_number(output, value_text(&value, text));
    }
}
