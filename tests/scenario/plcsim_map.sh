#!/usr/bin/env bash
# docs/plc-sim.md shows the map that the program prints, and every kind of fault.
set -euo pipefail

document=$BOURDON_SOURCE/docs/plc-sim.md
plcsim=$BOURDON_BIN/bourdon-plcsim

diff -u --label "$document" --label "bourdon-plcsim --print-map" \
    <(sed -n '/<!-- map: begin -->/,/<!-- map: end -->/p' "$document" | sed '1d;$d') <("$plcsim" --print-map)

help=$("$plcsim" --help-config | tr -s ' \n' ' ')
kinds=$(grep -o 'delay, late, [a-z, -]*' <<<"$help" | sed -n '1s/, */\n/gp')
[ "$(wc -l <<<"$kinds")" -ge 21 ]
while read -r kind; do
    grep -q "\`$kind\`" "$document" || { echo "$document does not explain the fault $kind"; exit 1; }
done <<<"$kinds"
