#!/usr/bin/env bash
# Shows the whole way on this machine: a simulated PLC, the bridge, the control server, and the acks as they come.
set -euo pipefail
export LC_ALL=C.UTF-8 # numbers have points
source_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/processes.sh
. "$source_folder/scripts/processes.sh"

readonly max_age=500ms # of a batch

usage() {
    cat <<TEXT
Usage: scripts/demo.sh [options]

Installs what is missing, builds Bourdon, makes certificates in a temporary folder, and runs a simulated PLC, the
bridge and the control server on free ports of this machine. Shows each batch as it is acknowledged, until Ctrl-C.
At the end it compares what the server stored with what the PLC says it served, value by value.

  --seconds N   end after N seconds
  --rate TIME   read every tag so often, 10ms to 10s (default 200ms)
  --keep        keep the folder with configurations, logs, spool and store

Exit status: 0 everything sent was acknowledged and every stored value is true, 1 not so, 2 wrong arguments.
TEXT
}

misuse() {
    echo "demo: $*" >&2
    echo "Try 'scripts/demo.sh --help'." >&2
    exit 2
}

fail() {
    echo "demo: $*" >&2
    exit 1
}

read_arguments() {
    seconds='' rate=200ms keep=''
    while [ $# -gt 0 ]; do
        case $1 in
        -h | --help) usage && exit 0 ;;
        --keep) keep=1 ;;
        --seconds | --rate)
            [ $# -ge 2 ] || misuse "$1 wants a value"
            if [ "$1" = --seconds ]; then seconds=$2; else rate=$2; fi
            shift ;;
        --seconds=*) seconds=${1#*=} ;;
        --rate=*) rate=${1#*=} ;;
        *) misuse "unknown argument '$1'" ;;
        esac
        shift
    done
    [[ -z $seconds || $seconds =~ ^[1-9][0-9]{0,5}$ ]] || misuse "--seconds wants a whole number from 1, not '$seconds'"
    [[ $rate =~ ^[1-9][0-9]{0,4}(ms|s)$ ]] || misuse "--rate wants a time such as 50ms or 1s, not '$rate'"
}

bold() {
    if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then printf '\033[1m%s\033[0m\n' "$*"; else printf '%s\n' "$*"; fi
}

# --- before -------------------------------------------------------------------------------------------------

# quietly WHAT COMMAND...: its output is shown only if it fails.
quietly() {
    local what=$1
    shift
    "$@" >"$folder/log" 2>&1 || {
        tail -n 40 "$folder/log" >&2
        fail "$what failed"
    }
}

build() {
    "$source_folder/scripts/install-deps.sh" build
    echo "Building (the first time takes a minute) ..."
    cd "$source_folder"
    quietly "configuring" cmake --preset release
    quietly "building" cmake --build --preset release
    cd "$folder"
    programs=$source_folder/build/release/bin
}

make_certificates() {
    local make_certs=$source_folder/certs/make-certs.sh
    quietly "making certificates" "$make_certs" init certificates
    quietly "making certificates" "$make_certs" server certificates control --ip 127.0.0.1
    quietly "making certificates" "$make_certs" bridge certificates cell-3
}

write_server_config() {
    cat >server.yaml <<YAML
listen: 127.0.0.1:0                  # a free port
ca: $folder/certificates/ca.pem
certificate: $folder/certificates/server/control.pem
key: $folder/certificates/server/control.key
store: sqlite:$folder/store.db
bridges: [cell-3]
http: 127.0.0.1:0
control: $folder/server.sock
watch: $folder/watch.sock
YAML
}

write_web_config() {
    cat >web.yaml <<YAML
listen: 127.0.0.1:0
store: sqlite:$folder/store.db
watch: $folder/watch.sock
YAML
}

# write_vessel NAME FIRST_REGISTER FIRST_BIT: its tags; the map is in docs/plc-sim.md.
write_vessel() {
    cat <<YAML
          - {name: $1/pressure,  table: holding,  address: $(($2 + 2)),  type: float32, unit: bar, rate: $rate}
          - {name: $1/deviation, table: holding,  address: $(($2 + 1)),  type: int16, scale: 0.01, unit: bar, rate: $rate}
          - {name: $1/absolute,  table: holding,  address: $(($2 + 10)), type: uint32, unit: Pa, rate: $rate}
          - {name: $1/swapped,   table: input,    address: $(($2 + 4)),  type: float32, word_order: little, unit: bar, rate: $rate}
          - {name: $1/supply,    table: input,    address: $(($2 + 14)), type: uint16, scale: 0.01, unit: bar, rate: $rate}
          - {name: $1/valve,     table: input,    address: $(($2 + 15)), type: uint16, scale: 0.1, unit: '%', rate: $rate}
          - {name: $1/high,      table: discrete, address: $(($3 + 2)),  type: bool, rate: $rate}
          - {name: $1/low,       table: discrete, address: $(($3 + 3)),  type: bool, rate: $rate}
YAML
}

# write_bridge_config PLC SERVER: their ports.
write_bridge_config() {
    cat <<YAML
bridge: {name: cell-3, spool: $folder/spool.db, control: $folder/bridge.sock}
server:
  endpoints: ["127.0.0.1:$2"]
  ca: $folder/certificates/ca.pem
  certificate: $folder/certificates/bridge/cell-3.pem
  key: $folder/certificates/bridge/cell-3.key
batch: {max_readings: 1000, max_age: $max_age}
links:
  - name: plant
    url: tcp://127.0.0.1:$1
    units:
      - id: 1
        tags:
$(write_vessel boiler-1 0 0)
$(write_vessel boiler-2 20 8)
      - id: 2
        tags:
$(write_vessel compressor 0 0)
      - id: 3
        tags:
$(write_vessel vacuum-header 0 0)
YAML
}

