#!/usr/bin/env bash
# A bridge and a server that were written from docs/protocol.md alone (tests/interop/peer.py) work with the real
# ones over mutual TLS: what the foreign bridge sends is stored, and the foreign server understands the real bridge.
# shellcheck source=tests/scenario/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

python=${BOURDON_PYTHON:-/usr/bin/python3}
interop=$BOURDON_SOURCE/tests/interop

peer() {
    local role=$1 certificate=$2
    shift 2
    "$python" "$interop/peer.py" "$role" --ca pki/ca.pem --certificate "$certificate.pem" --key "$certificate.key" "$@"
}

make_certificates

# --- a foreign bridge -----------------------------------------------------------------------------------------
start_server
peer bridge pki/bridge/cell-3 --connect "127.0.0.1:$server_port" --batches 30 >foreign.log 2>&1 ||
    fail "the foreign bridge: $(tail -n 5 foreign.log)"
[ "$(grep -c '"acked".*"committed"' foreign.log)" -eq 31 ] || fail "not every batch was committed: $(cat foreign.log)"
bourdon readings store.db --format json >stored.json
"$python" "$interop/foreign_stored.py" 30 <stored.json || fail "what is stored is not what the foreign bridge sent"
process_stop server "$patience" || fail "the server ended with status ${process_status[server]}"
pass "a foreign bridge delivers"

# --- a foreign server -----------------------------------------------------------------------------------------
start_plcsim --seed 7
process_start foreign foreign_server.log "$python" "$interop/peer.py" server --listen 127.0.0.1:0 \
    --ca pki/ca.pem --certificate pki/server/control.pem --key pki/server/control.key
wait_until "$patience" grep -q '"listening"' foreign_server.log || fail "the foreign server does not listen"
server_port=$(sed -n 's/.*"listening", "port": \([0-9]*\).*/\1/p' foreign_server.log)
start_bridge
wait_for_acks 5
process_stop bridge "$patience" || fail "the bridge ended with status ${process_status[bridge]}"
process_wait foreign "$patience" || fail "the foreign server: $(tail -n 5 foreign_server.log)"
spool_is_empty || fail "the bridge left batches in the spool"
process_stop plcsim "$patience" || fail "the simulator ended with status ${process_status[plcsim]}"
"$python" "$interop/foreign_stored.py" plc truth.tsv <foreign_server.log || fail "the foreign server understood something else"
pass "a foreign server takes from a bridge"
