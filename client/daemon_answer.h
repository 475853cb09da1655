/* daemon_answer: asks a daemon through its control socket and shows what it says. One thread. */
#ifndef BOURDON_CLIENT_DAEMON_ANSWER_H
#define BOURDON_CLIENT_DAEMON_ANSWER_H

#include "json_tree.h"
#include "output.h"

#include <stdbool.h>

struct daemon_answer {     /* all zero = none */
    struct buffer text;    /* as the daemon gave it */
    struct buffer decoded; /* what the tree points into */
    struct json_tree tree;
};

/* Asks and reads the answer. ERR_REFUSED: the daemon says that it is wrong, `why` has its words; else as
 * control_ask() and json_tree_read(). daemon_answer_fini() is due in any case. */
MUST_USE enum err daemon_answer_get(const char *path, const char *request, struct daemon_answer *answer,
                                    struct err_text *why);
void daemon_answer_fini(struct daemon_answer *answer);

/* The same, shown on stdout: as a table for people or as the daemon gave it. False: said on stderr, after the
 * name of the program. */
bool daemon_answer_show(const char *program, const char *path, const char *request,
                        enum output_format format);

#endif
