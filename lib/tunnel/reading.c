#include "tunnel/reading.h"

#include <stddef.h>

struct quality_words {
    const char *token;
    const char *text;
};

/* Modbus exception names: MODBUS Application Protocol V1.1b3, section 7. */
static const struct quality_words words[QUALITY_MAX + 1] = {
    [QUALITY_GOOD] = {"good", "good"},
    [QUALITY_UNCERTAIN_CLOCK] = {"uncertain_clock", "uncertain: clock not synchronised"},
    [QUALITY_CLAMPED] = {"clamped", "uncertain: outside the tag's limits"},
    [QUALITY_STALE] = {"stale", "uncertain: stale"},
    [QUALITY_BAD_TIMEOUT] = {"bad_timeout", "bad: no answer in time"},
    [QUALITY_BAD_REFUSED] = {"bad_refused", "bad: connection refused or unreachable"},
    [QUALITY_BAD_DISCONNECTED] = {"bad_disconnected", "bad: connection lost"},
    [QUALITY_BAD_PROTOCOL] = {"bad_protocol", "bad: the answer broke the protocol"},
    [QUALITY_BAD_VALUE] = {"bad_value", "bad: not a value of the tag's type"},
    [QUALITY_BAD_SUSPENDED] = {"bad_suspended", "bad: unit suspended after repeated failures"},
    [QUALITY_BAD_EXCEPTION] = {"bad_exception", "bad: exception of an unknown code"},
    [QUALITY_BAD_EXCEPTION + 1] = {"bad_exception_01", "bad: illegal function (01)"},
    [QUALITY_BAD_EXCEPTION + 2] = {"bad_exception_02", "bad: illegal data address (02)"},
    [QUALITY_BAD_EXCEPTION + 3] = {"bad_exception_03", "bad: illegal data value (03)"},
    [QUALITY_BAD_EXCEPTION + 4] = {"bad_exception_04", "bad: server device failure (04)"},
    [QUALITY_BAD_EXCEPTION + 5] = {"bad_exception_05", "bad: acknowledge (05)"},
    [QUALITY_BAD_EXCEPTION + 6] = {"bad_exception_06", "bad: server device busy (06)"},
    [QUALITY_BAD_EXCEPTION + 7] = {"bad_exception_07", "bad: negative acknowledge (07)"},
    [QUALITY_BAD_EXCEPTION + 8] = {"bad_exception_08", "bad: memory parity error (08)"},
    [QUALITY_BAD_EXCEPTION + 9] = {"bad_exception_09", "bad: exception 09"},
    [QUALITY_BAD_EXCEPTION + 10] = {"bad_exception_0a", "bad: gateway path unavailable (0A)"},
    [QUALITY_BAD_EXCEPTION + 11] = {"bad_exception_0b", "bad: gateway target failed to respond (0B)"},
    [QUALITY_BAD_EXCEPTION + 12] = {"bad_exception_0c", "bad: exception 0C"},
    [QUALITY_BAD_EXCEPTION + 13] = {"bad_exception_0d", "bad: exception 0D"},
    [QUALITY_BAD_EXCEPTION + 14] = {"bad_exception_0e", "bad: exception 0E"},
    [QUALITY_BAD_EXCEPTION + 15] = {"bad_exception_0f", "bad: exception 0F"},
};

bool quality_is_known(enum quality quality)
{
    return (unsigned)quality <= QUALITY_MAX && words[quality].token;
}

const char *quality_text(enum quality quality)
{
    return quality_is_known(quality) ? words[quality].text : "unknown";
}

const char *quality_token(enum quality quality)
{
    return quality_is_known(quality) ? words[quality].token : "unknown";
}
