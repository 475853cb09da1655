#!/usr/bin/env bash
# The tools of the field side against real programs: probe, scan, sim and watch.
# shellcheck source=tests/scenario/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

# expect STATUS COMMAND...: what it says goes to out, both streams.
expect() {
    local wanted=$1 status=0
    shift
    "$@" >out 2>&1 || status=$?
    [ "$status" -eq "$wanted" ] || fail "$* ended with $status: $(cat out)"
}

says() {
    grep -q -- "$1" out || fail "nobody said '$1': $(cat out)"
}

start_plcsim --seed 5
url=tcp://127.0.0.1:$plc_port

# --- sim ----------------------------------------------------------------------------------------------------

sim() {
    bourdon sim "$@" --socket plcsim.sock
}

expect 0 sim status
says "127.0.0.1:$plc_port"
kinds=$(bourdon sim --help | tr -s ' \n' ' ' | sed 's/.*Kinds of faults: \([^.]*\)\..*/\1/; s/, */\n/g')
[ "$(wc -l <<<"$kinds")" -eq "$("$BOURDON_BIN/bourdon-plcsim" --help-config | tr -s ' \n' ' ' |
    grep -o 'delay, late, [a-z, -]*' | head -n 1 | tr ',' '\n' | wc -l)" ] || fail "bourdon sim --help does not know every kind"
while read -r kind; do
    expect 0 sim fault add "$kind" unit=77 endpoint=127.0.0.1:1
done <<<"$kinds"
expect 0 sim fault list --format json
[ "$(grep -o '"kind"' out | wc -l)" -eq "$(wc -l <<<"$kinds")" ] || fail "not every fault is there: $(cat out)"
expect 0 sim fault clear all
says "cleared  $(wc -l <<<"$kinds")"
expect 1 sim fault add dealy
says 'accepted: delay'
expect 1 sim fault clear 4711
expect 2 sim fault add
expect 2 sim fault add delay 'delay=1s unit=1'
expect 1 bourdon sim status --socket nobody.sock
says 'nobody listens there'
pass "every fault on demand"

# --- probe --------------------------------------------------------------------------------------------------

has_pressure() {
    bourdon probe "$url" holding 0 --as uint16 --format csv >first.csv && [ "$(column first.csv value)" -gt 0 ]
}
wait_until "$patience" has_pressure || fail "the plant has no pressure"
knows_the_order() { # some values make sense in another order, too
    bourdon probe "$url" holding 2 2 | grep -q 'float32: \* ABCD is likeliest'
}
wait_until "$patience" knows_the_order || fail "no order of bytes stands out"
expect 0 sim fault add freeze
expect 0 bourdon probe "$url" holding 2 8 --as float32 --format csv
for order in ABCD CDAB BADC DCBA; do # one register pair in each order
    column out "$order" >>values
done
[ "$(sort values | uniq -c | awk '$1 == 4' | wc -l)" -ge 1 ] || fail "no value is the same in its order: $(cat values)"
pressure=$(column out ABCD | head -n 1)
expect 0 bourdon probe "$url" 40005 2 --as float32:CDAB --format json
says "\"value\":$pressure}"
expect 0 bourdon probe "$url" input 0 20 --repeat 3 --interval 1ms --format csv
[ "$(wc -l <out)" -eq 61 ] || fail "not three rounds: $(cat out)"
expect 0 bourdon probe "$url" coil 0 8
says '00001 *false'
expect 1 bourdon probe "$url" holding 5000 10
says 'holding 5000 to 5009: unit 1 says: illegal data address (exception 02)'
says 'bourdon scan'
expect 1 bourdon probe "$url" holding 0 --unit 9
says 'exception 0a'
expect 1 bourdon probe "tcp://127.0.0.1:$server_port" holding 0
says 'Modbus TCP has 502'
expect 1 bourdon probe tcp://no-such-host.invalid holding 0
says 'spelled right'
expect 1 bourdon probe rtu:///dev/no-such-line holding 0
says 'dialout'
expect 2 bourdon probe "$url" holding 65530 10
expect 2 bourdon probe "$url" holding 0 --unit 256
expect 2 bourdon probe "$url" holding 0 --timeout 0s
expect 2 bourdon probe "$url" holding 0 --as float32:XYZW
expect 2 bourdon probe ftp://plc holding 0
for fault in silence garbage 'wrong-unit value=1' 'wrong-length value=0' 'wrong-length value=65535' reset truncate half-close; do
    # shellcheck disable=SC2086 # the words of a fault
    expect 0 sim fault add $fault unit=2
    expect 1 bourdon probe "$url" holding 0 4 --unit 2 --timeout 200ms
    says 'unit 2'
    expect 0 sim fault clear all
    expect 0 bourdon probe "$url" holding 0 4 --unit 2
