/* argument_value: it has moved to base/argument_value.h; this is for files that still look here. */
#ifndef BOURDON_CLIENT_ARGUMENT_VALUE_H
#define BOURDON_CLIENT_ARGUMENT_VALUE_H

#include "base/argument_value.h"

#endif
