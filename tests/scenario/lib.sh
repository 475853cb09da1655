# lib: what every scenario needs: a folder of its own, certificates, configurations, and the real programs.
# Sourced by tests/scenario/*.sh. Ports are free ones; waiting is for log events, with deadlines.
# shellcheck shell=bash
# shellcheck disable=SC2120 # arguments that scenarios may give
set -euo pipefail
export LC_ALL=C.UTF-8

: "${BOURDON_SOURCE:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
: "${BOURDON_BIN:=$BOURDON_SOURCE/build/dev/bin}"
BOURDON_SOURCE=$(cd "$BOURDON_SOURCE" && pwd)
BOURDON_BIN=$(cd "$BOURDON_BIN" && pwd)
# shellcheck source=scripts/processes.sh
. "$BOURDON_SOURCE/scripts/processes.sh"

readonly patience=30 # seconds for anything that takes milliseconds on an idle machine, sanitizers included

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

pass() {
    echo "ok: $*"
}

# --- a folder of its own ------------------------------------------------------------------------------------

scenario_end() {
    local status=$?
    processes_stop_all
    if [ "$status" -ne 0 ] && [ "$status" -ne 77 ]; then
        local log
        for log in "$folder"/*.log; do
            [ ! -s "$log" ] || { echo "--- ${log##*/}, its end:" && tail -n 15 "$log"; } >&2
        done
    fi
    cd /
    if [ -n "${BOURDON_KEEP:-}" ]; then echo "kept: $folder"; else rm -rf -- "$folder"; fi
}

folder=$(mktemp -d)
trap scenario_end EXIT
trap 'exit 1' INT TERM
cd "$folder"

bourdon() {
    "$BOURDON_BIN/bourdon" "$@"
}

certs() {
    "$BOURDON_SOURCE/certs/make-certs.sh" "$@" >>certs.log 2>&1 || fail "make-certs.sh $*"
}

# The authority, the server "control" and the bridge "cell-3".
make_certificates() {
    certs init pki
    certs server pki control --dns localhost --ip 127.0.0.1
    certs bridge pki cell-3
}

