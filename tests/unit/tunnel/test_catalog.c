#include "tunnel/catalog.h"

#include "base/array.h"
#include "support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct catalog_tag pressure = {.name = "boiler-1/steam-pressure",
                                            .unit = "bar",
                                            .link = "boiler-plc",
                                            .unit_id = 1,
                                            .table = TABLE_HOLDING,
                                            .address = 0,
                                            .type = VALUE_FLOAT32,
                                            .words = 2,
                                            .scale = 1};
static const struct catalog_tag alarm_bit = {.name = "boiler-1/alarm",
                                             .unit = "",
                                             .link = "boiler-plc",
                                             .unit_id = 1,
                                             .table = TABLE_INPUT,
                                             .address = 65535,
                                             .type = VALUE_BOOL,
                                             .order = ORDER_BYTES_SWAPPED,
                                             .bit = 15,
                                             .words = 1,
                                             .scale = 1,
                                             .priority = 255};
static const struct catalog_tag label = {
    .name = "recipe", .unit = "", .link = "", .type = VALUE_STRING, .words = READING_WORDS_MAX, .scale = 1};

static struct catalog *made_of(const struct catalog_tag *tags, size_t count)
{
    struct catalog *catalog;
    struct err_text why = {""};
    ck_assert_msg(catalog_new(tags, count, &catalog, &why) == ERR_OK, "%s", why.text);
    return catalog;
}

static void same_tag(const struct catalog_tag *a, const struct catalog_tag *b)
{
    ck_assert_str_eq(a->name, b->name);
    ck_assert_str_eq(a->unit, b->unit);
    ck_assert_str_eq(a->link, b->link);
    ck_assert_uint_eq(a->unit_id, b->unit_id);
    ck_assert_uint_eq(a->table, b->table);
    ck_assert_uint_eq(a->address, b->address);
    ck_assert_uint_eq(a->type, b->type);
    ck_assert_uint_eq(a->order, b->order);
    ck_assert_uint_eq(a->bit, b->bit);
    ck_assert_uint_eq(a->words, b->words);
    ck_assert_double_eq(a->scale, b->scale);
    ck_assert_double_eq(a->offset, b->offset);
    ck_assert_uint_eq(a->priority, b->priority);
}

START_TEST(reads_back_the_same_tags_and_hash)
{
    const struct catalog_tag tags[] = {pressure, alarm_bit, label};
    struct catalog *catalog = made_of(tags, ARRAY_LENGTH(tags));
    struct catalog *back;
    ck_assert_int_eq(catalog_decode(catalog_encoded(catalog), &back, NULL), ERR_OK);
    ck_assert_uint_eq(catalog_count(back), ARRAY_LENGTH(tags));
    for (size_t i = 0; i < ARRAY_LENGTH(tags); i++) {
        same_tag(catalog_tag(back, i), &tags[i]);
        ck_assert_uint_eq(catalog_find(back, tags[i].name), i);
    }
    ck_assert_mem_eq(catalog_hash(back), catalog_hash(catalog), CATALOG_HASH_SIZE);
    catalog_free(catalog);
    catalog_free(back);
}
END_TEST

START_TEST(another_order_of_tags_is_another_catalog)
{
    struct catalog *one = made_of((const struct catalog_tag[]){pressure, label}, 2);
    struct catalog *other = made_of((const struct catalog_tag[]){label, pressure}, 2);
    ck_assert_mem_ne(catalog_hash(one), catalog_hash(other), CATALOG_HASH_SIZE);
    catalog_free(one);
    catalog_free(other);
}
END_TEST

START_TEST(may_be_empty)
{
    struct catalog *catalog = made_of(NULL, 0);
    ck_assert_uint_eq(catalog_count(catalog), 0);
    ck_assert_uint_eq(catalog_find(catalog, "x"), SIZE_MAX);
    catalog_free(catalog);
    catalog_free(NULL);
}
END_TEST

START_TEST(finds_each_of_many_names)
{
    enum { MANY = 3000 };
    static char names[MANY][16];
    static struct catalog_tag tags[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "tag-%u", i * 7919 % MANY);
        tags[i] = pressure;
        tags[i].name = names[i];
    }
    struct catalog *catalog = made_of(tags, MANY);
    for (size_t i = 0; i < MANY; i++) {
        ck_assert_uint_eq(catalog_find(catalog, names[i]), i);
    }
    ck_assert_uint_eq(catalog_find(catalog, "tag-3000"), SIZE_MAX);
    ck_assert_uint_eq(catalog_find(catalog, ""), SIZE_MAX);
    catalog_free(catalog);
}
END_TEST

