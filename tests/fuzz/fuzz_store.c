/*
 * What a store reads of what others may have written. The first byte says what follows: 's' a mark's set of
 * sequences, 'a' the header of a batch in JetStream, 'p' the place of a store. What is accepted keeps to its
 * rules and survives being written again.
 */
#include "store/jetstream_names.h"
#include "store/jetstream_place.h"
#include "store/sequence_set.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 4096 };

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_set(const struct sequence_set *set)
{
    must(set->count <= SEQUENCE_RANGES_MAX);
    for (size_t i = 0; i < set->count; i++) {
        must(set->ranges[i].first <= set->ranges[i].last);
        must(i == 0 || set->ranges[i].first - set->ranges[i - 1].last > 1);
        must(sequence_set_has(set, set->ranges[i].first) && sequence_set_has(set, set->ranges[i].last));
    }
}

static void read_set(struct bytes bytes)
{
    struct sequence_set set = {0};
    struct sequence_set again = {0};
    struct buffer encoded;
    buffer_init(&encoded, SEQUENCE_SET_BYTES_MAX);
    if (sequence_set_decode(&set, bytes) == ERR_OK) {
        check_set(&set);
        must(sequence_set_encode(&set, &encoded) == ERR_OK);
        must(sequence_set_decode(&again, buffer_bytes(&encoded)) == ERR_OK);
        must(again.count == set.count && again.highest == set.highest && again.incomplete == set.incomplete);
        must(set.count == 0 || memcmp(again.ranges, set.ranges, set.count * sizeof *set.ranges) == 0);
    } else {
        must(set.count == 0 && !set.ranges);
    }
    sequence_set_free(&set);
    sequence_set_free(&again);
    buffer_fini(&encoded);
}

static void read_about(const char *text)
{
    struct jetstream_about about = {0};
    struct jetstream_about again = {0};
    char written[JETSTREAM_SUBJECT_MAX];
    if (jetstream_about_read(text, &about)) {
        must(jetstream_about_read(jetstream_about_write(&about, written), &again));
        must(strcmp(about.bridge, again.bridge) == 0 && about.received_us == again.received_us &&
             about.committed_us == again.committed_us && about.historical == again.historical);
    }
}

static void read_place(const char *text)
{
    struct jetstream_place place;
    struct err_text why = {""};
    if (jetstream_place_parse(text, &place, &why) == ERR_OK) {
        must(place.server_count >= 1 && place.server_count <= JETSTREAM_SERVERS_MAX);
        must(place.name[0] && strlen(place.name) <= JETSTREAM_NAME_MAX);
        must(place.replicas >= 1 && place.replicas <= JETSTREAM_REPLICAS_MAX);
        must(place.max_bytes >= 0 && place.max_age_us >= 0 && place.duplicates_us >= 0);
    } else {
        must(why.text[0]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT_MAX];
    if (size == 0 || size > sizeof text) {
        return 0;
    }
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    if (data[0] == 's') {
        read_set((struct bytes){data + 1, size - 1});
    } else if (data[0] == 'a') {
        read_about(text);
    } else if (data[0] == 'p') {
        read_place(text);
    }
    return 0;
}