# Two ports of this scenario's own, which it may close and open again: below the range from which the system takes
# ports for outgoing connections, so that nobody else is given them in between.
port_is_free() {
    ! (: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

server_port=$((20000 + $$ * 2 % 12000))
until port_is_free "$server_port" && port_is_free $((server_port + 1)); do
    server_port=$((server_port < 31998 ? server_port + 2 : 20000))
done
plc_port=$((server_port + 1))

# --- the simulated PLC --------------------------------------------------------------------------------------

# start_plcsim [ARGUMENT...]: on $plc_port, its truth in truth.tsv.
start_plcsim() {
    touch plcsim.log
    local from=$(($(wc -l <plcsim.log) + 1))
    process_start plcsim plcsim.log "$BOURDON_BIN/bourdon-plcsim" --listen "127.0.0.1:$plc_port" --truth truth.tsv \
        --control plcsim.sock "$@"
    wait_for_event plcsim "$patience" event=started "$from"
}

# --- the server ---------------------------------------------------------------------------------------------

# write_server_config [LINE...]: further top-level lines; they win over the usual ones.
write_server_config() {
    {
        printf '%s\n' "$@"
        local line
        while read -r line; do
            printf '%s\n' "$@" | grep -q "^${line%%:*}:" || echo "$line"
        done <<YAML
listen: 127.0.0.1:$server_port
ca: pki/ca.pem
certificate: pki/server/control.pem
key: pki/server/control.key
store: sqlite:$folder/store.db
bridges: [cell-3]
http: 127.0.0.1:0
control: server.sock
watch: watch.sock
YAML
    } >server.yaml
}

# start_server: with server.yaml, written if there is none. Appends to server.log.
start_server() {
    [ -f server.yaml ] || write_server_config
    touch server.log
    local from=$(($(wc -l <server.log) + 1))
    process_start server server.log "$BOURDON_BIN/bourdon-server" -c server.yaml
    wait_for_event server "$patience" 'event=listening .*port=' "$from"
}

# --- the page -----------------------------------------------------------------------------------------------

# write_web_config [LINE...]: of bourdon-web, on a free port.
write_web_config() {
    printf '%s\n' "$@" >web.yaml
    cat >>web.yaml <<YAML
store: sqlite:$folder/store.db
watch: watch.sock
YAML
    grep -q '^listen:' web.yaml || echo 'listen: 127.0.0.1:0' >>web.yaml
}

# start_web: with web.yaml. Its port is in web_port.
start_web() {
    touch web.log
    local from=$(($(wc -l <web.log) + 1))
    process_start web web.log "$BOURDON_BIN/bourdon-web" -c web.yaml
    wait_for_event web "$patience" 'event=listening .*port=' "$from"
    # shellcheck disable=SC2034 # for the scenario
    web_port=$(tail -n "+$from" web.log | sed -n 's/.*event=listening .*port=\([0-9]*\).*/\1/p')
}

# --- the bridge ---------------------------------------------------------------------------------------------

# write_bridge_config: from what these say; each may be set before.
bridge_name=cell-3
bridge_certificate=pki/bridge/cell-3 # without .pem and .key
bridge_batch='{max_readings: 50, max_age: 50ms}'
bridge_more='' # further lines on the top level
bridge_rate=20ms
write_bridge_config() {
    cat >bridge.yaml <<YAML
bridge: {name: $bridge_name, spool: $folder/spool.db, control: bridge.sock}
server:
  endpoints: ["127.0.0.1:$server_port"]
  ca: pki/ca.pem
  certificate: $bridge_certificate.pem
  key: $bridge_certificate.key
  retry_first: 20ms
  retry_max: 200ms
batch: $bridge_batch
$bridge_more
links:
  - name: plant
    url: tcp://127.0.0.1:$plc_port
    reconnect_max: 200ms
    units:
      - id: 1
        tags:
          - {name: boiler-1/pressure, table: holding, address: 2, type: float32, unit: bar, rate: $bridge_rate}
          - {name: boiler-1/raw, table: holding, address: 0, type: uint16, scale: 0.01, unit: bar, rate: $bridge_rate}
          - {name: boiler-1/scans, table: input, address: 19, type: uint16, rate: $bridge_rate}
          - {name: boiler-1/high, table: discrete, address: 2, type: bool, rate: $bridge_rate}
      - id: 2
        tags:
          - {name: compressor/swapped, table: input, address: 4, type: float32, word_order: CDAB, unit: bar, rate: $bridge_rate}
          - {name: compressor/absolute, table: holding, address: 10, type: uint32, unit: Pa, rate: $bridge_rate}
YAML
}

# start_bridge: with bridge.yaml, written if there is none. Appends to bridge.log. Waits for nothing.
start_bridge() {
    [ -f bridge.yaml ] || write_bridge_config
    process_start bridge bridge.log "$BOURDON_BIN/bourdon-bridge" -c bridge.yaml
}

acks_or_end() {
    [ "$(tail -n "+$2" bridge.log | grep -c event=batch_acked)" -ge "$1" ] || process_has_ended bridge
}

# wait_for_acks COUNT: until so many further batches have been acknowledged to the bridge.
wait_for_acks() {
    local from
    from=$(($(log_lines bridge) + 1))
    wait_until "$patience" acks_or_end "$1" "$from" || fail "no $1 acks in $patience s"
    process_is_running bridge || fail "the bridge has ended"
}

# --- what must be so ----------------------------------------------------------------------------------------

# column FILE_OF_CSV NAME: the values of a column, one a line. For values without commas.
column() {
    awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i; next } { print $at }' "$1"
}

spool_is_empty() {
    bourdon spool stat spool.db --format csv >stat.csv && [ "$(column stat.csv waiting)" = 0 ]
}

# Waits until everything in the spool of the running bridge is acknowledged, then ends all programs in good order.
stop_in_good_order() {
    process_stop bridge "$patience" || fail "the bridge ended with status ${process_status[bridge]}"
    spool_is_empty || fail "the bridge stopped and left batches in the spool: $(tail -n 1 stat.csv)"
    process_stop plcsim "$patience" || fail "the simulator ended with status ${process_status[plcsim]}"
    process_stop server "$patience" || fail "the server ended with status ${process_status[server]}"
}

# acked_in LOG: epoch,seq,readings of each acknowledgement in a log, once each.
acked_in() {
    sed -n 's/.*event=batch_acked .*epoch=\([^ ]*\) seq=\([^ ]*\) readings=\([^ ]*\) .*/\1,\2,\3/p' "$1" | sort -u
}

# The law: what was acknowledged, by either end's log, is stored, with as many readings, once.
acknowledged_is_stored() {
    local log
    bourdon acks store.db --format csv >stored.csv
    paste -d, <(column stored.csv epoch) <(column stored.csv seq) <(column stored.csv readings) | sort >stored
    [ -s stored ] || fail "nothing is stored"
    [ -z "$(cut -d, -f1,2 stored | uniq -d)" ] || fail "stored twice: $(cut -d, -f1,2 stored | uniq -d)"
    for log in bridge.log server.log; do
        acked_in "$log" >acked
        [ -s acked ] || fail "$log has no acknowledgement"
        comm -23 acked stored >lost
        [ ! -s lost ] || fail "acknowledged in $log and not stored: $(head -n 3 lost)"
        pass "$(wc -l <acked) batches acknowledged in $log, all of them stored once"
    done
}

# stored_is_true [STOPS]: against the simulator's truth, value by value. With STOPS, every answer of the PLC is stored
# too, but for the one request that each stop of the bridge or the PLC may have caught on its way.
stored_is_true() {
    local unstored
    bourdon compare-truth store.db --truth truth.tsv --format csv >compared.csv ||
        fail "what is stored is not what the PLC served: $(cat compared.csv)"
    unstored=$(column compared.csv unstored)
    if [ $# -gt 0 ] && [ "$unstored" -gt "$1" ]; then
        fail "$unstored answers of the PLC are not stored, with $1 stops: $(cat compared.csv)"
    fi
    pass "every stored value is what the PLC served"
}
