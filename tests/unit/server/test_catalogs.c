#include "front/catalogs.h"
#include "support/suite.h"

#include <stdio.h>

static struct catalog *catalog_of(const char *name)
{
    const struct catalog_tag tag = {.name = name,
                                    .unit = "bar",
                                    .link = "plc",
                                    .unit_id = 1,
                                    .table = TABLE_HOLDING,
                                    .type = VALUE_UINT16,
                                    .words = 1,
                                    .scale = 1};
    struct catalog *catalog = NULL;
    struct err_text why;
    ck_assert_msg(catalog_new(&tag, 1, &catalog, &why) == ERR_OK, "%s", why.text);
    return catalog;
}

START_TEST(a_catalog_stays_as_long_as_a_session_uses_it)
{
    struct catalogs *catalogs = catalogs_new();
    struct catalog_uses first = {0};
    struct catalog_uses second = {0};
    struct catalog *catalog = catalog_of("pressure");
    ck_assert_ptr_null(catalogs_find(catalogs, catalog_hash(catalog), &first));
    ck_assert(catalogs_keep(catalogs, catalog, &first));
    ck_assert_ptr_eq(catalogs_find(catalogs, catalog_hash(catalog), &second), catalog);
    ck_assert_ptr_eq(catalogs_find(catalogs, catalog_hash(catalog), &second), catalog);
    ck_assert_uint_eq(second.count, 1);
    catalogs_give_back(catalogs, &first);
    ck_assert_uint_eq(catalogs_count(catalogs), 1);
    ck_assert_str_eq(catalog_tag(catalogs_find(catalogs, catalog_hash(catalog), &second), 0)->name,
                     "pressure");
    catalogs_give_back(catalogs, &second);
    ck_assert_uint_eq(catalogs_count(catalogs), 0);
    catalogs_give_back(catalogs, &second);
    catalogs_free(catalogs);
}
END_TEST

START_TEST(many_catalogs_are_told_apart)
{
    enum { COUNT = 200 };
    struct catalogs *catalogs = catalogs_new();
    struct catalog_uses uses = {0};
    struct catalog *made[COUNT];
    for (int i = 0; i < COUNT; i++) {
        char name[32];
        snprintf(name, sizeof name, "tag-%d", i);
        made[i] = catalog_of(name);
        ck_assert(catalogs_keep(catalogs, made[i], &uses));
    }
    for (int i = 0; i < COUNT; i++) {
        ck_assert_ptr_eq(catalogs_find(catalogs, catalog_hash(made[i]), &uses), made[i]);
    }
    ck_assert_uint_eq(catalogs_count(catalogs), COUNT);
    catalogs_give_back(catalogs, &uses);
    ck_assert_uint_eq(catalogs_count(catalogs), 0);
    catalogs_free(catalogs);
}
END_TEST

int main(void)
{
    return suite_run("catalogs", (const TTest *[]){
                                     a_catalog_stays_as_long_as_a_session_uses_it,
                                     many_catalogs_are_told_apart,
                                     NULL,
                                 });
}
