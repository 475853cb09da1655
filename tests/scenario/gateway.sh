#!/usr/bin/env bash
# The gateway of MODBUS/TCP Security with real clients: roles, framing, certificates, sessions, reload, audit; and
# the bridge polls on.
# shellcheck source=tests/scenario/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

make_certificates
certs operator pki anna --role operator
certs operator pki carl --role operator
certs bridge pki bob # without a role
certs bad-set pki

write_policy() {
    cat >policy.yaml <<YAML
rules:
  - {name: see, roles: [operator], units: [1, 2, 77], access: read, addresses: [0-99, 500]}
  - {name: set, roles: [operator], units: [1], access: write, functions: [6, 16, 22, 23], addresses: [0-50],
     values: [100, 800], max_change: $1, verify: true}
  - {name: guests, no_role: true, units: [1], access: read, functions: [4], addresses: [0-9]}
YAML
}
write_policy 60
bourdon policy check policy.yaml >/dev/null || fail "the policy has mistakes"

start_plcsim
bridge_more="gateway:
  listen: ['127.0.0.1:0']
  ca: pki/ca.pem
  certificate: pki/server/control.pem
  key: pki/server/control.key
  crl: pki/crl.pem
  policy: policy.yaml
  units: [{unit: 1, link: plant}, {unit: 2, link: plant}]
  audit: {file: audit.jsonl, log_hash_every: 1s}"
start_server
start_bridge
wait_for_event bridge "$patience" event=ready
port=$(log_field bridge listening port)

client() {
    /usr/bin/python3 "$BOURDON_SOURCE/tests/scenario/gateway_client.py" "$port" "$1"
}
from=$(log_lines bridge)
client all || fail "a client got another answer"
wait_for_event bridge "$patience" 'event=audit_head .*seq=[1-9]' "$from"
wait_for_acks 3
pass "readings go on to the server"

# --- sessions -----------------------------------------------------------------------------------------------

sessions_of() {
    bourdon status bridge.sock --format json >status.json
    /usr/bin/python3 -c "
import json
status = json.load(open('status.json'))
print(*(s['session'] for s in status['gateway']['sessions'] if '$1' in s['subject']))"
}
has_session() {
    [ -n "$(sessions_of "$1")" ]
}
mkfifo silence
exec 9<>silence
hold_open() {
    setsid setpriv --pdeathsig KILL -- openssl s_client -connect "127.0.0.1:$port" -CAfile pki/ca.pem \
        -cert "pki/$1.pem" -key "pki/$1.key" -quiet >/dev/null 2>&1 <&9 &
    wait_until "$patience" has_session "${1#*/}" || fail "status does not show the session of $1"
}

hold_open operator/anna
bourdon status bridge.sock --end-session "$(sessions_of anna)" || fail "the session was not ended"
has_session anna && fail "the session is still there"
pass "status shows sessions and ends one"

hold_open bridge/bob
hold_open operator/anna
certs revoke pki operator/anna
wait_for_event bridge 60 'event=session_closed .*revoked'
has_session anna && fail "a revoked session goes on"
has_session bob || fail "another's session was closed, too"
pass "a session of a revoked certificate is closed without being asked to"

# --- reload -------------------------------------------------------------------------------------------------

from=$(log_lines bridge)
echo 'rules: [{name: broken}]' >policy.yaml
kill -HUP "${process_pid[bridge]}"
wait_for_event bridge "$patience" event=reload_refused "$from"
has_session bob || fail "a refused reload costs sessions"
write_policy 20
from=$(log_lines bridge)
mv audit.jsonl audit.jsonl.1
kill -HUP "${process_pid[bridge]}"
wait_for_event bridge "$patience" event=reloaded "$from"
has_session bob || fail "a reload costs sessions"
pass "reloaded with its sessions, and a broken policy is refused"

from=$(log_lines bridge)
sed -i 's/^  audit:/  limits: {per_identity: 2, handshake_timeout: 500ms, frame_timeout: 500ms}\n  audit:/' bridge.yaml
kill -HUP "${process_pid[bridge]}"
wait_for_event bridge "$patience" event=reloaded "$from"
client limits || fail "limits are not kept"

# --- a disk that fails --------------------------------------------------------------------------------------

# A folder where the file should be is a failure for root, too.
from=$(log_lines bridge)
mv audit.jsonl audit.jsonl.2
mkdir audit.jsonl
kill -HUP "${process_pid[bridge]}"
wait_for_event bridge "$patience" event=reloaded "$from"
client write >said || fail "a client got no answer: $(cat said)" # its session is the record that cannot be written
wait_for_event bridge "$patience" event=audit_failing "$from"
client write >said || fail "reads do not go on: $(cat said)"
grep -q 'exception 4' said || fail "a write without a record: $(cat said)"
wait_for_acks 3
rmdir audit.jsonl
wait_for_event bridge "$patience" event=audit_recovered "$from"
client write >said || fail "nothing goes on: $(cat said)"
grep -q 'exception 0' said || fail "writes are still refused: $(cat said)"
pass "while the record cannot be written, writes are refused, reads and polls go on"

# --- the record ---------------------------------------------------------------------------------------------

stop_in_good_order
hash=$(grep event=audit_head bridge.log | tail -n 1 | sed 's/.*hash=\([0-9a-f]*\).*/\1/')
bourdon audit verify audit.jsonl.1 audit.jsonl.2 audit.jsonl --last "$hash" || fail "the audit files are not good"
grep -q '"event":"write".*"role":"operator".*"write":\[16,1\],"old":\[[0-9]*\],"new":\[[0-9]*\],"rule":"set","result":"done"' \
    audit.jsonl.1 || fail "no record of the write"
grep -q '"event":"denied".*"rule":"set","reason":"value"' audit.jsonl.1 || fail "no record of a denial"
grep -q '"event":"session_closed".*revoked' audit.jsonl.1 || fail "no record of the end of a session"
grep -q '"event":"session_closed".*"reason":"the bridge stops"' audit.jsonl || fail "the record was not rotated"
sed 's/"new":\[[0-9]*\]/"new":[501]/' audit.jsonl.1 >changed
bourdon audit verify changed >said && fail "a change was not noticed"
grep -q 'was changed' said || fail "the change is not named: $(cat said)"
sed 3d audit.jsonl.1 >shorter
bourdon audit verify shorter >/dev/null && fail "a missing record was not noticed"
bourdon audit verify audit.jsonl.1 --last "$hash" >/dev/null && fail "missing records at the end were not noticed"
logged=$(grep -E 'event=audit_head .*seq=([2-9]|[1-9][0-9])' bridge.log | head -n 1 | sed 's/.*hash=\([0-9a-f]*\).*/\1/')
bourdon audit verify audit.jsonl.1 --has "$logged" || fail "a hash that was logged is not in the file"
head -n 1 audit.jsonl.1 >beginning
bourdon audit verify beginning --has "$logged" >said && fail "records cut off at the end were not noticed"
grep -q 'records are missing' said || fail "it is not said: $(cat said)"
pass "the record tells what happened, and what was done to it"
