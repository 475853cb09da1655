#!/usr/bin/env bash
# What one hostile PLC of 50 costs the 49 others: each fault of the simulator in turn, beside a run without any.
#
#   bench/field_hostile.sh [SECONDS [FAULT]...]      a run's length, 6 if not given; faults as plcsim takes them
#
# Prints rows of Markdown: the p99 of the time between two polls of the others at a rate of 100 ms, and the CPU.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bin=build/release/bin
port=${BOURDON_BENCH_PORT:-18502}
seconds=${1:-6}
[ $# -eq 0 ] || shift
faults=("$@")
[ $# -gt 0 ] || faults=(
    none delay 'delay delay=50ms jitter=400ms' 'late delay=600ms' silence exception 'max-read limit=1'
    'hole table=holding address=7 count=2' reset half-open half-close duplicate truncate wrong-transaction wrong-unit
    wrong-protocol 'wrong-length value=0' 'wrong-length value=1' 'wrong-length value=254' 'wrong-length value=255'
    wrong-length garbage drip 'flood bytes=65536' freeze refuse 'connection-limit limit=0'
)

echo '| the fiftieth PLC: | p99 interval of the others | CPU, of one core | its readings with a value, without |'
echo '|---|--:|--:|--:|'
for fault in "${faults[@]}"; do
    arguments=()
    [ "$fault" = none ] || arguments=(--faults "$fault")
    "$bin/bourdon-plcsim" --listen "127.0.0.1:$port" "${arguments[@]}" 2>/dev/null &
    plcsim=$!
    said=$("$bin/field_poll" 49 30 100 "$seconds" "$port" 2>/dev/null)
    kill "$plcsim"
    wait "$plcsim" || true
    interval=$(sed -n 's/.*interval p99 \([0-9]*\) us.*/\1/p' <<<"$said")
    cpu=$(sed -n 's/.*bad), \([0-9.]*\) % of one core.*/\1/p' <<<"$said")
    values=$(sed -n 's/.*: \([0-9]*\) readings with a value, \([0-9]*\) without/\1, \2/p' <<<"$said")
    echo "| \`$fault\` | $((interval / 1000)).$((interval % 1000 / 100)) ms | $cpu % | $values |"
done