done
pass "probe reads every table, and says in plain words what is wrong"

# --- scan ---------------------------------------------------------------------------------------------------

expect 0 sim fault add hole unit=2 table=holding address=7 count=2
expect 0 sim fault add max-read unit=3 limit=5
expect 0 bourdon scan "$url" --units 1-5 --addresses 0-299 --rate 1000 --state plc.scan --write fragment.yaml --format csv
sed 's/,[^,]*$//' out >found
cat >wanted <<'TEXT'
unit,table,first,last,count
1,coil,0,15,16
1,discrete,0,15,16
1,input,0,39,40
1,holding,0,39,40
2,coil,0,7,8
2,discrete,0,7,8
2,input,0,19,20
2,holding,0,6,7
2,holding,9,19,11
3,coil,0,7,8
3,discrete,0,7,8
3,input,0,19,20
3,holding,0,19,20
TEXT
diff wanted found || fail "not what the simulator has"
says 'Bourdon plcsim'
requests=$(sim status --format json | sed 's/.*"requests":\([0-9]*\).*/\1/')
expect 0 bourdon scan "$url" --units 1-5 --addresses 0-299 --state plc.scan
[ "$(sim status --format json | sed 's/.*"requests":\([0-9]*\).*/\1/')" -eq "$requests" ] || fail "asked again for what is known"
expect 2 bourdon scan tcp://127.0.0.1:1 --state plc.scan
says 'another url'
expect 1 bourdon scan "tcp://127.0.0.1:$server_port" --units 1
says 'Modbus TCP has 502'
expect 2 bourdon scan "$url" --units 1-300
expect 2 bourdon scan "$url" --addresses 5-4
expect 2 bourdon scan "$url" --rate 0

# Interrupted in the middle, it keeps what it has, and goes on from there.
process_start scan scan.log "$BOURDON_BIN/bourdon" scan "$url" --units 1 --rate 10 --addresses 0-299 --state half.scan
wait_until "$patience" grep -qs '^range 1 coil' half.scan || fail "the scan finds nothing"
kill -INT "${process_pid[scan]}"
wait_until "$patience" process_has_ended scan || fail "the scan does not end on SIGINT"
grep -q 'goes on from here' scan.log || fail "it does not say that it was interrupted"
expect 0 bourdon scan "$url" --units 1 --rate 1000 --addresses 0-299 --state half.scan --format csv
grep '^1,' wanted >wanted1
sed 's/,[^,]*$//' out | grep '^1,' | diff wanted1 - || fail "not the same after an interruption"
pass "scan finds what is there, with holes and limits, and goes on after an interruption"

# --- the fragment and watch ---------------------------------------------------------------------------------

expect 0 sim fault clear all
make_certificates
write_bridge_config
sed '/^links:/,$d' bridge.yaml >base.yaml
cat base.yaml fragment.yaml >bridge.yaml
expect 0 "$BOURDON_BIN/bourdon-bridge" -c bridge.yaml --check-config
pass "a bridge takes the fragment"

start_bridge # without a server: what it reads is to be seen all the same
watch_once() {
    bourdon watch bridge.sock --repeat 1 "$@" >watched 2>watch.err
}
all_are_read() {
    watch_once --format csv && [ "$(grep -cE ',(good|uncertain_clock)$' watched)" -eq "$(grep -c 'name: unit-' bridge.yaml)" ]
}
wait_until "$patience" all_are_read || fail "not every tag is seen: $(cat watched watch.err)"
watch_once --tag 'unit-2/holding-[0-3]' --format json
[ "$(wc -l <watched)" -eq 4 ] || fail "a pattern does not choose: $(cat watched)"
expect 0 sim fault add exception unit=2
gone_bad() {
    watch_once --tag 'unit-2/holding-0' && grep -q 'unit-2/holding-0 *- .*bad_exception_04' watched
}
wait_until "$patience" gone_bad || fail "a bad value passes for a live one: $(cat watched)"
expect 1 bourdon watch nobody.sock --repeat 1
says 'nobody listens there'
expect 1 bourdon watch plcsim.sock --repeat 1
expect 2 bourdon watch --interval 1ms
/usr/bin/python3 "$BOURDON_SOURCE/tests/scenario/watch_screen.py" "$BOURDON_BIN/bourdon" bridge.sock ||
    fail "the screen is not right"
process_stop bridge "$patience" || fail "the bridge ended with status ${process_status[bridge]}"
pass "watch shows values, qualities and ages"