static char name_of_255[CATALOG_NAME_MAX + 1];
static char name_of_256[CATALOG_NAME_MAX + 2];
static char text_of_32[CATALOG_UNIT_MAX + 2];
static char text_of_64[CATALOG_LINK_MAX + 2];

static void setup(void)
{
    memset(name_of_255, 'n', sizeof name_of_255 - 1);
    memset(name_of_256, 'n', sizeof name_of_256 - 1);
    memset(text_of_32, 'u', sizeof text_of_32 - 1);
    memset(text_of_64, 'l', sizeof text_of_64 - 1);
}

static void name_longest(struct catalog_tag *tag)
{
    tag->name = name_of_255;
}
static void name_too_long(struct catalog_tag *tag)
{
    tag->name = name_of_256;
}
static void name_empty(struct catalog_tag *tag)
{
    tag->name = "";
}
static void name_missing(struct catalog_tag *tag)
{
    tag->name = NULL;
}
static void name_control(struct catalog_tag *tag)
{
    tag->name = "a\nb";
}
static void unit_longest(struct catalog_tag *tag)
{
    tag->unit = text_of_32 + 1;
}
static void unit_too_long(struct catalog_tag *tag)
{
    tag->unit = text_of_32;
}
static void link_longest(struct catalog_tag *tag)
{
    tag->link = text_of_64 + 1;
}
static void link_too_long(struct catalog_tag *tag)
{
    tag->link = text_of_64;
}
static void type_zero(struct catalog_tag *tag)
{
    tag->type = (enum value_type)0;
}
static void type_unknown(struct catalog_tag *tag)
{
    tag->type = (enum value_type)(VALUE_STRING + 1);
}
static void table_unknown(struct catalog_tag *tag)
{
    tag->table = (enum table)(TABLE_HOLDING + 1);
}
static void table_none_with_link(struct catalog_tag *tag)
{
    tag->table = TABLE_NONE;
}
static void coil_of_float(struct catalog_tag *tag)
{
    tag->table = TABLE_COIL;
}
static void words_wrong(struct catalog_tag *tag)
{
    tag->words = 1;
}
static void last_address(struct catalog_tag *tag)
{
    tag->address = 65534;
}
static void address_too_high(struct catalog_tag *tag)
{
    tag->address = 65535;
}
static void order_greatest(struct catalog_tag *tag)
{
    tag->order = 3;
}
static void order_unknown(struct catalog_tag *tag)
{
    tag->order = 4;
}
static void bit_of_float(struct catalog_tag *tag)
{
    tag->bit = 1;
}
static void scale_zero(struct catalog_tag *tag)
{
    tag->scale = 0;
}
static void scale_infinite(struct catalog_tag *tag)
{
    tag->scale = (double)INFINITY;
}
static void offset_nan(struct catalog_tag *tag)
{
    tag->offset = (double)NAN;
}
static void string_longest(struct catalog_tag *tag)
{
    tag->type = VALUE_STRING;
    tag->words = READING_WORDS_MAX;
}
static void string_too_long(struct catalog_tag *tag)
{
    tag->type = VALUE_STRING;
    tag->words = READING_WORDS_MAX + 1;
}
static void string_scaled(struct catalog_tag *tag)
{
    tag->type = VALUE_STRING;
    tag->scale = 2;
}
static void bit_greatest(struct catalog_tag *tag)
{
    *tag = alarm_bit;
}
static void bit_too_high(struct catalog_tag *tag)
{
    *tag = alarm_bit;
    tag->bit = 16;
}

START_TEST(keeps_each_field_in_its_range)
{
    static const struct {
        const char *name;
        void (*change)(struct catalog_tag *tag);
        enum err expected;
    } rows[] = {
        {"longest name", name_longest, ERR_OK},
        {"name too long", name_too_long, ERR_MALFORMED},
        {"empty name", name_empty, ERR_MALFORMED},
        {"no name", name_missing, ERR_MALFORMED},
        {"control character in name", name_control, ERR_MALFORMED},
        {"longest unit", unit_longest, ERR_OK},
        {"unit too long", unit_too_long, ERR_MALFORMED},
        {"longest link", link_longest, ERR_OK},
        {"link too long", link_too_long, ERR_MALFORMED},
        {"type zero", type_zero, ERR_MALFORMED},
        {"unknown type", type_unknown, ERR_MALFORMED},
        {"unknown table", table_unknown, ERR_MALFORMED},
        {"link without table", table_none_with_link, ERR_MALFORMED},
        {"float in a coil", coil_of_float, ERR_MALFORMED},
        {"wrong number of words", words_wrong, ERR_MALFORMED},
        {"last address", last_address, ERR_OK},
        {"past the last address", address_too_high, ERR_MALFORMED},
        {"greatest order", order_greatest, ERR_OK},
        {"unknown order", order_unknown, ERR_MALFORMED},
        {"bit of a float", bit_of_float, ERR_MALFORMED},
        {"greatest bit", bit_greatest, ERR_OK},
        {"bit too high", bit_too_high, ERR_MALFORMED},
        {"scale zero", scale_zero, ERR_MALFORMED},
        {"infinite scale", scale_infinite, ERR_MALFORMED},
        {"offset not a number", offset_nan, ERR_MALFORMED},
        {"longest string", string_longest, ERR_OK},
        {"string too long", string_too_long, ERR_MALFORMED},
        {"scaled string", string_scaled, ERR_MALFORMED},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct catalog_tag tag = pressure;
        rows[i].change(&tag);
        struct catalog *catalog;
        struct err_text why = {""};
        enum err err = catalog_new(&tag, 1, &catalog, &why);
        ck_assert_msg(err == rows[i].expected, "%s: %s", rows[i].name, why.text);
        ck_assert_msg(err == ERR_OK || why.text[0] != '\0', "%s has no reason", rows[i].name);
        catalog_free(catalog);
    }
}
END_TEST

