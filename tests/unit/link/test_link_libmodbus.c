#include "contract.h"

int main(void)
{
    return contract_run("link_libmodbus", &(struct contract_way){.batched = false});
}
