#include "store/sqlite.h"
#include "store_contract.h"
#include "support/temporary.h"

static char folder[TEMPORARY_PATH_MAX];

static void make(void)
{
    temporary_folder(folder);
}

static void remove_all(void)
{
    temporary_remove(folder);
}

static enum err open_sqlite(struct store **store, struct err_text *why)
{
    char path[TEMPORARY_PATH_MAX];
    return sqlite_store_open(temporary_path(folder, "store.db", path), store, why);
}

int main(void)
{
    static const struct contract_kind sqlite = {
        .name = "sqlite_contract", .make = make, .remove = remove_all, .open = open_sqlite};
    return store_contract_run(&sqlite);
}
