/*
 * policy_file: the file that a policy is written in (MODBUS/TCP Security ): YAML through the
 * option tables, every mistake at once.
 *
 *   rules:
 *     - name: operators see everything
 *       roles: [operator, engineer]
 *       units: [all]
 *       access: read
 *       addresses: [all]
 *     - {name: setpoints, roles: [operator], units: [1], access: write, functions: [6, 16],
 *        addresses: [100-109], values: [0, 800], max_change: 50, verify: true}
 *
 * There are no roles but those in the file. One thread.
 */
#ifndef BOURDON_GATEWAY_POLICY_FILE_H
#define BOURDON_GATEWAY_POLICY_FILE_H

#include "base/diagnostics.h"
#include "base/options.h"
#include "gateway/policy.h"

/* For help and man pages. */
extern const struct option policy_file_table[];

/* The words of `type` (enum value_type) and `word_order` (ORDER_WORDS_SWAPPED or not). */
extern const struct option_choice policy_value_types[];
extern const struct option_choice policy_word_orders[];

/* Reads and checks a file. ERR_CONFIG, ERR_MALFORMED: `diagnostics` say why. */
MUST_USE enum err policy_load(const char *path, struct diagnostics *diagnostics, struct policy **policy);
/* The same from memory; `name` stands for the path. */
MUST_USE enum err policy_load_text(const char *name, struct bytes text, struct diagnostics *diagnostics,
                                   struct policy **policy);

#endif
