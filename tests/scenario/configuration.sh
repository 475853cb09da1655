#!/usr/bin/env bash
# A wrong configuration is refused as a whole, with every error at once, and touches nothing; a running daemon
# reloads a good one and keeps the old one otherwise.
# shellcheck source=tests/scenario/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

# refused PROGRAM STATUS WANTED... -- ARGUMENT...: it ends at once with that status and says each of the texts.
refused() {
    local program=$1 wanted_status=$2 wanted=() status=0 text
    shift 2
    while [ "$1" != -- ]; do
        wanted+=("$1")
        shift
    done
    shift
    timeout "$patience" "$BOURDON_BIN/$program" "$@" >said.log 2>&1 || status=$?
    [ "$status" -eq "$wanted_status" ] || fail "$program $*: exit status $status, not $wanted_status"
    for text in "${wanted[@]}"; do
        grep -q -- "$text" said.log || fail "$program $*: it does not say \"$text\""
    done
}

# --- wrong from the start -------------------------------------------------------------------------------------

make_certificates
start_plcsim
start_server

cat >wrong.yaml <<YAML
bridge: {name: cell-3, spool: $folder/spool.db}
server:
  endpoints: ["127.0.0.1:$server_port"]
  ca: pki/ca.pem
  certificate: pki/bridge/cell-3.pem
  key: pki/bridge/cell-3.key
batch: {max_redings: 10}
links:
  - name: plant
    url: tcp://127.0.0.1:$plc_port
    units:
      - id: 300
        tags:
          - {name: p, table: holding, address: 65536, type: float32, rate: 1s}
          - {name: p, table: coil, address: 1, type: float32, rate: fast}
YAML
refused bourdon-bridge 2 'wrong.yaml:7:' 'did you mean' 'max_readings' 'wrong.yaml:12:' 'wrong.yaml:14:' 'wrong.yaml:15:' \
    '\^' -- -c wrong.yaml
[ ! -e spool.db ] || fail "the spool was made although the configuration is wrong"
refused bourdon-bridge 2 'absent.yaml' -- -c absent.yaml
refused bourdon-bridge 2 'unknown option' -- --nonsense
refused bourdon-bridge 2 'Usage: bourdon-bridge' --
printf 'listen: 127.0.0.1\nca: pki/ca.pem\nbridges: "*"\nhttp: nowhere\n' >wrong-server.yaml
refused bourdon-server 2 'certificate' 'key' 'wrong-server.yaml:' -- -c wrong-server.yaml
sed 's|pki/|nowhere/|' server.yaml >absent-files.yaml
for check in '' --check-config; do
    refused bourdon-server 2 'absent-files.yaml:3:5: error: ca: ' 'yaml:4:14: error: certificate: ' \
        'yaml:5:6: error: key: ' -- -c absent-files.yaml $check
done
refused bourdon-server 0 'certificate: nowhere/server/control.pem' -- -c absent-files.yaml --print-config
refused bourdon-server 2 'unknown option' -- --nonsense
refused bourdon-plcsim 2 'unknown option' -- --nonsense
refused bourdon 2 'there is no verb' -- nonsense
pass "wrong configurations and arguments end with status 2"

sed "s|$folder/store.db|$folder/other.db|; s|server.sock|other.sock|" server.yaml >other.yaml
refused bourdon-server 1 "port $server_port" 'in use' -- -c other.yaml
pass "a second server does not take half of the first one's connections"

write_bridge_config
refused bourdon-bridge 0 -- -c bridge.yaml --check-config
[ ! -e spool.db ] || fail "--check-config made the spool"
"$BOURDON_BIN/bourdon-bridge" -c bridge.yaml --print-config >printed.yaml || fail "--print-config"
refused bourdon-bridge 0 -- -c printed.yaml --check-config
sed 's|pki/|nowhere/|' bridge.yaml >absent-files.yaml
refused bourdon-bridge 0 'holding' -- -c absent-files.yaml --print-plan
refused bourdon-bridge 0 'nowhere/ca.pem' -- -c absent-files.yaml --print-config
pass "--check-config touches nothing, and --print-config prints what it reads back"

# Templates are expanded: what is printed stands alone, and asks the PLC for the same.
mkdir templates
cat >templates/sensor.yaml <<'YAML'
tags:
  - {name: pressure, reference: "40003", type: float32, unit: bar}
YAML
cat >templates/boiler.yaml <<'YAML'
templates:
  - {file: sensor.yaml, prefix: inner/}
  - {file: sensor.yaml, prefix: outer/, base: 2}
tags:
  - {name: raw, table: input, address: 0, type: uint16, limits: [0, 1000], deadband: 1%}
