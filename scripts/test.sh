#!/usr/bin/env bash
# Installs what is missing, builds the `dev` preset and runs every test. Arguments go on to ctest: -L unit, -R batch.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case ${1:-} in
-h | --help)
    echo "Usage: scripts/test.sh [ARGUMENTS OF CTEST]..."
    echo "Installs what is missing, builds and runs every test. For a few only: -L unit, -L scenario, -R batch."
    exit
    ;;
esac

scripts/install-deps.sh build test
scripts/install-peers.sh --if-npm

log=$(mktemp)
trap 'rm -f -- "$log"' EXIT
cmake --preset dev >"$log" 2>&1 || {
    cat "$log" >&2
    exit 1
}
cmake --build --preset dev
ctest --preset dev "$@"
