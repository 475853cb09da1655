#!/usr/bin/env bash
# Explores the whole state space of the model of the tunnel, and shows that each mutant is caught.
# usage: tests/model/run.sh [BATCHES [WINDOW [CRASHES]]]     (default 4 2 3)
set -euo pipefail
model="$(cd "$(dirname "$0")" && pwd)/tunnel.pml"
sizes=("-DBATCHES=${1:-4}" "-DWINDOW=${2:-2}" "-DCRASHES=${3:-3}")
mutants=(ACK_BEFORE_COMMIT TRIM_BEFORE_ACK SEND_BEFORE_SPOOL STORE_NOT_UNIQUE DROP_WITHOUT_GAP ARRIVAL)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

explore() { # preprocessor flags…: prints pan's report
    spin "${sizes[@]}" "$@" -a "$model" >spin.log || { cat spin.log >&2; return 1; }
    gcc -O2 -w -DSAFETY -DCOLLAPSE -DVECTORSZ=2048 -o pan pan.c
    ./pan -m1000000 -w22 2>&1
}

report=$(explore)
if ! grep -q 'errors: 0' <<<"$report" || grep -qE 'max search depth too small|out of memory' <<<"$report"; then
    echo "$report"
    echo "the model breaks the law" >&2
    exit 1
fi
echo "law holds: $(grep -oE '[0-9.e+]+ states, stored' <<<"$report"), whole state space, no error"

for mutant in "${mutants[@]}"; do
    report=$(explore "-D$mutant")
    if ! grep -q 'assertion violated' <<<"$report"; then
        echo "the mutant $mutant was not caught: the model sees nothing" >&2
        exit 1
    fi
    echo "mutant caught: $mutant"
done
