#!/usr/bin/env bash
# bourdon send is a device: its exit status tells whether readings are durable, bad input sends nothing, and a run
# whose ack was lost can be repeated without anything being stored twice.
# shellcheck source=tests/scenario/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

make_certificates
start_server

# send STATUS ARGUMENT...: what it says is in send.log.
send() {
    local wanted=$1 status=0
    shift
    bourdon send --server "127.0.0.1:$server_port" --ca pki/ca.pem --certificate pki/bridge/cell-3.pem \
        --key pki/bridge/cell-3.key --timeout "${patience}s" "$@" >send.log 2>&1 || status=$?
    [ "$status" -eq "$wanted" ] || fail "send $*: exit status $status, not $wanted: $(cat send.log)"
}

stored_batches() {
    bourdon acks store.db --format csv | tail -n +2 | wc -l
}

# --- from arguments -------------------------------------------------------------------------------------------
send 0 tank/level=4.2m pump/running=true pump/starts=17 'pump/mode="auto"' </dev/null
grep -q committed send.log || fail "the ack is not shown: $(cat send.log)"
bourdon readings store.db --format csv | cut -d, -f3-5 | tail -n +2 | sort >got
printf '%s\n' pump/mode,auto, pump/running,true, pump/starts,17, tank/level,4.2,m | cmp -s - got || fail "stored: $(cat got)"
send 2 tank/level=4,2 </dev/null
send 2 tank/level </dev/null
send 2 --batch 0 x=1 </dev/null
[ "$(stored_batches)" -eq 1 ] || fail "bad arguments were sent"
pass "readings from arguments"

# --- from standard input ----------------------------------------------------------------------------------------
{
    echo 'tag,value,unit,time'
    for ((i = 0; i < 2500; i++)); do echo "import/p,$i.5,bar,$((1769860800 + i))"; done
} >good.csv
send 0 --batch 1000 --format csv <good.csv
[ "$(grep -c ',committed,2' send.log)" -eq 3 ] || fail "2500 readings in batches of 1000: $(cat send.log)"
bourdon readings store.db --tag import/p --format csv | awk -F, 'NR > 1 { n++; sum += $4 } END { exit !(n == 2500 && sum == 2500 * 2499 / 2 + 1250) }' ||
    fail "not every value of the CSV is stored"
printf '{"tag":"import/j","value":1.5,"time":"2026-01-31T12:00:00Z"}\n{"tag":"import/j","value":null,"quality":"bad_timeout"}\n' |
    send 0
before=$(stored_batches)
printf 'tag,value\nimport/p,1\nimport/p,x\n,2\nimport/p,3,4\n' >bad.csv
send 2 <bad.csv
for line in 3 4 5; do grep -q "standard input:$line: " send.log || fail "bad line $line is not named: $(cat send.log)"; done
[ "$(stored_batches)" -eq "$before" ] || fail "something was sent although lines are bad"
send 0 --skip-bad <bad.csv
[ "$(stored_batches)" -eq $((before + 1)) ] || fail "--skip-bad sent nothing"
send 2 </dev/null
pass "CSV and JSON lines; bad lines are named and nothing is sent"

# --- what bourdon readings writes is an input ---------------------------------------------------------------------
bourdon readings store.db --tag import/p --last 5 --format csv >round.csv
send 0 <round.csv
bourdon readings store.db --tag import/p --last 5 --format json >round.json
send 0 <round.json
pass "what readings writes, send takes"

# --- a lost ack ---------------------------------------------------------------------------------------------------
# The state right before the first byte of a run, as a run leaves it that finds no server.
real_port=$server_port
server_port=1
send 1 --resume run.state --timeout 2s run/a=1 run/b=2 </dev/null
server_port=$real_port
cp run.state begun.state
before=$(stored_batches)
send 0 --resume run.state run/a=1 run/b=2 </dev/null
grep -q committed send.log || fail "the repeated run: $(cat send.log)"
cp begun.state run.state # as if this device had died before it heard the ack
send 1 --resume run.state run/a=1 run/b=3 </dev/null
grep -q 'unfinished run' send.log || fail "other readings under a begun run: $(cat send.log)"
send 0 --resume run.state run/a=1 run/b=2 </dev/null
grep -q duplicate send.log || fail "the server does not know the batch again: $(cat send.log)"
[ "$(stored_batches)" -eq $((before + 1)) ] || fail "a repeated run was stored twice"
send 0 --resume run.state run/a=1 run/b=2 </dev/null
[ "$(stored_batches)" -eq $((before + 2)) ] || fail "a new run with the same readings was not stored"
cp begun.state run.state
send 1 --resume run.state --abandon run/a=6 </dev/null
grep -q 'old copy' send.log || fail "an old copy of the state was believed: $(cat send.log)"
rm run.state
server_port=1
send 1 --resume run.state --timeout 2s run/a=7 </dev/null
server_port=$real_port
send 0 --resume run.state --abandon run/a=8 </dev/null
pass "a run can be repeated after a lost ack, and nothing is stored twice"

# --- killed at random moments, repeated until it succeeds ------------------------------------------------------------
RANDOM=1
before=$(bourdon readings store.db --tag import/p --format csv | wc -l)
for ((attempt = 1; ; attempt++)); do
    [ "$attempt" -le 200 ] || fail "no attempt of 200 succeeded"
    # shellcheck disable=SC2016 # the inner shell expands
    process_start sender sender.log bash -c 'exec "$0" send --server "$1" --ca pki/ca.pem --certificate pki/bridge/cell-3.pem \
        --key pki/bridge/cell-3.key --batch 1 --resume import.state <good.csv' "$BOURDON_BIN/bourdon" "127.0.0.1:$server_port"
    read -r -t "0.$(printf %03d $((RANDOM % 40 + 5 * attempt)))" <><(:) || true
    kill -KILL "${process_pid[sender]}" 2>/dev/null || true
    process_wait sender "$patience"
    if [ "${process_status[sender]}" -eq 0 ]; then break; fi
done
after=$(bourdon readings store.db --tag import/p --format csv | wc -l)
[ "$((after - before))" -eq 2500 ] || fail "$((after - before)) readings are stored, not 2500, after $attempt attempts"
pass "killed $((attempt - 1)) times, then 2500 readings are stored, each once"

process_stop server "$patience"
