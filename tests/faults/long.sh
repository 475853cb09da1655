#!/usr/bin/env bash
# Runs the long versions of the proofs in tests/faults; docs/testing.md. Needs a build of the preset dev, and root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

case ${1:-} in
-h | --help)
    echo "Usage: tests/faults/long.sh [PROOF]..."
    echo "Runs the long versions of the proofs (all, or those named: kill power_cut ...), about 45 minutes together."
    echo "BOURDON_SEED=N replays the choices of a run, BOURDON_ROUNDS=N asks for other numbers of rounds,"
    echo "BOURDON_BIN=FOLDER takes other programs than build/dev/bin, BOURDON_EVIDENCE=FOLDER keeps what a failure leaves."
    exit
    ;;
esac

export BOURDON_SOURCE=$PWD BOURDON_BIN=${BOURDON_BIN:-$PWD/build/dev/bin} BOURDON_LONG=1
python=${BOURDON_PYTHON:-/usr/bin/python3}

# Rounds of the proofs that go by rounds; the others try every point.
declare -A rounds=([kill]=2000 [power_cut]=500 [bit_flips]=100 [bad_network]=30 [outage]=72 [postgresql_away]=50 [postgresql_ledger]=50
    [jetstream_nodes]=30)

run() {
    printf '\n== %s (%s)\n' "$1" "$(date +%T)"
    BOURDON_ROUNDS=${BOURDON_ROUNDS:-${rounds[$1]:-0}} "$python" "tests/faults/$1.py" || [ $? -eq 77 ]
}

proofs=("$@")
if [ ${#proofs[@]} -eq 0 ]; then
    mapfile -t proofs < <(sed -n 's/^bourdon_faults_test(\([a-z_]*\) .*/\1/p' tests/faults/CMakeLists.txt)
fi
for proof in "${proofs[@]}"; do
    run "$proof"
done
