#!/usr/bin/env bash
# bourdon-web beside the real server: what is stored, what happens now, alarms; by TLS only with a certificate; and
# whatever becomes of it, every batch is acknowledged.
# shellcheck source=tests/scenario/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

make_certificates
certs operator pki anna --role viewer
start_plcsim
write_server_config "alarms:" "  state: $folder/alarms.db" "  rules:" \
    "    - {tag: boiler-1/pressure, level: high, limit: 0.1}" "    - {tag: boiler-1/pressure, level: low, limit: 0.1}"
start_server
start_bridge
wait_for_acks 5
write_web_config
start_web
at=http://127.0.0.1:$web_port

# answer PATH [ARGUMENT OF CURL]...
answer() {
    curl -sS --max-time "$patience" "${@:2}" "$at$1"
}

# holds PATH EXPRESSION: of Python, with the answer in a.
holds() {
    answer "$1" >answer.json && python3 -c 'import json, sys
a = json.load(open("answer.json"))
sys.exit(not eval(sys.argv[1]))' "$2"
}

expect() {
    wait_until "$patience" holds "$@" || fail "$1: not so: $2: $(head -c 400 answer.json)"
}

# --- what there is --------------------------------------------------------------------------------------------

expect /api/v1/server 'a["connected"] and a["server"]["store"]["healthy"]'
expect /api/v1/bridges 'a["bridges"][0]["name"] == "cell-3" and a["bridges"][0]["live"]["connected"]'
expect /api/v1/bridges 'sum(a["bridges"][0]["stored"]["qualities"].values()) > 0'
expect /api/v1/tags '{t["tag"] for t in a["tags"]} >= {"boiler-1/pressure", "compressor/absolute"}'
expect '/api/v1/readings?tag=boiler-1/pressure&from=-5m&every=1s' 'a["readings"] and a["readings"][0]["mean"] > 1'
expect '/api/v1/acks?limit=3' 'len(a["acks"]) == 3 and a["acks"][0]["id"] > a["acks"][1]["id"]'
pass "server, bridges, tags, readings and acks"

# --- what happens ---------------------------------------------------------------------------------------------

stream_has() {
    grep -q "^event: $1" stream.txt
}
process_start stream stream.txt curl -sS -N --max-time 120 "$at/api/v1/events"
wait_until "$patience" stream_has batch || fail "no event of a batch"
pass "events of batches"

expect /api/v1/alarms '[x for x in a["alarms"] if x["level"] == "high" and x["state"] == "active"]'
python3 "$BOURDON_SOURCE/tests/scenario/dashboard.py" "$at" cell-3 boiler-1/pressure || fail "the dashboard"
pass "what the dashboard for Grafana asks"
bourdon alarms server.sock >alarms.txt || fail "bourdon alarms"
grep -q '^ *active .*boiler-1/pressure .*high' alarms.txt || fail "bourdon alarms: $(cat alarms.txt)"
bourdon alarms server.sock --bridge cell-3 --tag boiler-1/pressure --level high --acknowledge || fail "acknowledge"
expect /api/v1/alarms '[x for x in a["alarms"] if x["state"] == "active_acknowledged"]'
wait_until "$patience" stream_has alarm || fail "no event of an alarm"
bourdon alarms server.sock --bridge cell-3 --tag boiler-1/pressure --level high --shelve 2h || fail "shelve"
expect /api/v1/alarms '[x for x in a["alarms"] if x["shelved_until"]]'
if bourdon alarms server.sock --bridge cell-3 --tag nothing --level high --shelve 2h 2>complaint.txt; then
    fail "an alarm that is not there was shelved"
fi
grep -q 'has no alarm high' complaint.txt || fail "the complaint: $(cat complaint.txt)"
if bourdon alarms watch.sock --bridge cell-3 --tag boiler-1/pressure --level high --shelve 2h 2>/dev/null; then
    fail "the watch socket let somebody change an alarm"
fi
pass "alarms are shown, acknowledged, shelved, and not by the watch socket"

# --- other rules ------------------------------------------------------------------------------------------------

# reload EVENT RULE...: the server's answer to SIGHUP with these rules.
reload() {
    local from
    from=$(($(log_lines server) + 1))
    write_server_config "alarms:" "  state: $folder/alarms.db" "  rules:" "${@:2}"
    kill -HUP "${process_pid[server]}"
    wait_for_event server "$patience" "event=$1" "$from"
}

