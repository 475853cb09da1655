/*
 * log: one event a line, to stderr, as logfmt or JSON.
 *
 *   log_info("uplink", log_event("batch_acked"), log_str("bridge", name), log_u64("seq", seq));
 *   → time=2026-01-31T23:59:59.123456Z level=info sub=uplink event=batch_acked bridge=cell-3 seq=812
 *
 * error = a person must act; warn = degraded, will retry; info = life cycle and acks; debug = each message.
 * Fields are typed and escaped here, so nothing a peer sends can forge a line. Keys are literals of ours.
 * Never log keys, payloads or passwords. What a peer can cause repeatedly goes through a log_limit.
 * Any thread; a line is one write(2) of at most LOG_LINE_MAX bytes (a longer one is cut, and says so).
 * The sink (level, format) is the one piece of mutable state at file scope in the product.
 */
#ifndef BOURDON_BASE_LOG_H
#define BOURDON_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR = 0, LOG_WARN = 1, LOG_INFO = 2, LOG_DEBUG = 3 };
enum log_format { LOG_LOGFMT = 0, LOG_JSON = 1 };
enum { LOG_LINE_MAX = 4096 };

enum log_kind { LOG_KIND_STR, LOG_KIND_I64, LOG_KIND_U64, LOG_KIND_MS, LOG_KIND_BOOL, LOG_KIND_HEX };

struct log_field {
    const char *key;
    enum log_kind kind;
    union {
        const char *str;
        int64_t i64;
        uint64_t u64;
        bool flag;
        struct {
            const uint8_t *data;
            size_t size;
        } hex;
    } as;
};

static inline struct log_field log_event(const char *name)
{
    return (struct log_field){.key = "event", .kind = LOG_KIND_STR, .as.str = name};
}
/* NULL is written as an empty string. */
static inline struct log_field log_str(const char *key, const char *value)
{
    return (struct log_field){.key = key, .kind = LOG_KIND_STR, .as.str = value};
}
static inline struct log_field log_i64(const char *key, int64_t value)
{
    return (struct log_field){.key = key, .kind = LOG_KIND_I64, .as.i64 = value};
}
static inline struct log_field log_u64(const char *key, uint64_t value)
{
    return (struct log_field){.key = key, .kind = LOG_KIND_U64, .as.u64 = value};
}
/* A duration given in microseconds, written in milliseconds with a decimal; the key should end in _ms. */
static inline struct log_field log_ms(const char *key, int64_t duration_us)
{
    return (struct log_field){.key = key, .kind = LOG_KIND_MS, .as.i64 = duration_us};
}
static inline struct log_field log_bool(const char *key, bool value)
{
    return (struct log_field){.key = key, .kind = LOG_KIND_BOOL, .as.flag = value};
}
/* Bytes as lower-case hexadecimal: identities and digests, never payloads. */
static inline struct log_field log_hex(const char *key, const void *data, size_t size)
{
    return (struct log_field){.key = key, .kind = LOG_KIND_HEX, .as.hex = {.data = data, .size = size}};
}

/* Before the first thread starts, or any time later: takes effect with the next line. */
void log_configure(enum log_level level, enum log_format format);

/* Where lines go instead of stderr; NULL restores it. For tests. */
void log_set_sink(void (*sink)(void *owner, const char *line, size_t size), void *owner);

bool log_enabled(enum log_level level);
void log_write(enum log_level level, const char *subsystem, const struct log_field *fields, size_t count);

/* `error warn info debug` and `logfmt json`; false if the text is none of them. */
bool log_level_parse(const char *text, enum log_level *level);
bool log_format_parse(const char *text, enum log_format *format);

#define LOG_AT(level, subsystem, ...)                                                                        \
    log_write(level, subsystem, (const struct log_field[]){__VA_ARGS__},                                     \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
#define log_error(subsystem, ...) LOG_AT(LOG_ERROR, subsystem, __VA_ARGS__)
#define log_warn(subsystem, ...)  LOG_AT(LOG_WARN, subsystem, __VA_ARGS__)
#define log_info(subsystem, ...)  LOG_AT(LOG_INFO, subsystem, __VA_ARGS__)
#define log_debug(subsystem, ...) LOG_AT(LOG_DEBUG, subsystem, __VA_ARGS__)

/* At most `burst` lines an `interval_us`; the rest is counted. Zero-initialise, then set both. One thread. */
struct log_limit {
    uint32_t burst;
    int64_t interval_us;
    int64_t window_start_us;
    uint32_t used;
    uint64_t
        suppressed; /* lines swallowed since the last one allowed; log it and it is reset by the next allow */
};

/* Whether a line may be written at monotonic time `now_us`; puts the count swallowed before it in
 * `*suppressed`. */
bool log_limit_allow(struct log_limit *limit, int64_t now_us, uint64_t *suppressed);

#endif
