#!/usr/bin/env bash
# The life of the bridge: wrong configurations, somebody else's spool, an outage, reloads, stopping.
# shellcheck source=tests/scenario/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

# bridge_ends STATUS PATTERN: the bridge, started now, ends by itself with this status and says this.
bridge_ends() {
    local status=0
    timeout "$patience" "$BOURDON_BIN/bourdon-bridge" -c bridge.yaml >ended.log 2>&1 || status=$?
    [ "$status" -eq "$1" ] || fail "exit status $status, not $1: $(tail -n 3 ended.log)"
    grep -Eq -- "$2" ended.log || fail "did not say \"$2\": $(tail -n 3 ended.log)"
}

make_certificates
start_plcsim

# --- before the spool is touched ---
write_bridge_config
sed -i 's/max_age: 50ms/max_age: soon/' bridge.yaml
bridge_ends 2 'bridge.yaml:[0-9]+:[0-9]+: error: .*soon'
write_bridge_config
sed -i 's/name: cell-3/name: cell-4/' bridge.yaml
bridge_ends 2 'is for bridge "cell-3", this one is "cell-4"'
[ ! -e spool.db ] || fail "a wrong configuration touched the spool"
pass "a wrong configuration is refused before there is a spool"

write_bridge_config
sqlite3 spool.db 'CREATE TABLE diary (entry TEXT)'
sum=$(sha256sum spool.db)
bridge_ends 2 'another program.*it was not touched'
[ "$(sha256sum spool.db)" = "$sum" ] || fail "somebody else's file was changed"
rm spool.db
pass "somebody else's file is refused and stays as it was"

# --- an outage ---
write_bridge_config
start_bridge # nothing listens at the server's port yet
has_backlog() { [ "$(sqlite3 -readonly spool.db 'SELECT count(*) FROM batch' 2>/dev/null || echo 0)" -ge 5 ]; }
wait_until "$patience" has_backlog || fail "nothing is spooled without a server"
start=$EPOCHSECONDS
process_stop bridge "$patience" || fail "stopping without a server: status ${process_status[bridge]}"
[ $((EPOCHSECONDS - start)) -le 5 ] || fail "stopping without a server took long"
start_server
start_bridge
wait_for_acks 5
bridge_ends 1 'being written by another process'
pass "what was spooled without a server is delivered later; a second bridge on one spool is refused"

# --- reloading ---
sed -i 's/max_age: 50ms/max_age: later/' bridge.yaml
from=$(($(log_lines bridge) + 1))
kill -HUP "${process_pid[bridge]}"
wait_for_event bridge "$patience" 'event=reload_refused.*old configuration stays' "$from"
wait_for_acks 2
pass "a wrong configuration at a reload changes nothing"

write_bridge_config
sed -i 's/^          - {name: boiler-1\/raw.*/&\n          - {name: boiler-1\/new, table: holding, address: 0, type: uint16, rate: 20ms}/' bridge.yaml
from=$(($(log_lines bridge) + 1))
kill -HUP "${process_pid[bridge]}"
wait_for_event bridge "$patience" 'event=reloaded' "$from"
wait_for_event bridge "$patience" 'event=connected' "$from"
wait_for_acks 3
pass "a new tag is polled after a reload, over a new session"

certs bridge pki cell-3 --new-key
from=$(($(log_lines bridge) + 1))
kill -HUP "${process_pid[bridge]}"
wait_for_event bridge "$patience" 'event=connected' "$from"
wait_for_acks 1
pass "a new certificate is in use after a reload"

# --- stopping ---
stop_in_good_order
acknowledged_is_stored
stored_is_true
bourdon readings store.db --tag boiler-1/new --last 1 --format csv | grep -q 'boiler-1/new' || fail "no reading of the new tag"
pass "the new tag is in the store"
