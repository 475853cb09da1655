#!/usr/bin/env bash
# Every certificate of the bad set is refused, by the right end, for the right reason, in words at both ends.
# shellcheck source=tests/scenario/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

make_certificates
certs bad-set pki

# send_with CERTIFICATE: one reading; its words are in send.log, its exit status is returned.
send_with() {
    bourdon send --server "127.0.0.1:$server_port" --ca pki/ca.pem --crl pki/crl.pem --certificate "$1.pem" \
        --key "$1.key" --timeout "${patience}s" x=1 >send.log 2>&1
}

# expect LOG FROM PATTERN WHOM: the line must come, within the deadline.
expect() {
    wait_until "$patience" log_has server "$2" "$1" || fail "$3: the server does not say \"$2\""
}

# --- bridges: NAME | what the server's log says | what the bridge is told --------------------------------------
write_server_config 'bridges: [bad]' 'crl: pki/crl.pem'
start_server
while IFS='|' read -r name server_says told; do
    from=$(($(log_lines server) + 1))
    status=0
    send_with "pki/bad/bridge/$name" || status=$?
    [ "$status" -eq 1 ] || fail "bridge $name: exit status $status"
    grep -q "$told" send.log || fail "bridge $name: it is not told \"$told\" but: $(cat send.log)"
    if [ -n "$server_says" ]; then expect "$from" "event=refused .*$server_says" "bridge $name"; fi
done <<'TABLE'
expired|it expired on 2020-02-01: issue a new one|it says the certificate has expired
not-yet-valid|not yet valid, only from 2048-01-01|not yet valid
unknown-ca|Somebody else's authority.*unknown authority|it says its authority is unknown
missing-intermediate|CN=Intermediate.*missing intermediate|append the missing intermediate
self-signed|self-signed and not in pki/ca.pem|it says its authority is unknown
wrong-usage|not made for a client: .*clientAuth|extended key usage clientAuth
weak-key||its key is too weak
weak-digest||digest that is too weak
revoked|it was revoked|it says the certificate was revoked
wrong-name|bridge somebody-else is not among the allowed ones|bridge somebody-else is not among the allowed ones
no-name|names no bridge|names no bridge
two-names|names no bridge|names no bridge
two-roles|several roles|several roles
role-not-utf8string|a role that is not a UTF8String|a role that is not a UTF8String
unknown-critical|critical extension that we do not know|cannot accept the certificate\|certificate is bad\|critical extension
TABLE
[ "$(bourdon acks store.db --format csv | wc -l)" -eq 1 ] || fail "something was stored"
send_with pki/bad/bridge/role-critical || fail "a critical role is odd, but good: $(cat send.log)"
[ "$(find pki/bad/bridge -name '*.pem' | wc -l)" -eq 16 ] || fail "the bad set has others: name them here"
pass "15 bad certificates of bridges refused"

# The same certificate in the real bridge: it says why, keeps trying at a bounded rate, and sends nothing.
start_plcsim
bridge_name=bad bridge_certificate=pki/bad/bridge/expired
start_bridge
wait_for_event bridge "$patience" 'level=error sub=uplink .*it says the certificate has expired'
process_stop bridge "$patience" || fail "the bridge ended with status ${process_status[bridge]}"
lines=$(grep -c 'it says the certificate has expired' bridge.log)
[ "$lines" -le 10 ] || fail "the bridge said the same $lines times"
process_stop server

# --- servers: NAME | what the bridge says | what the server is told -------------------------------------------
count=0
while IFS='|' read -r name bridge_says told; do
    count=$((count + 1))
    from=$(($(log_lines server) + 1))
    sed -i "s|^certificate: .*|certificate: pki/bad/server/$name.pem|; s|^key: .*|key: pki/bad/server/$name.key|" server.yaml
    if [ -z "$told" ]; then
        process_start server server.log "$BOURDON_BIN/bourdon-server" -c server.yaml
        process_wait server "$patience"
        [ "${process_status[server]}" -ne 0 ] || fail "server $name: it started"
        expect "$from" "$bridge_says" "server $name"
        continue
    fi
    start_server
    status=0
    send_with pki/bridge/cell-3 || status=$?
    [ "$status" -eq 1 ] || fail "server $name: exit status $status"
    grep -q "$bridge_says" send.log || fail "server $name: the client does not say \"$bridge_says\" but: $(cat send.log)"
    expect "$from" "$told" "server $name"
    process_stop server
done <<'TABLE'
expired|it expired on 2020-02-01: issue a new one|it says the certificate has expired
not-yet-valid|not yet valid, only from 2048-01-01|not yet valid
unknown-ca|Somebody else's authority.*unknown authority|it says its authority is unknown
missing-intermediate|CN=Intermediate.*missing intermediate|append the missing intermediate
self-signed|self-signed and not in pki/ca.pem|it says its authority is unknown
wrong-usage|not made for a server: .*serverAuth|extended key usage serverAuth
wrong-name|it is for other.example, not for 127.0.0.1|or for another name
revoked|it was revoked|it says the certificate was revoked
weak-key|its key is too weak|
weak-digest|digest that is too weak|
TABLE
[ "$(find pki/bad/server -name '*.pem' | wc -l)" -eq "$count" ] || fail "the bad set has others: name them here"
[ "$(bourdon acks store.db --format csv | wc -l)" -eq 2 ] || fail "something was stored"
pass "$count bad certificates of servers refused"
