/*
 * err: what went wrong, as a class to branch on and a text for people.
 *
 * A fallible function returns `enum err`, marked MUST_USE. Where a person will read about it the function
 * also takes a `struct err_text *why` (NULL if the caller does not care): the innermost layer writes the
 * cause with err_set(), each layer above puts its own context in front with err_prefix(), so that the log
 * line reads `spool /var/lib/…/spool.db: append batch 812: disk is full`.
 *
 * Modbus exceptions are answers, not failures: they have their own enum (modbus/pdu.h).
 */
#ifndef BOURDON_BASE_ERR_H
#define BOURDON_BASE_ERR_H

#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

enum err {
    ERR_OK = 0,
    ERR_NO_MEMORY,
    ERR_IO,        /* the operating system refused; the text has errno in words */
    ERR_DISK_FULL, /* no space, or below the watermark: nothing was changed */
    ERR_SYNC,      /* fsync failed: what is on disk is unknown, stop acknowledging and restart */
    ERR_MALFORMED, /* bytes from outside break the format */
    ERR_LIMIT,     /* a named limit would be passed */
    ERR_CORRUPT,   /* our own stored data fails its checksum */
    ERR_VERSION,   /* a format, schema or protocol version we do not speak */
    ERR_CONFLICT,  /* same identity, different content; or somebody else's file */
    ERR_NOT_FOUND,
    ERR_TIMEOUT,
    ERR_REFUSED, /* the peer said no, or we said no to it */
    ERR_CLOSED,  /* the peer went away */
    ERR_BUSY,    /* try again later */
    ERR_CONFIG,  /* the operator's input is wrong; details are in the diagnostics */
};

enum { ERR_TEXT_MAX = 512 };

struct err_text {
    char text[ERR_TEXT_MAX]; /* always terminated; cut with an ellipsis where too long */
};

/* The class in a few plain words ("disk is full"). Never NULL. */
const char *err_name(enum err code);

/* Writes the message into `why` (may be NULL) and returns `code`, so that `return err_set(…)` reads well. */
enum err err_set(struct err_text *why, enum err code, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts "<formatted>: " in front of what `why` says already. Returns `code`. */
enum err err_prefix(struct err_text *why, enum err code, const char *format, ...) PRINTF_LIKE(3, 4);

/* As err_set() with code ERR_IO (ERR_DISK_FULL for ENOSPC and EDQUOT) and ": <errno in words>" behind the
 * message. */
enum err err_errno(struct err_text *why, int error_number, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
