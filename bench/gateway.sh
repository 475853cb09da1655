#!/usr/bin/env bash
# The gateway beside haproxy, nginx, stunnel and socat, in front of the same plain PLC, one after the other: what each
# takes for a transaction, a connection, and a handshake. Bourdon parses, judges and records, and has one connection to
# the PLC; the others relay bytes, each client on a connection of its own.
#
#   scripts/install-deps.sh build test bench
#   cmake --preset release && cmake --build --preset release
#   bench/gateway.sh [PEER...]          bourdon outstanding same haproxy nginx stunnel socat
#                                       BOURDON_BIN=build/release/bin
#
# "bourdon" has one request on its connection to the PLC at a time, "outstanding" up to 16, and with "same" all clients
# read the same registers (elsewhere each reads others).
set -euo pipefail
export LC_ALL=C.UTF-8

source_folder=$(cd "$(dirname "$0")/.." && pwd)
bin=$(cd "${BOURDON_BIN:-$source_folder/build/release/bin}" && pwd)
seconds=${SECONDS_EACH:-5}
connections=64
idle=${IDLE:-1000}
peers=("$@")
[ ${#peers[@]} -gt 0 ] || peers=(bourdon outstanding same haproxy nginx stunnel socat)

folder=$(mktemp -d)
pids=()
end() {
    local pid
    for pid in "${pids[@]}"; do stop "$pid"; done
    exec 8>&- || true
    rm -rf -- "$folder"
}
trap end EXIT
cd "$folder"

# The process and everything below it.
tree() {
    local pid=$1 child
    [ -d "/proc/$pid" ] || return 0
    echo "$pid"
    while read -r child; do tree "$child"; done < <(cat "/proc/$pid"/task/*/children 2>/dev/null | tr ' ' '\n' | grep .)
}
stop() {
    local all
    all=$(tree "$1")
    # shellcheck disable=SC2086 # one word a process
    [ -z "$all" ] || kill $all 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}
# Ticks of CPU that a process, its children, and those it has waited for have used.
cpu_ticks() {
    local pid sum=0 fields
    for pid in $(tree "$1"); do
        fields=$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null) || continue
        # shellcheck disable=SC2086
        set -- $fields
        sum=$((sum + ${12} + ${13} + ${14} + ${15}))
    done
    echo "$sum"
}
# Proportional, so that what processes share counts once.
memory_kib() {
    local pid
    for pid in $(tree "$1"); do cat "/proc/$pid/smaps_rollup" 2>/dev/null || true; done |
        awk '/^Pss:/ { sum += $2 } END { print sum + 0 }'
}
free_port() {
    /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

make_plant() {
    local certs="$source_folder/certs/make-certs.sh"
    { "$certs" init pki && "$certs" server pki gate --dns localhost --ip 127.0.0.1 && "$certs" bridge pki cell-3 &&
        "$certs" operator pki anna; } >certs.log 2>&1
    cat pki/server/gate.pem pki/ca.pem >chain.pem # down to the root, as the standard wants it (R-46); ours adds it
    cat chain.pem pki/server/gate.key >both.pem
    chmod 600 both.pem
    cat >policy.yaml <<YAML
rules:
  - {name: see, roles: [operator], units: [1], access: read, addresses: [0-999]}
  - {name: set, roles: [operator], units: [1], access: write, addresses: [100-109], values: [0, 800]}
YAML
}

configure() {
    cat >bourdon.yaml <<YAML
bridge: {name: cell-3, spool: $folder/spool.db}
server: {endpoints: ["127.0.0.1:9"], ca: pki/ca.pem, certificate: pki/bridge/cell-3.pem, key: pki/bridge/cell-3.key}
links:
  - name: plant
    url: tcp://127.0.0.1:$plc
    outstanding: $outstanding
    units: [{id: 1, tags: [{name: a, table: holding, address: 0, type: uint16, rate: 1s}]}]
gateway:
  listen: ["127.0.0.1:$port"]
  ca: pki/ca.pem
  certificate: pki/server/gate.pem
  key: pki/server/gate.key
  policy: policy.yaml
  audit: {file: $folder/audit.jsonl}
  limits: {connections: 10000, per_identity: 10000, per_address: 10000, handshakes: 10000}
YAML
    cat >haproxy.cfg <<CFG
global
    maxconn 9000
    ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
    ssl-server-verify none
defaults
    mode tcp
    timeout connect 5s
    timeout client 300s
    timeout server 300s
listen gate
    bind 127.0.0.1:$port ssl crt $folder/both.pem ca-file $folder/pki/ca.pem verify required no-tls-tickets
    server plc 127.0.0.1:$plc
CFG
    cat >nginx.conf <<CFG
load_module modules/ngx_stream_module.so;
daemon off;
worker_processes 2;
pid $folder/nginx.pid;
error_log $folder/nginx.err;
events { worker_connections 20000; }
stream {
    server {
        listen 127.0.0.1:$port ssl;
        ssl_certificate $folder/chain.pem;
        ssl_certificate_key $folder/pki/server/gate.key;
        ssl_client_certificate $folder/pki/ca.pem;
        ssl_verify_client on;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
        ssl_session_tickets off;
        proxy_pass 127.0.0.1:$plc;
        tcp_nodelay on;
        proxy_timeout 300s;
    }
}
CFG
    cat >stunnel.conf <<CFG
foreground = yes
pid =
syslog = no
debug = err
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
[gate]
accept = 127.0.0.1:$port
connect = 127.0.0.1:$plc
cert = $folder/chain.pem
key = $folder/pki/server/gate.key
CAfile = $folder/pki/ca.pem
verifyChain = yes
ciphersuites = TLS_AES_128_GCM_SHA256
CFG
}

command_of() {
    case $1 in
        bourdon | outstanding | same) command=("$bin/bourdon-bridge" -c bourdon.yaml --log-level error) ;;
        haproxy) command=(haproxy -f haproxy.cfg -db) ;;
        nginx) command=(nginx -c "$folder/nginx.conf" -e "$folder/nginx.err") ;;
        stunnel) command=(stunnel4 "$folder/stunnel.conf") ;;
        socat) command=(socat "OPENSSL-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork,nodelay,backlog=4096,cert=both.pem,cafile=pki/ca.pem,verify=1"
            "TCP:127.0.0.1:$plc,nodelay") ;;
        *) echo "gateway.sh: there is no peer \"$1\"" >&2 && exit 2 ;;
    esac
}

# start PEER [PIN]: $pid, listening on a new $port.
start() {
    port=$(free_port)
    outstanding=1
    [ "$1" != outstanding ] || outstanding=16
    configure
    command_of "$1"
    ${2:+taskset -c 0} "${command[@]}" >"$1.log" 2>&1 </dev/null &
    pid=$!
    pids+=("$pid")
    for _ in $(seq 100); do
        ! (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
        sleep 0.1
    done
    echo "gateway.sh: $1 does not listen: $(tail -n 3 "$1.log")" >&2
    exit 1
}

field() {
    sed -n "s/.*$1=\([0-9.]*\).*/\1/p" result
}

# load MODE COUNT [PIN [same]]: runs it against $port; CPU of $pid over the time measured goes to $ticks.
load() {
    mkfifo begun
    ${3:+taskset -c 0} "$bin/gateway_load" "$1" "$port" "$2" "$seconds" "${4:-}" >begun 2>load.err &
    local client=$! before line
    exec 7<begun
    rm begun
    read -r line <&7 || { echo "gateway.sh: $(cat load.err)" >&2 && exit 1; }
    before=$(cpu_ticks "$pid")
    cat <&7 >result
    ticks=$(($(cpu_ticks "$pid") - before))
    exec 7<&-
    wait "$client"
    [ "$line" = begin ]
}

idle_memory() {
    local before holder
    before=$(memory_kib "$pid")
    mkfifo hold_in hold_out
    "$bin/gateway_load" hold "$port" "$idle" <hold_in >hold_out 2>load.err &
    holder=$!
    exec 6>hold_in 7<hold_out
    rm hold_in hold_out
    read -r _ <&7
    sleep 1
    awk -v after="$(memory_kib "$pid")" -v before="$before" -v count="$idle" 'BEGIN { printf "%.1f", (after - before) / count }'
    exec 6>&- 7<&-
    wait "$holder" || true
}

make_plant
mkfifo plc_in
exec 8<>plc_in
start_plc() {
    rm -f plc.log
    ${1:+taskset -c 0} "$bin/gateway_load" serve <&8 >plc.log &
    plc_pid=$!
    pids+=("$plc_pid")
    for _ in $(seq 50); do
        grep -qs port= plc.log && break
        sleep 0.1
    done
    plc=$(sed -n 's/port=\([0-9]*\).*/\1/p' plc.log)
}

start_plc
port=$plc pid=$plc_pid
load direct "$connections"
echo "direct, without TLS: $(cat result)"
stop "$plc_pid"
start_plc pin
port=$plc pid=$plc_pid
load direct 1 pin
direct=$(field p50_us)
echo "direct, one client, all on one core: p50 $direct us"
stop "$plc_pid"

row='%-11s %12s %10s %9s %9s %12s %12s %12s\n'
# shellcheck disable=SC2059
printf "$row" peer "64 conn /s" "CPU us/tx" "p50 us" "p99 us" "+p50 us, 1" "KiB/idle" "handshakes/s"
for peer in "${peers[@]}"; do
    start_plc
    start "$peer"
    load tls "$connections" "" "$peer"
    per_s=$(field per_s) p50=$(field p50_us) p99=$(field p99_us)
    cpu=$(awk -v ticks="$ticks" -v hz="$(getconf CLK_TCK)" -v count="$(field 'done')" 'BEGIN { printf "%.1f", ticks * 1e6 / hz / count }')
    load connect 16
    handshakes=$(field per_s)
    stop "$pid"
    start "$peer"
    memory=$(idle_memory)
    stop "$pid"
    stop "$plc_pid"
    start_plc pin
    start "$peer" pin
    load tls 1 pin
    added=$(awk -v one="$(field p50_us)" -v direct="$direct" 'BEGIN { printf "%.1f", one - direct }')
    stop "$pid"
    stop "$plc_pid"
    # shellcheck disable=SC2059
    printf "$row" "$peer" "$per_s" "$cpu" "$p50" "$p99" "$added" "$memory" "$handshakes"
done
