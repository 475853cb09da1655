#!/usr/bin/env bash
# certs/make-certs.sh as an operator uses it: nothing is overwritten, keys are private, what is issued verifies.
set -euo pipefail

make_certs="$BOURDON_SOURCE/certs/make-certs.sh"
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
plant="$work/a plant" # a space in the name must not matter

die() {
    echo "FAILED: $*" >&2
    exit 1
}
run() { "$make_certs" "$@" >"$work/out" 2>&1 || die "$* → $(cat "$work/out")"; }
# refuses STATUS TEXT ARGUMENTS...
refuses() {
    local status=$1 text=$2 got=0
    shift 2
    "$make_certs" "$@" >"$work/out" 2>&1 || got=$?
    [ "$got" = "$status" ] || die "$* → status $got, not $status"
    grep -q -- "$text" "$work/out" || die "$* → does not say '$text': $(cat "$work/out")"
}
snapshot() { find "$plant" -type f -exec sha256sum {} + | sort; }
verifies() { openssl verify -crl_check -x509_strict -CAfile "$plant/ca.pem" -CRLfile "$plant/crl.pem" "$@" >"$work/out" 2>&1; }

# usage
grep -q '^Usage:' <("$make_certs" --help) || die "no help"
refuses 2 "a command is missing"
refuses 2 "unknown command" frobnicate "$plant"
refuses 2 "wants a name" bridge "$plant"
refuses 2 "is no name" bridge "$plant" ../escape
refuses 2 "unknown option" bridge "$plant" cell-3 --frobnicate
refuses 2 "wants a number" bridge "$plant" cell-3 --days soon
for address in 'not one' 999.1.1.1 1.2.3 1.2.3.4.5 12345; do
    refuses 2 "is no IP address" server "$plant" control --ip "$address"
done
refuses 1 "does not exist" bridge "$plant" cell-3

# a plant
run init "$plant"
run server "$plant" control --dns control.example --ip 192.0.2.1 --ip 2001:db8::1
run bridge "$plant" cell-3 --role "Operator, \$HOME #1"
run bridge "$plant" cell-4 --rsa --days 10
run operator "$plant" anna
run server "$plant" gateway --full-chain
verifies -purpose sslserver "$plant/server/control.pem" || die "$(cat "$work/out")"
verifies -purpose sslclient "$plant/bridge/cell-3.pem" || die "$(cat "$work/out")"
verifies -purpose sslclient "$plant/bridge/cell-4.pem" || die "$(cat "$work/out")"
verifies -purpose sslclient "$plant/operator/anna.pem" || die "$(cat "$work/out")"
[ "$(grep -c BEGIN "$plant/server/gateway.pem")" = 2 ] || die "the full chain has no root"
openssl x509 -noout -ext subjectAltName -in "$plant/server/control.pem" |
    grep -q 'DNS:control.example, IP Address:192.0.2.1, IP Address:2001:DB8:' || die "wrong names"
grep -qF "Operator, \$HOME #1" <(openssl x509 -noout -text -in "$plant/bridge/cell-3.pem") || die "wrong role"
[ -z "$(find "$plant" -name '*.key' -perm /077)" ] || die "a key that others may read"

# again: nothing changes
before=$(snapshot)
run init "$plant"
run server "$plant" control --dns control.example --ip 192.0.2.1 --ip 2001:db8::1
run bridge "$plant" cell-3 --role "Operator, \$HOME #1"
refuses 1 "says something else" bridge "$plant" cell-3 --role Reader
[ "$before" = "$(snapshot)" ] || die "a repeated command changed something"

# renewal keeps the key, a new key keeps the old one beside it
key=$(sha256sum <"$plant/bridge/cell-4.key")
run bridge "$plant" cell-4 --renew
[ "$key" = "$(sha256sum <"$plant/bridge/cell-4.key")" ] || die "renewal changed the key"
run bridge "$plant" cell-4 --new-key
run bridge "$plant" cell-4 --new-key
[ "$(find "$plant/bridge" -name 'cell-4*.key' | wc -l)" = 3 ] || die "a key was lost"

# revocation ends all certificates of a name, and the name can be used again
run revoke "$plant" bridge/cell-4
for old in "$plant"/bridge/cell-4.*.pem; do
    if verifies "$old"; then die "$old is still good"; fi
    grep -q revoked "$work/out" || die "$old: $(cat "$work/out")"
done
[ ! -e "$plant/bridge/cell-4.pem" ] || die "the revoked certificate is still in its place"
run bridge "$plant" cell-4
verifies "$plant/bridge/cell-4.pem" || die "$(cat "$work/out")"
refuses 1 "no valid certificate" revoke "$plant" bridge/nobody
serial=$(openssl x509 -noout -serial -in "$plant/operator/anna.pem" | cut -d= -f2)
run revoke "$plant" --serial "${serial,,}"
if verifies "$plant/operator/anna.pem"; then die "revoked by serial number, and still good"; fi
run list "$plant"
grep -q "^revoked .* $serial  /OU=operator/CN=anna$" "$work/out" || die "list: $(cat "$work/out")"

# the bad set: made once, and with an RSA authority too
run bad-set "$plant"
before=$(snapshot)
run bad-set "$plant"
[ "$before" = "$(snapshot)" ] || die "the bad set was made again"
run init "$work/rsa" --rsa
run bad-set "$work/rsa"
for folder in "$plant" "$work/rsa"; do
    roles=$(openssl x509 -noout -text -in "$folder/bad/bridge/two-roles.pem" | grep -c 1.3.6.1.4.1.50316.802.1:)
    [ "$roles" = 2 ] || die "two-roles has $roles"
    openssl verify -CAfile "$folder/ca.pem" "$folder/bad/bridge/two-roles.pem" >/dev/null || die "two-roles is not signed"
done
echo "certificates: all good"
