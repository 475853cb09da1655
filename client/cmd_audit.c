#include "verbs.h"

#include "base/arguments.h"
#include "gateway/audit_chain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char epilogue[] =
    "The files of one bridge in the order of their age, the oldest first: each continues the one before.\n"
    "Records that were cut off at the very end show only with --last: the bridge logs the hash of its last\n"
    "record when it starts, stops and reopens the file (event=audit_head), and `bourdon status` shows it.\n"
    "\n"
    "Examples:\n"
    "  bourdon audit verify /var/log/bourdon/audit.jsonl\n"
    "  bourdon audit verify audit.jsonl.2 audit.jsonl.1 audit.jsonl --last 5f1d…\n"
    "\n"
    "Exit status: 0 nothing was changed, 1 something was, or a file cannot be read; 2 wrong arguments.";

enum { FAULTS_SHOWN = 20 };

struct verification {
    struct audit_chain chain;
    uint64_t records, faults;
    uint8_t wanted[AUDIT_HASH_SIZE]; /* that a record must have */
    bool found;
};

static void note(struct verification *verification, const char *path, uint64_t number, const char *text)
{
    verification->faults++;
    if (verification->faults <= FAULTS_SHOWN) {
        printf("%s:%llu: %s\n", path, (unsigned long long)number, text);
    }
}

static void verify_line(struct verification *verification, const char *path, uint64_t number,
                        const char *line)
{
    size_t size = strlen(line);
    bool whole = size > 0 && line[size - 1] == '\n';
    const struct bytes bytes = {.data = (const uint8_t *)line, .size = whole ? size - 1 : size};
    enum audit_fault fault = audit_chain_check(&verification->chain, bytes);
    verification->records++;
    verification->found |= memcmp(verification->chain.hash, verification->wanted, AUDIT_HASH_SIZE) == 0;
    if (fault != AUDIT_GOOD || !whole) {
        note(verification, path, number, audit_fault_text(fault != AUDIT_GOOD ? fault : AUDIT_MALFORMED));
    }
}

static bool verify_file(struct verification *verification, const char *path)
{
    char line[AUDIT_LINE_MAX + 1];
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "bourdon audit: %s: %s\n", path, strerror(errno));
        return false;
    }
    uint64_t number = 0;
    while (fgets(line, sizeof line, file)) {
        verify_line(verification, path, ++number, line);
    }
    bool good = !ferror(file);
    fclose(file);
    return good;
}

static bool parse_hash(const char *text, uint8_t *hash)
{
    return audit_hash_parse((struct bytes){(const uint8_t *)text, strlen(text)}, hash);
}

static bool check_has(const struct verification *verification, const char *has)
{
    if (!has || verification->found) {
        return true;
    }
    printf("no record has the hash %s: records are missing at the end, or the file was rewritten\n", has);
    return false;
}

static bool check_last(const struct verification *verification, const char *last)
{
    uint8_t hash[AUDIT_HASH_SIZE];
    if (!last) {
        return true;
    }
    (void)parse_hash(last, hash);
    if (memcmp(hash, verification->chain.hash, sizeof hash) == 0) {
        return true;
    }
    puts("the last record is not the one expected: records are missing at the end, or there are newer ones");
    return false;
}

struct expected {
    const char *last, *has; /* hashes in text; NULL = none */
};

static int verify(const char *const *paths, size_t count, const struct expected *expected)
{
    struct verification verification = {.records = 0};
    bool good = true;
    if (expected->has) {
        (void)parse_hash(expected->has, verification.wanted);
    }
    for (size_t i = 0; i < count; i++) {
        good &= verify_file(&verification, paths[i]);
    }
    good &= check_last(&verification, expected->last) && verification.faults == 0;
    good &= check_has(&verification, expected->has);
    char hash[AUDIT_HASH_TEXT];
    printf("%llu records, %llu of them wrong; the last is %llu, hash %s\n",
           (unsigned long long)verification.records, (unsigned long long)verification.faults,
           (unsigned long long)verification.chain.sequence, audit_hash_text(verification.chain.hash, hash));
    return good ? STATUS_OK : STATUS_FAILED;
}

int cmd_audit(int argc, char **argv)
{
    struct expected expected = {.last = NULL};
    const struct argument table[] = {
        {"last", 0, "HASH", "The hash that the last record must have.", &expected.last, NULL},
        {"has", 0, "HASH", "A hash that some record must have: one that the bridge logged.", &expected.has,
         NULL},
        ARGUMENTS_END,
    };
    const struct command_line line = {
        .program = "bourdon audit",
        .summary = "Tells whether the audit file of a gateway was changed after it was written.",
        .usage = "verify FILE... [options]",
        .arguments = table,
        .positional_help = "FILE: the audit file of a bridge, with those it was rotated to in front of it.",
        .epilogue = epilogue,
    };
    size_t words;
    enum arguments_result parsed = arguments_parse(&line, argc, argv, &words);
    if (parsed != ARGUMENTS_RUN) {
        return parsed == ARGUMENTS_DONE ? STATUS_OK : STATUS_USAGE;
    }
    uint8_t hash[AUDIT_HASH_SIZE];
    if (words < 2 || strcmp(argv[0], "verify") != 0) {
        arguments_complain(&line, "it takes verify, and at least one FILE");
    } else if (expected.last && !parse_hash(expected.last, hash)) {
        arguments_complain(&line, "--last %s: it is 64 hexadecimal digits", expected.last);
    } else if (expected.has && !parse_hash(expected.has, hash)) {
        arguments_complain(&line, "--has %s: it is 64 hexadecimal digits", expected.has);
    } else {
        return verify((const char *const *)argv + 1, words - 1, &expected);
    }
    return STATUS_USAGE;
}