# --- the run ------------------------------------------------------------------------------------------------

start_all() {
    write_server_config
    process_start plcsim "$folder/plcsim.log" "$programs/bourdon-plcsim" --listen 127.0.0.1:0 \
        --truth "$folder/truth.tsv" --control "$folder/plcsim.sock"
    process_start server "$folder/server.log" "$programs/bourdon-server" -c server.yaml
    wait_for_event plcsim 10 event=started || exit 1
    wait_for_event server 10 event=listening || exit 1
    local plc
    plc=$(log_field plcsim listening address)
    plc_port=${plc##*:}
    server_port=$(log_field server listening port)
    write_bridge_config "$plc_port" "$server_port" >bridge.yaml
    process_start bridge "$folder/bridge.log" "$programs/bourdon-bridge" -c bridge.yaml
    wait_for_event bridge 10 event=batch_acked || exit 1
    write_web_config
    process_start web "$folder/web.log" "$programs/bourdon-web" -c web.yaml
    wait_for_event web 10 event=listening || exit 1
}

introduce() {
    cat <<TEXT

  bourdon-plcsim   a PLC with four pressure vessels, plain Modbus on 127.0.0.1:$plc_port
        |          32 tags, each read every $rate
  bourdon-bridge   puts each batch on disk, then sends it; a batch waits at most $max_age for company
        |          TLS 1.3, both sides show certificates
  bourdon-server   puts each batch on disk, then acknowledges it, on 127.0.0.1:$server_port
        |          the store, only read
  bourdon-web      the page: http://127.0.0.1:$(log_field web listening port)/

Each line is a batch that the server has committed. Times behind READ are since its oldest reading.
TEXT
    [ -n "$seconds" ] || echo "Ctrl-C ends the demo and compares what was stored with what the PLC served."
    echo
}

all_are_running() {
    process_is_running plcsim && process_is_running server && process_is_running bridge && process_is_running web
}

# Until the time is over or Ctrl-C. A program that ends by itself is a failure.
show_acks() {
    local deadline=$((SECONDS + ${seconds:-1000000000}))
    interrupted=''
    trap 'interrupted=1' INT TERM
    setpriv --pdeathsig KILL -- "$programs/bourdon" acks spool.db --follow &
    acks_pid=$!
    while [ -z "$interrupted" ] && [ "$SECONDS" -lt "$deadline" ]; do
        kill -0 "$acks_pid" 2>/dev/null || break
        all_are_running || fail "a program has ended: $(tail -qn 1 ./*.log)"
        read -r -t 0.1 <><(:) || true
    done
    kill "$acks_pid" 2>/dev/null || true
    wait "$acks_pid" 2>/dev/null || true
    trap '' INT TERM # what follows takes a moment and ends by itself
}

# The bridge first: it sends what it has and waits for the acks.
stop_all() {
    local name
    for name in web bridge plcsim server; do
        process_stop "$name" 20 || fail "$name ended with status ${process_status[$name]}: $(tail -n 1 "$name.log")"
    done
}

# --- after --------------------------------------------------------------------------------------------------

# csv VERB...: the values of the one row it shows, into the array `row`.
csv() {
    local text
    text=$("$programs/bourdon" "$@" --format csv | tail -n 1)
    IFS=, read -ra row <<<"$text"
}

judge() {
    local in_flight=1 # a request that the bridge's end caught on its way is answered by the PLC and stored by nobody
    local row made waiting answered duplicate rejected p50 p99 compared=0
    csv spool stat spool.db
    made=${row[3]} waiting=${row[4]}
    csv acks spool.db --summary
    answered=${row[0]} duplicate=${row[4]} rejected=${row[5]} p50=${row[6]} p99=${row[7]}
    "$programs/bourdon" compare-truth store.db --truth truth.tsv --format csv >compared.csv || compared=$?
    [ -s compared.csv ] || fail "the store could not be compared with the truth"
    IFS=, read -ra row < <(tail -n 1 compared.csv)
    echo
    bold "What happened"
    printf '  %-24s %9s\n' "polls the PLC answered" "${row[9]}" "readings stored" "${row[0]}"
    printf '  %-24s %9s   %s\n' "  of these true" "${row[1]}" "the PLC served exactly this value at that time" \
        "  without a value" "${row[2]}" "the PLC did not answer" \
        "  wrong" "$((row[4] + row[5] + row[6] + row[7]))" "other value, never served, twice, or out of order" \
        "batches sent" "$made" "" \
        "  acknowledged" "$((answered - rejected))" "$duplicate of them known to the server already" \
        "  rejected" "$rejected" "" \
        "  not acknowledged" "$waiting" ""
    printf '  %-24s %9.1f ms\n' "read to ack, p50" "$p50" "             p99" "$p99"
    echo
    if [ "$compared" -eq 0 ] && [ "$waiting" -eq 0 ] && [ "$rejected" -eq 0 ] && [ "$made" -eq "$answered" ] &&
        [ "${row[0]}" -gt 0 ] && [ "${row[10]}" -le "$in_flight" ]; then
        bold "Everything sent was acknowledged, and every stored value is true."
        return 0
    fi
    bold "Something is wrong: see above, and the logs in $folder."
    keep=1
    return 1
}

clean_up() {
    processes_stop_all
    if [ -n "$keep" ]; then echo "Configurations, logs, spool and store are in $folder"; else rm -rf -- "$folder"; fi
}

main() {
    read_arguments "$@"
    folder=$(mktemp -d)
    trap clean_up EXIT
    trap 'exit 1' INT TERM
    cd "$folder"
    build
    make_certificates
    start_all
    introduce
    show_acks
    stop_all
    judge
}

main "$@"