START_TEST(refuses_a_name_twice)
{
    struct catalog *catalog;
    struct err_text why = {""};
    const struct catalog_tag tags[] = {pressure, alarm_bit, pressure};
    ck_assert_int_eq(catalog_new(tags, ARRAY_LENGTH(tags), &catalog, &why), ERR_MALFORMED);
    ck_assert_ptr_nonnull(strstr(why.text, pressure.name));
    ck_assert_ptr_null(catalog);
}
END_TEST

START_TEST(refuses_too_many_tags_before_it_looks_at_them)
{
    struct catalog *catalog;
    ck_assert_int_eq(catalog_new(NULL, CATALOG_TAGS_MAX + 1, &catalog, NULL), ERR_LIMIT);
    ck_assert_int_eq(catalog_decode((struct bytes){.size = CATALOG_SIZE_MAX + 1}, &catalog, NULL), ERR_LIMIT);
}
END_TEST

START_TEST(refuses_a_format_it_does_not_know)
{
    struct catalog *catalog;
    const uint8_t other[] = {0x82, 0x02, 0x80};
    ck_assert_int_eq(catalog_decode((struct bytes){.data = other, .size = sizeof other}, &catalog, NULL),
                     ERR_VERSION);
}
END_TEST

/* What is accepted must be the one encoding of what it says. */
static bool refused_or_in_the_one_form(struct bytes encoded)
{
    struct catalog *catalog;
    if (catalog_decode(encoded, &catalog, NULL) != ERR_OK) {
        return true;
    }
    struct catalog *again = made_of(catalog_tag(catalog, 0), catalog_count(catalog));
    struct bytes form = catalog_encoded(again);
    bool same = form.size == encoded.size && memcmp(form.data, encoded.data, form.size) == 0;
    catalog_free(catalog);
    catalog_free(again);
    return same;
}

START_TEST(every_truncation_is_refused_and_every_bit_flip_is_refused_or_in_the_one_form)
{
    const struct catalog_tag tags[] = {pressure, alarm_bit, label};
    struct catalog *catalog = made_of(tags, ARRAY_LENGTH(tags));
    struct bytes encoded = catalog_encoded(catalog);
    uint8_t *copy = malloc(encoded.size + 1);
    memcpy(copy, encoded.data, encoded.size);
    copy[encoded.size] = 0;
    struct catalog *back;
    for (size_t size = 0; size <= encoded.size + 1; size++) {
        enum err err = catalog_decode((struct bytes){.data = copy, .size = size}, &back, NULL);
        ck_assert_msg((err == ERR_OK) == (size == encoded.size), "%zu bytes", size);
        catalog_free(back);
    }
    for (size_t bit = 0; bit < encoded.size * 8; bit++) {
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_msg(refused_or_in_the_one_form((struct bytes){.data = copy, .size = encoded.size}),
                      "bit %zu", bit);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    free(copy);
    catalog_free(catalog);
}
END_TEST

int main(void)
{
    return suite_run_with("catalog", setup, NULL,
                          (const TTest *[]){
                              reads_back_the_same_tags_and_hash,
                              another_order_of_tags_is_another_catalog,
                              may_be_empty,
                              finds_each_of_many_names,
                              keeps_each_field_in_its_range,
                              refuses_a_name_twice,
                              refuses_too_many_tags_before_it_looks_at_them,
                              refuses_a_format_it_does_not_know,
                              every_truncation_is_refused_and_every_bit_flip_is_refused_or_in_the_one_form,
                              NULL,
                          });
}
