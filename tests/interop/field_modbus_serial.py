"""The field side and its tools read a PLC made of npm's modbus-serial: every type and order, holes, late answers."""

import json
import os
import subprocess
import sys

SOURCE = os.environ["BOURDON_SOURCE"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
from field_print import FieldPrint, is_good
from plcsim import DEADLINE_S, run_tests

MODULES = os.path.join(SOURCE, "build", "peers", "node_modules")
BOURDON = os.path.join(os.environ["BOURDON_BIN"], "bourdon")


class Peer:
    def __enter__(self):
        script = os.path.join(SOURCE, "tests", "interop", "modbus_serial_peer.js")
        self.process = subprocess.Popen(
            ["node", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "NODE_PATH": MODULES},
        )
        told = json.loads(self.process.stdout.readline())
        self.port, self.items, self.late = told["port"], told["items"], told["late"]
        self.url = f"tcp://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(DEADLINE_S) == 0


def link(peer, tags, timeout="2s"):
    lines = "".join(f"          - {{{tag}, rate: 50ms}}\n" for tag in tags)
    return (
        f"  - name: peer\n    url: {peer.url}\n    reconnect_max: 200ms\n    response_timeout: {timeout}\n"
        f"    units:\n      - id: 5\n        tags:\n{lines}"
    )


def same(text, value):
    return float(text) == float(value) if "." in value else int(text) == int(value)


def bourdon(*arguments, status=0):
    done = subprocess.run([BOURDON, *arguments], capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode == status, (arguments, done.stdout, done.stderr)
    return done.stdout if status == 0 else done.stderr


def every_type_in_every_order():
    with Peer() as peer:
        tags = [
            f"name: {item['name']}, table: holding, address: {item['address']}, type: {item['type']}, word_order: {item['order']}"
            for item in peer.items
        ]
        with FieldPrint(link(peer, tags)) as field:
            names = [item["name"] for item in peer.items]
            assert len(names) == 24
            field.wait(lambda latest: all(is_good(latest.get(name)) for name in names), "all tags good")
            for item in peer.items:
                assert same(field.latest[item["name"]].value, item["value"]), (item, field.latest[item["name"]])


def holes_cost_the_tags_in_them_alone():
    with Peer() as peer:
        tags = [f"name: r{a}, table: input, address: {a}, type: uint16" for a in range(200, 220)]
        with FieldPrint(link(peer, tags)) as field:
            settled = lambda latest: all(
                is_good(latest.get(f"r{a}")) == (a not in (203, 207, 208)) and f"r{a}" in latest for a in range(200, 220)
            )
            field.wait(settled, "the holes bad, all others good")
            for address in range(200, 220):
                reading = field.latest[f"r{address}"]
                if is_good(reading):
                    assert int(reading.value) == address, reading
                else:
                    assert (reading.quality, reading.value) == ("bad_exception_02", ""), reading


def a_late_answer_never_becomes_a_value():
    with Peer() as peer:
        tags = [f"name: late, table: holding, address: {peer.late}, type: uint16"]
        with FieldPrint(link(peer, tags, "150ms")) as field:
            # Each good value is the number of a request that was answered in time, so none is a multiple of three.
            good = lambda: [int(r.value) for r in field.readings if is_good(r)]
            field.wait(lambda _: len(good()) >= 6, "six good values")
            values = good()
            assert values == sorted(set(values)), f"an earlier answer was taken for a later one: {values}"
            assert all(value % 3 for value in values), values
            assert any(r.quality == "bad_timeout" for r in field.readings), "no time-out was seen"


def probe_shows_each_value_in_its_order():
    with Peer() as peer:
        for item in peer.items:
            words = {4: 2, 8: 4}[len(item["order"])]
            what = ["holding", str(item["address"]), str(words), "--unit", "5", "--format", "json"]
            row = json.loads(bourdon("probe", peer.url, *what, "--as", f"{item['type']}:{item['order']}"))
            assert same(str(row["value"]), item["value"]), (item, row)
            row = json.loads(bourdon("probe", peer.url, *what, "--as", item["type"]))
            assert same(str(row[item["order"]]), item["value"]), (item, row)
            assert row["likely"] == item["order"] or "int" in item["type"], (item, row)
        said = bourdon("probe", peer.url, "holding", "203", "--unit", "5", status=1)
        assert "illegal data address" in said, said


def scan_finds_what_the_peer_has():
    with Peer() as peer:
        rows = bourdon("scan", peer.url, "--units", "4-6", "--tables", "holding", "--addresses", "0-299", "--rate", "1000", "--format", "json")
        found = [json.loads(row) for row in rows.splitlines()]
        last = max(item["address"] for item in peer.items) + 3
        ranges = [(row["unit"], row["first"], row["last"]) for row in found]
        assert ranges == [(5, 0, last), (5, 200, 202), (5, 204, 206), (5, 209, 219)], ranges
        assert "modbus-serial" in found[0]["device"], found


def main():
    if not os.path.isdir(os.path.join(MODULES, "modbus-serial")):
        print("needs npm's modbus-serial: scripts/install-peers.sh installs it")
        sys.exit(1 if os.environ.get("BOURDON_PEERS_REQUIRED") else 77)
    run_tests(
        [
            every_type_in_every_order,
            holes_cost_the_tags_in_them_alone,
            a_late_answer_never_becomes_a_value,
            probe_shows_each_value_in_its_order,
            scan_finds_what_the_peer_has,
        ]
    )


main()
