#!/usr/bin/env bash
# Every bridge certificate of the bad set is refused by the server, and its log says which, why, and what to do. The
# client is openssl, which does not mind what it shows.
# shellcheck source=tests/scenario/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

make_certificates
certs bad-set pki
write_server_config 'bridges: ["*"]' 'crl: pki/crl.pem'
start_server

# show NAME: connects with a certificate of the bad set; SECLEVEL 0 lets openssl use the weak ones.
show() {
    echo | timeout "$patience" openssl s_client -quiet -connect "127.0.0.1:$server_port" -alpn bourdon/1 \
        -cipher DEFAULT@SECLEVEL=0 -CAfile pki/ca.pem -cert "pki/bad/bridge/$1.pem" -key "pki/bad/bridge/$1.key" \
        >client.txt 2>&1 || true
}

# refuses NAME TEXT...: the server's line about it holds every text, and nobody got a session.
refuses() {
    local name=$1 from text
    shift
    from=$(($(log_lines server) + 1))
    show "$name"
    wait_for_event server "$patience" 'event=(refused|session_opened)' "$from"
    tail -n "+$from" server.log | grep -E 'event=(refused|session_opened)' | head -n 1 >line
    for text in event=refused "$@"; do
        grep -qF -- "$text" line || fail "$name: the server does not say '$text': $(cat line)"
    done
    pass "$name is refused: $(sed 's/.*reason="\([^"]*\)".*/\1/' line)"
}

refuses expired 'CN=expired' 'it expired on 2020-02-01' 'issue a new one'
refuses not-yet-valid 'it is not yet valid' 'check the clocks'
refuses unknown-ca 'is an unknown authority' 'pki/ca.pem'
refuses self-signed 'it is self-signed'
refuses missing-intermediate 'append the missing intermediate'
refuses wrong-usage 'it is not made for a client' 'clientAuth'
refuses revoked 'it was revoked' 'pki/crl.pem'
refuses weak-key 'too weak'
refuses weak-digest 'too weak'
refuses no-name 'names no bridge' 'urn:bourdon:bridge:NAME'
refuses two-names 'names no bridge' 'exactly one'

# What is wrong with these is for others to judge: the role is the gateway's, the name is on the list or not.
write_server_config 'bridges: [cell-3]' 'crl: pki/crl.pem'
from=$(($(log_lines server) + 1))
kill -HUP "${process_pid[server]}"
wait_for_event server "$patience" event=reloaded "$from"
for name in wrong-name two-roles role-not-utf8string; do
    refuses "$name" 'is not among the allowed ones' 'bridges:'
done

process_stop server "$patience" || fail "the server ended with status ${process_status[server]}"
