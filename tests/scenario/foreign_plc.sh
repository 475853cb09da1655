#!/usr/bin/env bash
# The bridge reads a PLC this project did not write, and the server stores exactly its values.
# shellcheck source=tests/scenario/lib.sh disable=SC2119
. "$(dirname "$0")/lib.sh"

/usr/bin/python3 -c 'import pymodbus' 2>/dev/null || { echo "needs python3-pymodbus"; exit 77; }
make_certificates
process_start pymodbus pymodbus.log /usr/bin/python3 "$BOURDON_SOURCE/tests/scenario/foreign_plc.py"
wait_for_event pymodbus "$patience" event=listening
start_server
cat >bridge.yaml <<YAML
bridge: {name: cell-3, spool: $folder/spool.db}
server:
  endpoints: ["127.0.0.1:$server_port"]
  ca: pki/ca.pem
  certificate: pki/bridge/cell-3.pem
  key: pki/bridge/cell-3.key
batch: {max_readings: 50, max_age: 50ms}
links:
  - name: foreign
    url: tcp://127.0.0.1:$(log_field pymodbus listening port)
    units:
      - id: 7
        tags:
          - {name: float, table: holding, address: 100, type: float32, unit: bar, rate: 50ms}
          - {name: int, table: holding, address: 102, type: int32, rate: 50ms}
          - {name: scaled, table: input, address: 104, type: uint16, scale: 0.1, rate: 50ms}
          - {name: negative, table: input, address: 105, type: int16, rate: 50ms}
          - {name: coil, table: coil, address: 10, type: bool, rate: 50ms}
          - {name: contact, table: discrete, address: 11, type: bool, rate: 50ms}
          - {name: absent, table: holding, address: 500, type: uint16, rate: 50ms}
YAML
start_bridge
wait_for_acks 5
process_stop bridge "$patience" || fail "the bridge ended with status ${process_status[bridge]}"
process_stop server "$patience" || fail "the server ended with status ${process_status[server]}"

bourdon readings store.db --format csv >readings.csv
paste -d= <(column readings.csv tag) <(column readings.csv value) <(column readings.csv quality) | sort -u |
    sed 's/=uncertain_clock$/=good/' >got
cat >wanted <<'TEXT'
absent==bad_exception_02
coil=true=good
contact=false=good
float=12.5625=good
int=-123456789=good
negative=-1=good
scaled=6553.5=good
TEXT
diff wanted got || fail "the values are not those of the PLC"
acknowledged_is_stored
