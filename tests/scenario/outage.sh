#!/usr/bin/env bash
# The server is away: the bridge goes on polling and keeps everything; when it is back the backlog drains, and
# nothing is missing. A PLC that is away gives bad readings, and comes back.
# shellcheck source=tests/scenario/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

make_certificates
start_plcsim
start_server
start_bridge
wait_for_acks 3

# spool_holds COUNT: batches that wait for their ack.
spool_holds() {
    bourdon spool stat spool.db --format csv >stat.csv && [ "$(column stat.csv waiting)" -ge "$1" ]
}

process_stop server "$patience" || fail "the server ended with status ${process_status[server]}"
wait_until "$patience" spool_holds 20 || fail "no backlog grows while the server is away"
wait_for_event bridge "$patience" 'sub=uplink event=(connect_failed|.*refused)'
bourdon spool list spool.db --format csv >list.csv
[ "$(column list.csv seq)" = "$(column list.csv seq | sort -n)" ] || fail "the spool is not in order"
start_server
drained() { bourdon spool stat spool.db --format csv >stat.csv && [ "$(column stat.csv waiting)" -le 3 ]; }
wait_until "$patience" drained || fail "the backlog does not drain"
pass "a backlog grew and drained"

# The PLC away: at once readings without a value, never the old value as if it were live.
process_stop plcsim
cp truth.tsv truth-1.tsv
has_bad() { bourdon readings store.db --quality 'bad*' --last 1 --format csv | grep -q bad_; }
wait_until "$patience" has_bad || fail "a PLC that is away gives no bad readings"
start_plcsim
wait_for_event bridge "$patience" 'event=link_up' $(($(grep -n event=link_down bridge.log | tail -n 1 | cut -d: -f1) + 1))
wait_for_acks 3
pass "a PLC that was away gave bad readings and came back"

stop_in_good_order
cat truth-1.tsv >>truth.tsv
acknowledged_is_stored
stored_is_true 2
