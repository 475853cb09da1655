#include "postgresql_fixture.h"
#include "store_contract.h"
#include "support/system.h"

int main(void)
{
    static const struct contract_kind postgresql = {.name = "postgresql_contract",
                                                    .make = postgresql_fixture_make,
                                                    .remove = postgresql_fixture_drop,
                                                    .open = postgresql_fixture_open,
                                                    .shared = true};
    return postgresql_fixture_is_here() ? store_contract_run(&postgresql) : SYSTEM_SKIPPED;
}
