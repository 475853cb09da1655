#!/usr/bin/env bash
# Runs clang-tidy over the C files given, or over all that the `clang` preset compiles. Needs it to be configured.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ $# -gt 0 ]; then
    files=("$@")
else
    mapfile -t files < <(sed -n 's/^  "file": "\(.*\)",*$/\1/p' build/clang/compile_commands.json | sort -u)
fi
printf '%s\n' "${files[@]}" |
    xargs -P "$(nproc)" -n 4 clang-tidy -p build/clang --quiet 2> >(grep -v ' warnings\? generated' >&2 || true)
echo "clang-tidy: ${#files[@]} files are clean"
