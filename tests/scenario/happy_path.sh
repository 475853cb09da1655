#!/usr/bin/env bash
# Readings travel from the PLC through the bridge to the server, are stored, acknowledged and shown.
# shellcheck source=tests/scenario/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

make_certificates
start_plcsim
start_server
start_bridge
wait_for_acks 10

bourdon status bridge.sock server.sock plcsim.sock >status.txt || fail "status"
grep -Eq '^ +state +connected$' status.txt || fail "the bridge does not say that it is connected"
grep -Eq '^ +cell-3 +yes' status.txt || fail "the server does not say that cell-3 is connected"
bourdon status bridge.sock --format json | python3 -m json.tool >/dev/null || fail "status is not JSON"
pass "status of bridge, server and simulator"

http_port=$(log_field server http_listening port)
[ "$(curl -fsS "http://127.0.0.1:$http_port/healthz" | head -c 2)" = ok ] || fail "healthz"
{ curl -fsS "http://127.0.0.1:$http_port/metrics" >metrics.txt && grep -q '^bourdon_server_.* [0-9]' metrics.txt; } || fail "metrics"
pass "healthz and metrics"

stop_in_good_order
acknowledged_is_stored
stored_is_true 1
cmp -s <(acked_in bridge.log) <(acked_in server.log) || fail "the two logs do not tell of the same acknowledgements"

bourdon acks spool.db --format json | python3 -c '
import json, sys
rows = [json.loads(line) for line in sys.stdin]
assert rows, "no rows"
for row in rows:
    times = [row[key] for key in ("read", "spooled", "sent", "committed", "acked")]
    assert all(times), row
    assert times == sorted(times), row
    assert row["result"] == "committed", row
' || fail "the times of the ack log are not in order"
pass "read, spooled, sent, committed, acknowledged: in this order"

bourdon readings store.db --tag 'boiler-1/p*' --format csv >readings.csv
[ "$(column readings.csv tag | sort -u)" = boiler-1/pressure ] || fail "readings by pattern"
[ "$(column readings.csv unit | sort -u)" = bar ] || fail "unit"
newest=$(column readings.csv time | sort | tail -n 1)
[ "$(bourdon readings store.db --last 1 --tag 'boiler-1/pressure' --format csv | tail -n 1 | cut -d, -f1)" = "$newest" ] ||
    fail "--last 1 is not the newest"
pass "readings by tag and time"
