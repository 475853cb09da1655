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

static bool check_last(struct verification *verification, const char *last)
{
    uint8_t hash[AUDIT_HASH_SIZE];
    if (!last) {
        return true;
    }
    (void)audit_hash_parse((struct bytes){(const uint8_t *)last, strlen(last)}, hash);
    if (memcmp(hash, verification->chain.hash, sizeof hash) == 0) {
        return true;
    }
    puts("the last record is not the one expected: records are missing at the end, or there are newer ones");
    return false;
}

static int verify(const char *const *paths, size_t count, const char *last)
{
    struct verification verification = {.records = 0};
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        good &= verify_file(&verification, paths[i]);
    }
    good &= check_last(&verification, last) && verification.faults == 0;
    char hash[AUDIT_HASH_TEXT];
    printf("%llu records, %llu of them wrong; the last is %llu, hash %s\n",
           (unsigned long long)verification.records, (unsigned long long)verification.faults,
           (unsigned long long)verification.chain.sequence, audit_hash_text(verification.chain.hash, hash));
    return good ? STATUS_OK : STATUS_FAILED;
}

int cmd_audit(int argc, char **argv)
{
    const char *last = NULL;
    const struct argument table[] = {
        {"last", 0, "HASH", "The hash that the last record must have.", &last, NULL},
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
    } else if (last && !audit_hash_parse((struct bytes){(const uint8_t *)last, strlen(last)}, hash)) {
        arguments_complain(&line, "--last %s: it is 64 hexadecimal digits", last);
    } else {
        return verify((const char *const *)argv + 1, words - 1, last);
    }
    return STATUS_USAGE;
}
