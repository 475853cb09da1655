#include "contract.h"

#include <stddef.h>

int main(void)
{
    return contract_run("link_libmodbus", NULL, NULL, NULL);
}
