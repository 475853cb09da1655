#include "base/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Whole numbers below it show all their digits and no exponent. */
#define LARGEST_WHOLE 1e15

char *decimal_format(double value, char *text)
{
    if (fabs(value) < LARGEST_WHOLE && value == trunc(value)) {
        snprintf(text, DECIMAL_MAX, "%.0f", value);
        return text;
    }
    enum { FEWEST = 6, ENOUGH = 17 }; /* 17 digits tell any two doubles apart */
    for (int digits = FEWEST; digits <= ENOUGH; digits++) {
        snprintf(text, DECIMAL_MAX, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    return text;
}