YAML
sed '/^links:/,$d' bridge.yaml >with_templates.yaml
cat >>with_templates.yaml <<YAML
links:
  - name: plant
    url: tcp://127.0.0.1:$plc_port
    units:
      - id: 1
        templates:
          - {file: templates/boiler.yaml, prefix: boiler-1/}
          - {file: templates/boiler.yaml, prefix: boiler-2/, base: 20}
        tags:
          - {name: own, reference: "30020", type: uint16}
      - id: 2
        templates: [{file: templates/boiler.yaml, prefix: compressor/}]
YAML
"$BOURDON_BIN/bourdon-bridge" -c with_templates.yaml --print-config >printed.yaml || fail "--print-config"
[ "$(grep -c 'name: .*/' printed.yaml)" -eq 9 ] || fail "not every tag of the templates is there: $(cat printed.yaml)"
"$BOURDON_BIN/bourdon-bridge" -c with_templates.yaml --print-plan >plan
rm -r templates
"$BOURDON_BIN/bourdon-bridge" -c printed.yaml --print-plan | diff plan - || fail "what is printed asks for something else"
pass "--print-config shows what templates bring"

# A bridge that was working and whose configuration goes bad leaves its spool as it is.
start_bridge
wait_for_acks 2
process_stop bridge "$patience" || fail "SIGTERM: exit status ${process_status[bridge]}"
before=$(sha256sum spool.db)
refused bourdon-bridge 2 -- -c wrong.yaml
[ "$(sha256sum spool.db)" = "$before" ] || fail "a wrong configuration changed the spool"
pass "a wrong configuration leaves the spool as it was"

# --- reloading ------------------------------------------------------------------------------------------------

start_bridge
wait_for_acks 2
from=$(($(log_lines bridge) + 1))
cp wrong.yaml bridge.yaml
kill -HUP "${process_pid[bridge]}"
wait_for_event bridge "$patience" 'event=reload_refused' "$from"
wait_for_acks 2
write_bridge_config
sed -i 's|boiler-1/raw|boiler-1/renamed|' bridge.yaml
from=$(($(log_lines bridge) + 1))
kill -HUP "${process_pid[bridge]}"
wait_for_event bridge "$patience" 'event=reloaded' "$from"
has_renamed() { bourdon readings store.db --tag boiler-1/renamed --last 1 --format csv | grep -q renamed; }
wait_until "$patience" has_renamed || fail "readings of the new tag do not arrive"
pass "the bridge keeps the old configuration when the new one is wrong, and takes a good one"

# reload PROGRAM: SIGHUP, until it is taken.
reload() {
    local from=$(($(log_lines "$1") + 1))
    kill -HUP "${process_pid[$1]}"
    wait_for_event "$1" "$patience" 'event=reloaded' "$from"
}

# What only a restart can change is said once, and not when the change is taken back.
needs_restart() {
    local program=$1 change=$2 key=$3
    cp "$program.yaml" good.yaml
    sed -i "$change" "$program.yaml"
    reload "$program"
    cp good.yaml "$program.yaml"
    reload "$program"
    [ "$(grep -c 'event=needs_restart' "$program.log")" = 1 ] || fail "$program says needs_restart not once"
    grep -q "event=needs_restart key=$key" "$program.log" || fail "$program does not say that $key needs a restart"
}
needs_restart bridge 's|control: bridge.sock|control: other.sock|' bridge.control
needs_restart server 's|control: server.sock|control: other.sock|' control
bourdon status bridge.sock server.sock >/dev/null || fail "the control sockets are gone after a reload"
wait_for_acks 2
pass "a change that needs a restart is said, and the rest goes on"

# The server takes a new certificate without losing a session, and refuses a broken one.
from=$(($(log_lines server) + 1))
cp server.yaml good.yaml
sed -i 's|^key: .*|key: pki/bridge/cell-3.key|' server.yaml
kill -HUP "${process_pid[server]}"
wait_for_event server "$patience" 'event=reload_refused' "$from"
wait_for_acks 2
cp good.yaml server.yaml
certs server pki control --dns localhost --ip 127.0.0.1 --new-key
from=$(($(log_lines server) + 1))
kill -HUP "${process_pid[server]}"
wait_for_event server "$patience" 'event=reloaded' "$from"
wait_for_acks 2
bourdon send --server "127.0.0.1:$server_port" --ca pki/ca.pem --certificate pki/bridge/cell-3.pem \
    --key pki/bridge/cell-3.key x=1 >send.log 2>&1 || fail "send after the server's reload: $(cat send.log)"
pass "the server keeps the old certificate when the new one is wrong, and takes a good one"

stop_in_good_order
acknowledged_is_stored
stored_is_true
