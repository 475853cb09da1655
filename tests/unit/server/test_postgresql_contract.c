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
    static const struct contract_kind hypertable = {.name = "postgresql_contract_beside_a_stand_in",
                                                    .make = postgresql_fixture_make_with_stand_in,
                                                    .remove = postgresql_fixture_drop,
                                                    .open = postgresql_fixture_open,
                                                    .shared = true};
    if (!postgresql_fixture_is_here()) {
        return SYSTEM_SKIPPED;
    }
    int status = store_contract_run(&postgresql);
    return status == 0 ? store_contract_run(&hypertable) : status;
}
