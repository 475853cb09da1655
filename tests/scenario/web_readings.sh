#!/usr/bin/env bash
# bourdon readings from a bourdon-web by TLS: the same bytes as from the store's file, however many pages they take;
# and what it says when it is refused.
# shellcheck source=tests/scenario/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

make_certificates
certs operator pki anna --role viewer
certs operator pki otto --role nobody
start_server

# Readings of several tags at the same time, some without a value: two pages, and too many buckets for one answer.
{
    echo 'tag,value,unit,time,quality'
    for ((i = 0; i < 5000; i++)); do
        echo "tank/level,$i.25,m,$((1769860800 + i)),"
        echo "tank/'<b>\$HOME,$((i % 7)),,$((1769860800 + i)),"
    done
    echo 'tank/level,,m,1769865801,bad_timeout'
    echo 'tank/mode,"""auto mode""",,1769865802,'
    for ((i = 0; i < 5000; i++)); do echo "tank/burst,$i,,1769865803,"; done # a page ends within one time
} >readings.csv
bourdon send --server "127.0.0.1:$server_port" --ca pki/ca.pem --certificate pki/bridge/cell-3.pem \
    --key pki/bridge/cell-3.key --timeout "${patience}s" --batch 777 --format csv <readings.csv >send.log 2>&1 ||
    fail "send: $(tail -n 3 send.log)"
write_web_config 'listen: 127.0.0.1:0' \
    'tls: {ca: pki/ca.pem, certificate: pki/server/control.pem, key: pki/server/control.key, roles: [viewer]}'
start_web
at=https://localhost:$web_port

curl -sS --max-time "$patience" --cacert pki/ca.pem --cert pki/operator/anna.pem --key pki/operator/anna.key \
    "$at/api/v1/bridges" | grep -q '"backlog":0,' || fail "batches that waited when it connected have come since"

# from_server ARGUMENT...: as anna.
from_server() {
    bourdon readings "$at" --ca pki/ca.pem --certificate pki/operator/anna.pem --key pki/operator/anna.key "$@"
}

same=0
while read -r arguments; do
    # shellcheck disable=SC2086 # words
    bourdon readings store.db $arguments >file.txt || fail "file: $arguments"
    # shellcheck disable=SC2086
    from_server $arguments >server.txt || fail "server: $arguments"
    cmp file.txt server.txt || fail "$arguments: the file and the server say different things"
    same=$((same + $(wc -l <file.txt)))
done <<'ARGUMENTS'
--format csv
--format table --tag tank/* --from 2026-01-31T12:00:01Z --to 2026-01-31T12:00:09Z
--format jsonl --tag tank/level --from 2026-01-31T12:00:01Z
--format jsonl --quality bad*
--format csv --bridge cell-3 --tag tank/mode
--format csv --bridge nobody
--format csv --every 1s
--format table --tag tank/level --every 1m --agg max
--format jsonl --from 2026-01-31T12:00:00.5Z --every 7s --agg last
ARGUMENTS
[ "$same" -gt 30000 ] || fail "only $same rows were compared"
pass "the same bytes from the file and from the server"

# refused SAYS COMMAND...
refused() {
    local status=0
    "${@:2}" >out.txt 2>complaint.txt || status=$?
    { [ "$status" -eq 1 ] && [ ! -s out.txt ]; } || fail "${*:2}: exit status $status, $(head -c 200 out.txt)"
    grep -q "$1" complaint.txt || fail "not \"$1\": $(cat complaint.txt)"
}
# By the machine's own list of authorities, which may not be there.
refused "certificate is not accepted\|its authority's certificates cannot be read" bourdon readings "$at" --format csv
refused 'certificate' bourdon readings "$at" --ca pki/ca.pem --format csv
refused 'role of this certificate may not read' bourdon readings "$at" --ca pki/ca.pem --format csv \
    --certificate pki/operator/otto.pem --key pki/operator/otto.key
refused 'cannot be used' from_server --format csv --key pki/ca.pem
refused 'cannot be reached' bourdon readings https://127.0.0.1:1 --ca pki/ca.pem --format csv
refused 'no TLS connection came about' bourdon readings "https://127.0.0.1:$(log_field server http_listening port)" \
    --ca pki/ca.pem --format csv
refused 'not as a bourdon-web\|refused (status 404)' \
    bourdon readings "http://127.0.0.1:$(log_field server http_listening port)" --format csv
pass "who is refused is told why, and nothing is written"

process_stop web "$patience" || fail "bourdon-web ended with status ${process_status[web]}"
refused 'cannot be reached' from_server --format csv
process_stop server "$patience" || fail "the server ended with status ${process_status[server]}"
