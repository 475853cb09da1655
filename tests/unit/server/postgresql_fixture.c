#include "postgresql_fixture.h"

#include "base/clock.h"
#include "store/pg.h"
#include "store/postgresql.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { URL_MAX = 1024, AWAIT_S = 30, AWAIT_LOOK_NS = 10000000 };

static struct err_text why;

static void must(enum err result)
{
    ck_assert_msg(result == ERR_OK, "%s", why.text);
}

bool postgresql_fixture_is_here(void)
{
    return getenv("BOURDON_POSTGRESQL") != NULL;
}

static const char *url_of(const char *database)
{
    static char url[URL_MAX];
    snprintf(url, sizeof url, "%s%s", getenv("BOURDON_POSTGRESQL"), database);
    return url;
}

/* A test is a process of its own. */
static const char *own_database(void)
{
    static char name[32];
    snprintf(name, sizeof name, "test_%d", (int)getpid());
    return name;
}

static struct pg *connect_to(const char *database)
{
    struct pg *pg;
    must(pg_new(url_of(database), "SET search_path = bourdon", &pg, &why));
    must(pg_connect(pg, &why));
    return pg;
}

static void administer(const char *format)
{
    char sql[128];
    struct pg *pg = connect_to("postgres");
    snprintf(sql, sizeof sql, "%s %s", format, own_database());
    must(pg_exec(pg, sql, &why));
    pg_free(pg);
}

void postgresql_fixture_make(void)
{
    administer("CREATE DATABASE");
}

void postgresql_fixture_make_with_stand_in(void)
{
    postgresql_fixture_make();
    postgresql_fixture_run(
        "SET allow_system_table_mods = on;"
        "INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)"
        " SELECT 16383, 'timescaledb', relowner, 'public'::regnamespace, false, 'stand-in' FROM pg_class"
        " WHERE oid = 'pg_extension'::regclass;"
        "CREATE TABLE public.stand_in_call (relation regclass, time_column name, chunk interval, indexes "
        "boolean);"
        "CREATE FUNCTION public.create_hypertable(relation regclass, time_column_name name,"
        " partitioning_column name DEFAULT NULL, number_partitions integer DEFAULT NULL,"
        " associated_schema_name name DEFAULT NULL, associated_table_prefix name DEFAULT NULL,"
        " chunk_time_interval anyelement DEFAULT NULL::bigint, create_default_indexes boolean DEFAULT true,"
        " if_not_exists boolean DEFAULT false, partitioning_func regproc DEFAULT NULL,"
        " migrate_data boolean DEFAULT false, chunk_target_size text DEFAULT NULL,"
        " chunk_sizing_func regproc DEFAULT NULL, time_partitioning_func regproc DEFAULT NULL)"
        " RETURNS TABLE (hypertable_id integer, schema_name name, table_name name, created boolean)"
        " LANGUAGE plpgsql AS $$ BEGIN"
        " IF NOT EXISTS (SELECT FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid"
        "   WHERE pg_class.oid = relation AND relkind = 'r' AND attname = time_column_name AND attnotnull)"
        "  OR partitioning_column IS NOT NULL THEN"
        "  RAISE 'the stand-in takes an ordinary table whose time is not null'; END IF;"
        " INSERT INTO public.stand_in_call VALUES"
        "  (relation, time_column_name, chunk_time_interval, create_default_indexes);"
        " RETURN QUERY SELECT 1, 'bourdon'::name, 'reading'::name, true; END $$");
}

void postgresql_fixture_drop(void)
{
    administer("DROP DATABASE");
}

enum err postgresql_fixture_open(struct store **store, struct err_text *reason)
{
    return postgresql_store_open(url_of(own_database()), store, reason);
}

void postgresql_fixture_reopen(struct store **store)
{
    store_close(*store);
    *store = NULL;
    must(postgresql_fixture_open(store, &why));
}

void postgresql_fixture_do(const char *what)
{
    char command[URL_MAX];
    snprintf(command, sizeof command, "%s %s", getenv("BOURDON_POSTGRESQL_DO"), what);
    int status = system(command); // NOLINT(cert-env33-c): our own command
    ck_assert_msg(status == 0, "%s", command);
}

int64_t postgresql_fixture_number(const char *sql)
{
    struct pg *pg = connect_to(own_database());
    struct pg_rows *rows = NULL;
    must(pg_query(pg, sql, NULL, &rows, &why));
    int64_t number = pg_rows_count(rows) > 0 ? pg_i64(rows, 0, 0) : -1;
    pg_rows_free(rows);
    pg_free(pg);
    return number;
}

void postgresql_fixture_await(const char *sql, int64_t expected)
{
    int64_t deadline_us = clock_mono_us() + AWAIT_S * CLOCK_US_PER_S;
    const struct timespec moment = {.tv_nsec = AWAIT_LOOK_NS};
    while (postgresql_fixture_number(sql) != expected) {
        ck_assert_msg(clock_mono_us() < deadline_us, "%s", sql);
        nanosleep(&moment, NULL);
    }
}

void postgresql_fixture_run(const char *sql)
{
    struct pg *pg = connect_to(own_database());
    must(pg_exec(pg, sql, &why));
    pg_free(pg);
}
