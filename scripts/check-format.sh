#!/usr/bin/env bash
# Checks that C files are as clang-format leaves them and that shell scripts pass shellcheck.
set -euo pipefail
cd "$(dirname "$0")/.."

git ls-files -z '*.c' '*.h' | xargs -0 clang-format --dry-run --Werror
git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck
echo "format and shell scripts are clean"