reload reloaded "    - {tag: boiler-1/pressure, level: high, limit: 0.1}" "    - {tag: 'comp*/absolute', level: high, limit: 1}"
expect /api/v1/alarms '[x for x in a["alarms"] if x["tag"] == "compressor/absolute" and x["state"] == "active"]'
expect /api/v1/alarms 'not [x for x in a["alarms"] if x["level"] == "low"]'
expect /api/v1/alarms '[x for x in a["alarms"] if x["shelved_until"] and x["state"] == "active_acknowledged"]'
reload reload_refused "    - {tag: boiler-1/pressure, level: highest, limit: 0.1}"
expect /api/v1/alarms '[x["state"] for x in a["alarms"] if x["tag"] == "compressor/absolute"] == ["active"]'
reload reloaded "    - {tag: boiler-1/pressure, level: high, limit: 1000}"
expect '/api/v1/alarms?standing=true' '[x["level"] for x in a["alarms"]] == ["high"]'
expect /api/v1/server 'a["server"]["counters"]["alarms"] == 1'
expect /api/v1/alarms '[(x["tag"], x["state"]) for x in a["alarms"]] == [("boiler-1/pressure", "normal")]'
expect /api/v1/alarms 'a["alarms"][0]["shelved_until"]'
pass "other rules take effect with SIGHUP, and wrong ones do not"

http_port=$(log_field server http_listening port)
curl -fsS "http://127.0.0.1:$http_port/metrics" >metrics.txt
grep -q '^bourdon_server_alarms_shelved 1' metrics.txt || fail "alarms in the metrics"

# --- a server that is away --------------------------------------------------------------------------------------

process_stop server "$patience" || fail "the server ended with status ${process_status[server]}"
wait_until "$patience" stream_has server || fail "no event of the server's end"
expect /api/v1/server 'not a["connected"] and a["server"] is None and a["reason"]'
expect '/api/v1/acks?limit=1' 'a["acks"]'
start_server
expect /api/v1/server 'a["connected"]'
expect /api/v1/alarms '[x for x in a["alarms"] if x["shelved_until"]]'
pass "without its server it shows the store, and finds the server again; alarms are as they were"

# --- its end is nobody else's -----------------------------------------------------------------------------------

process_kill web || true
wait_for_acks 10
pass "batches are acknowledged when bourdon-web is killed"

# --- by TLS -----------------------------------------------------------------------------------------------------

write_web_config 'listen: 0.0.0.0:0'
if "$BOURDON_BIN/bourdon-web" -c web.yaml --check-config 2>complaint.txt; then
    fail "it would listen to everybody without TLS"
fi
grep -q 'without tls anybody could read everything' complaint.txt || fail "the complaint: $(cat complaint.txt)"
write_web_config 'listen: 127.0.0.1:0' \
    'tls: {ca: pki/ca.pem, certificate: pki/server/control.pem, key: pki/server/control.key, crl: pki/crl.pem, roles: [viewer]}'
start_web
at=https://localhost:$web_port
curl --cacert pki/ca.pem --cert pki/operator/anna.pem --key pki/operator/anna.key -fsS --max-time "$patience" \
    "$at/" "$at/uPlot.js" "$at/api/v1/bridges" >page.txt || fail "the page by TLS"
{ grep -q '<!DOCTYPE html>' page.txt && grep -q '"cell-3"' page.txt; } || fail "the page by TLS is not whole"
! curl --cacert pki/ca.pem -fsS --max-time "$patience" "$at/" >/dev/null 2>&1 || fail "served without a certificate"
! curl --cacert pki/ca.pem --cert pki/bridge/cell-3.pem --key pki/bridge/cell-3.key -fsS --max-time "$patience" \
    "$at/" >/dev/null 2>&1 || fail "served to a bridge"
wait_for_event web "$patience" 'event=reader_refused .*none of the roles'
pass "by TLS with a certificate of the right role, and with no other"

cp pki/operator/anna.* . # revoking takes them away
process_start secret secret.txt curl -sS -N --cacert pki/ca.pem --cert anna.pem --key anna.key --max-time 120 "$at/api/v1/events"
secret_has() {
    grep -q '^event: batch' secret.txt
}
wait_until "$patience" secret_has || fail "no event by TLS"
certs revoke pki operator/anna
kill -HUP "${process_pid[web]}"
wait_until "$patience" process_has_ended secret || fail "a stream outlives the certificate of its reader"
! curl --cacert pki/ca.pem --cert anna.pem --key anna.key -fsS --max-time "$patience" "$at/" >/dev/null 2>&1 ||
    fail "served to a revoked certificate"
wait_for_event web "$patience" 'event=reader_refused .*revoked'
pass "a reader whose certificate is revoked is gone, with what was open"

process_stop web "$patience" || fail "bourdon-web ended with status ${process_status[web]}"
stop_in_good_order
acknowledged_is_stored

# --- buckets on the command line --------------------------------------------------------------------------------

bourdon readings store.db --tag boiler-1/pressure --every 1s --agg max --format csv >buckets.csv
[ "$(column buckets.csv readings | awk '{ sum += $1 } END { print sum }')" = \
    "$(bourdon readings store.db --tag boiler-1/pressure --format csv | tail -n +2 | grep -vc ',bad_')" ] ||
    fail "the buckets do not hold every reading"
pass "buckets hold every reading"
