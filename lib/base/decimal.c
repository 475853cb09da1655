#include "base/decimal.h"

#include <stdio.h>
#include <stdlib.h>

char *decimal_format(double value, char *text)
{
    enum { FEWEST = 6, ENOUGH = 17 }; /* 17 digits tell any two doubles apart */
    for (int digits = FEWEST; digits <= ENOUGH; digits++) {
        snprintf(text, DECIMAL_MAX, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    return text;
}
