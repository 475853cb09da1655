#!/usr/bin/env bash
# A bridge polls a PLC that speaks MODBUS/TCP Security: what is stored is what the PLC served. A device that shows
# another certificate is not polled, and the bridge says why; --check-config loads what a link shows.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

make_certificates
certs operator pki bridge-poller --role poller
certs server pki plc --ip 127.0.0.1 --role ignored
certs server pki plc-rsa --rsa --ip 127.0.0.1

# write_plant CERTIFICATE: the simulator's scenario, with this certificate of pki/server.
write_plant() {
    cat >plant.yaml <<YAML
endpoints:
  - listen: 127.0.0.1:$plc_port
    tls:
      ca: pki/ca.pem
      certificate: pki/server/$1.pem
      key: pki/server/$1.key
      roles:
        - {role: poller}
        - {role: "", read: no}
    units:
      - {id: 1, vessels: [{}, {}]}
      - {id: 2, vessels: [{}]}
YAML
}

# secure_link [LINE]: the bridge's link becomes one of TLS, with a line more under `tls:`.
secure_link() {
    write_bridge_config
    sed -i "s#url: tcp://.*#url: tls://127.0.0.1:$plc_port\n    tls:\n      certificate: pki/operator/bridge-poller.pem\n      key: pki/operator/bridge-poller.key\n      ${1:-ca: pki/ca.pem}#" bridge.yaml
}

write_plant plc
secure_link
"$BOURDON_BIN/bourdon-bridge" -c bridge.yaml --check-config >check.txt 2>&1 || fail "$(cat check.txt)"
secure_link 'ca: pki/nowhere.pem'
if "$BOURDON_BIN/bourdon-bridge" -c bridge.yaml --check-config >check.txt 2>&1; then fail "a missing file passes the check"; fi
grep -q 'pki/nowhere.pem: cannot be read' check.txt || fail "the check does not name the file: $(cat check.txt)"
pass "--check-config loads the certificates of a link"

# The tools of the command line go the same way.
secure_link
start_plcsim -c plant.yaml
access=(--certificate pki/operator/bridge-poller.pem --key pki/operator/bridge-poller.key)
bourdon probe "tls://127.0.0.1:$plc_port" holding 16 --as uint16 --format csv "${access[@]}" --ca pki/ca.pem >probe.csv ||
    fail "bourdon probe over TLS"
[ "$(column probe.csv value)" -gt 0 ] || fail "there is no setpoint: $(cat probe.csv)"
bourdon scan "tls://127.0.0.1:$plc_port" --units 1-2 --addresses 0-99 --rate 1000 --write fragment.yaml "${access[@]}" \
    --ca pki/ca.pem >scan.txt || fail "bourdon scan over TLS: $(cat scan.txt)"
{ sed '/^links:/,$d' bridge.yaml && cat fragment.yaml; } >scanned.yaml
"$BOURDON_BIN/bourdon-bridge" -c scanned.yaml --check-config >check.txt 2>&1 || fail "the fragment: $(cat check.txt)"
if bourdon probe "tls://127.0.0.1:$plc_port" holding 16 "${access[@]}" --pin "$(printf '00%.0s' {1..32})" >out.txt 2>&1; then
    fail "another certificate than the pinned one is believed"
fi
grep -q 'trust' out.txt || fail "nobody says why: $(cat out.txt)"
pass "probe and scan speak TLS, and so does the fragment"
process_stop plcsim "$patience" || fail "the simulator ended with status ${process_status[plcsim]}"
rm truth.tsv # what they read is not to be stored

start_plcsim -c plant.yaml
start_server
start_bridge
wait_for_acks 10
wait_for_event plcsim "$patience" 'event=secured .*role=poller'

shows=(--ca pki/ca.pem --certificate pki/operator/bridge-poller.pem --key pki/operator/bridge-poller.key)
bourdon probe "tls://127.0.0.1:$plc_port" "${shows[@]}" holding 16 1 >probe.txt || fail "probe over TLS: $(cat probe.txt)"
grep -q 800 probe.txt || fail "the setpoint is not 800: $(cat probe.txt)"
if bourdon probe "tls://127.0.0.1:$plc_port" holding 16 1 2>probe.txt; then fail "probed without a certificate"; fi
grep -q -e 'needs --certificate, --key' probe.txt || fail "probe does not say what TLS needs: $(cat probe.txt)"
pass "bourdon probe over TLS"
stop_in_good_order
acknowledged_is_stored
stored_is_true 2 # the last answer on its way, at each of two stops
pass "polled over TLS with a role"

fingerprint=$(openssl x509 -noout -fingerprint -sha256 -in pki/server/plc-rsa.pem | cut -d= -f2)
secure_link "pin: $fingerprint"
start_plcsim -c plant.yaml
start_server
start_bridge
wait_for_event bridge "$patience" 'event=link_down .*is not the pinned one'
process_stop plcsim "$patience" || fail "the simulator ended with status ${process_status[plcsim]}"
write_plant plc-rsa
start_plcsim -c plant.yaml
wait_for_event bridge "$patience" event=link_up
wait_for_acks 5
pass "only the pinned device is polled"
