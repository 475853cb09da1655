#!/usr/bin/env bash
# kill_nine.sh [CYCLES] [SEED]: kills bridge, server or both at random moments; nothing that was acknowledged is
# lost, nothing is stored twice, every stored value is true.
# shellcheck source=tests/scenario/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

cycles=${1:-50}
RANDOM=${2:-1}

bridge_batch='{max_readings: 20, max_age: 10ms}'
bridge_rate=10ms
make_certificates
start_plcsim
start_server
start_bridge
wait_for_acks 1

victims=(bridge server "bridge server")
for ((cycle = 1; cycle <= cycles; cycle++)); do
    # The moment is random on purpose: in the middle of anything. Nothing below relies on how long it is.
    read -r -t "0.$(printf %03d $((RANDOM % 150)))" <><(:) || true
    read -ra dying <<<"${victims[RANDOM % 3]}"
    for victim in "${dying[@]}"; do
        process_is_running "$victim" || fail "cycle $cycle: the $victim had ended by itself"
        kill -KILL "${process_pid[$victim]}"
    done
    for victim in "${dying[@]}"; do
        process_wait "$victim" "$patience"
        "start_$victim"
    done
    # Every few cycles both live long enough to agree; in between death may come at any time.
    if [ $((cycle % 5)) -eq 0 ]; then wait_for_acks 2; fi
done
wait_for_acks 2
pass "$cycles times killed, and both ends came back"

stop_in_good_order
acknowledged_is_stored
stored_is_true
bourdon acks spool.db --summary
