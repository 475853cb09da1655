#include "sample.h"

#include "tunnel/batch_decoder.h"

#include <check.h>
#include <stdio.h>

struct catalog *sample_catalog(int variant)
{
    char names[2][32];
    struct catalog_tag tags[2];
    for (size_t i = 0; i < 2; i++) {
        snprintf(names[i], sizeof names[i], "%s-%d", i == 0 ? "pressure" : "alarm", variant);
        tags[i] = (struct catalog_tag){
            .name = names[i],
            .unit = "kPa",
            .link = "plc",
            .unit_id = 1,
            .table = TABLE_HOLDING,
            .address = (uint16_t)i,
            .type = VALUE_UINT16,
            .words = 1,
            .scale = 1,
            .priority = i == 0 ? 0 : 5,
        };
    }
    struct catalog *catalog = NULL;
    struct err_text why = {{0}};
    ck_assert_msg(catalog_new(tags, 2, &catalog, &why) == ERR_OK, "%s", why.text);
    return catalog;
}

struct reading sample_reading(uint32_t tag, uint32_t index)
{
    return (struct reading){
        .tag = tag,
        .quality = QUALITY_GOOD,
        .request_us = SAMPLE_TIME_US + (int64_t)index * 1000,
        .response_us = SAMPLE_TIME_US + (int64_t)index * 1000 + 300,
        .word_count = 1,
        .words = {(uint16_t)(index * 7919)},
    };
}

struct expectation {
    uint32_t tag;
    uint32_t next;
    bool good;
};

static enum err compare(void *owner, const struct reading *reading)
{
    struct expectation *expectation = owner;
    struct reading expected = sample_reading(expectation->tag, expectation->next++);
    expectation->good = expectation->good && reading->tag == expected.tag &&
                        reading->quality == expected.quality && reading->request_us == expected.request_us &&
                        reading->response_us == expected.response_us && reading->word_count == 1 &&
                        reading->words[0] == expected.words[0];
    return ERR_OK;
}

bool sample_is_batch_of(const struct spool_batch *batch, const struct catalog *catalog, uint32_t tag,
                        uint32_t first, size_t count)
{
    struct batch_view view;
    struct expectation expectation = {.tag = tag, .next = first, .good = true};
    const struct batch_visitor visitor = {.owner = &expectation, .reading = compare};
    struct batch_decoder *decoder = batch_decoder_new();
    enum err result = batch_open(spool_batch_bytes(batch), &view, NULL);
    if (result == ERR_OK) {
        result = batch_decode(decoder, &view, catalog, &visitor, NULL);
    }
    batch_decoder_free(decoder);
    return result == ERR_OK && expectation.good && expectation.next == first + count &&
           batch->readings == count && batch->seq == view.identity.sequence;
}
