#include "tunnel/catalog_shelf.h"

#include "support/sample.h"
#include "support/suite.h"

#include <string.h>

static struct catalog_shelf shelf;
static struct catalog *catalogs[TUNNEL_CATALOGS_MAX];

static void setup(void)
{
    catalog_shelf_init(&shelf);
    for (size_t i = 0; i < TUNNEL_CATALOGS_MAX; i++) {
        catalogs[i] = sample_registers(VALUE_UINT16, i + 1);
    }
}

static void teardown(void)
{
    catalog_shelf_fini(&shelf);
    for (size_t i = 0; i < TUNNEL_CATALOGS_MAX; i++) {
        catalog_free(catalogs[i]);
    }
}

static enum err put(size_t index, const struct catalog *known)
{
    return catalog_shelf_put(&shelf, catalog_encoded(catalogs[index]), catalog_hash(catalogs[index]), known,
                             NULL);
}

START_TEST(keeps_a_catalog_of_its_own_unless_somebody_keeps_it)
{
    ck_assert_int_eq(put(0, NULL), ERR_OK);
    ck_assert_int_eq(put(1, catalogs[1]), ERR_OK);
    const struct shelf_catalog *owned = catalog_shelf_find(&shelf, catalog_hash(catalogs[0]));
    const struct shelf_catalog *known = catalog_shelf_find(&shelf, catalog_hash(catalogs[1]));
    ck_assert_ptr_ne(owned->catalog, catalogs[0]);
    ck_assert_ptr_eq(owned->catalog, owned->owned);
    ck_assert_ptr_eq(known->catalog, catalogs[1]);
    ck_assert_ptr_null(known->owned);
    ck_assert_ptr_null(catalog_shelf_find(&shelf, catalog_hash(catalogs[2])));
}
END_TEST

START_TEST(a_catalog_is_pending_until_its_answer)
{
    ck_assert_int_eq(put(0, NULL), ERR_OK);
    ck_assert_uint_eq(shelf.pending, 1);
    ck_assert_int_eq(put(0, NULL), ERR_CONFLICT);
    ck_assert(catalog_shelf_answer(&shelf, catalog_hash(catalogs[0]), true));
    ck_assert(!catalog_shelf_answer(&shelf, catalog_hash(catalogs[0]), true));
    ck_assert_uint_eq(shelf.pending, 0);
    ck_assert_int_eq(put(0, NULL), ERR_OK);
    ck_assert_uint_eq(shelf.pending, 1);
    ck_assert_uint_eq(shelf.count, 1);
}
END_TEST

START_TEST(a_catalog_that_was_not_stored_leaves)
{
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(put(i, NULL), ERR_OK);
    }
    ck_assert(catalog_shelf_answer(&shelf, catalog_hash(catalogs[0]), false));
    ck_assert_ptr_null(catalog_shelf_find(&shelf, catalog_hash(catalogs[0])));
    ck_assert_ptr_nonnull(catalog_shelf_find(&shelf, catalog_hash(catalogs[1])));
    ck_assert_ptr_nonnull(catalog_shelf_find(&shelf, catalog_hash(catalogs[2])));
    ck_assert_uint_eq(shelf.pending, 2);
}
END_TEST

START_TEST(counts_what_came_even_if_it_left)
{
    uint32_t room;
    uint32_t bytes = 0;
    for (size_t i = 0; i < TUNNEL_CATALOGS_MAX; i++) {
        ck_assert_int_eq(catalog_shelf_room(&shelf, 100000, &room, NULL), ERR_OK);
        ck_assert_uint_eq(room, 100000 - bytes);
        ck_assert_int_eq(put(i, NULL), ERR_OK);
        ck_assert(catalog_shelf_answer(&shelf, catalog_hash(catalogs[i]), false));
        bytes += (uint32_t)catalog_encoded(catalogs[i]).size;
    }
    ck_assert_uint_eq(shelf.count, 0);
    ck_assert_int_eq(catalog_shelf_room(&shelf, 100000, &room, NULL), ERR_LIMIT);
}
END_TEST

START_TEST(what_is_no_catalog_is_not_kept)
{
    const uint8_t hash[CATALOG_HASH_SIZE] = {1};
    const struct bytes nonsense = {.data = (const uint8_t *)"x", .size = 1};
    ck_assert_int_eq(catalog_shelf_put(&shelf, nonsense, hash, NULL, NULL), ERR_MALFORMED);
    ck_assert_uint_eq(shelf.count, 0);
    ck_assert_uint_eq(shelf.pending, 0);
    ck_assert_uint_eq(shelf.received, 1);
}
END_TEST

int main(void)
{
    return suite_run_with("catalog_shelf", setup, teardown,
                          (const TTest *[]){
                              keeps_a_catalog_of_its_own_unless_somebody_keeps_it,
                              a_catalog_is_pending_until_its_answer,
                              a_catalog_that_was_not_stored_leaves,
                              counts_what_came_even_if_it_left,
                              what_is_no_catalog_is_not_kept,
                              NULL,
                          });
}
