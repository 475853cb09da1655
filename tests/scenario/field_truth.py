"""Every good reading is what the simulator says it served in between, under every fault, and the neighbour of a
hostile PLC notices nothing."""

import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["BOURDON_SOURCE"], "tests", "support"))
from field_print import FieldPrint, is_good
from plcsim import Plcsim, control, needs_terminals, run_tests

RATE_MS = 50
TIMEOUT_MS = 120
PATIENT_MS = 2000  # of the healthy one: that the test machine stands still for a moment is not its fault
FAULT_MS = 350

TCP_FAULTS = [
    "delay delay=80ms jitter=30ms",
    "delay delay=200ms",
    "late delay=200ms",
    "late delay=200ms jitter=60ms",
    "silence",
    "exception code=4",
    "exception code=6",
    "max-read limit=1",
    "hole table=holding address=4 count=2",
    "reset",
    "half-open",
    "half-close",
    "duplicate",
    "truncate bytes=5",
    "truncate bytes=9",
    "wrong-transaction value=1",
    "wrong-transaction value=65535",
    "wrong-unit",
    "wrong-protocol",
    "wrong-length value=0",
    "wrong-length value=1",
    "wrong-length value=254",
    "wrong-length value=255",
    "wrong-length",
    "garbage bytes=7",
    "garbage bytes=200",
    "drip interval=2ms",
    "drip interval=400ms",
    "flood bytes=65536",
    "freeze",
    "silence chance=0.3",
    "reset chance=0.3",
]
LINE_FAULTS = [
    "delay delay=80ms",
    "delay delay=150ms",
    "silence",
    "exception code=4",
    "hole table=holding address=4 count=2",
    "duplicate",
    "truncate bytes=3",
    "wrong-unit",
    "wrong-crc",
    "garbage bytes=9",
    "drip interval=2ms",
    "silence chance=0.3",
]

# name, table, address, type with its order, words
TAGS = [
    ("pressure", "holding", 0, "uint16", 1),
    ("deviation", "holding", 1, "int16", 1),
    ("abcd", "holding", 2, "float32", 2),
    ("cdab", "holding", 4, "float32, word_order: CDAB", 2),
    ("badc", "input", 6, "float32, word_order: BADC", 2),
    ("dcba", "input", 8, "float32, word_order: DCBA", 2),
    ("scans", "input", 19, "uint16", 1),
    ("inlet", "coil", 0, "bool", 1),
    ("alarm", "discrete", 2, "bool", 1),
]


def link(name, url, timeout_ms=TIMEOUT_MS):
    tags = "".join(
        f"          - {{name: {name}/{tag}, table: {table}, address: {address}, type: {kind}, rate: {RATE_MS}ms}}\n"
        for tag, table, address, kind, _ in TAGS
    )
    return (
        f"  - name: {name}\n    url: {url}\n    response_timeout: {timeout_ms}ms\n    connect_timeout: 500ms\n"
        f"    reconnect_max: 100ms\n    units:\n      - id: 1\n        tags:\n{tags}"
    )


def scenario(folder, *endpoints):
    path = os.path.join(folder, "plant.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"scan: 20ms\ncontrol: {folder}/sim.sock\nendpoints:\n")
        for endpoint in endpoints:
            file.write(f"  - listen: {endpoint}\n    units:\n      - {{id: 1, vessels: [{{}}]}}\n")
    return path


def all_good(field, *names):
    return lambda latest: all(is_good(latest.get(f"{name}/{tag[0]}")) for name in names for tag in TAGS)


def words_in(served, table, address, words):
    """The words at an address as the reading would have them, or None."""
    width = 1 if table in ("coil", "discrete") else 4
    at = (address - served.address) * width
    if at < 0 or at + words * width > len(served.items):
        return None
    items = served.items[at : at + words * width]
    return items if width == 4 else f"{int(items):04x}"


def check_truth(readings, truth, endpoints):
    """`endpoints`: of each link's name. Every good reading was served good between its request and response."""
    served = {}
    for row in truth:
        if row.what == "read" and row.sent == "good":
            served.setdefault((row.endpoint, row.table), []).append(row)
    tags = {tag: (table, address, words) for tag, table, address, _, words in TAGS}
    good = [reading for reading in readings if is_good(reading)]
    for reading in good:
        name, tag = reading.tag.split("/")
        table, address, words = tags[tag]
        assert any(
            reading.request_us <= row.served_us <= reading.response_us
            and words_in(row, table, address, words) == reading.words
            for row in served[endpoints[name], table]
        ), f"nobody served {reading}: {[row for row in truth if abs(row.served_us - reading.request_us) < 1000]}"
    assert all(not reading.words for reading in readings if reading.quality.startswith("bad"))
    return len(good)


def go_through(faults, socket, field, endpoint):
    """One fault after the other; each is survived."""
    for fault in faults:
        answer = control(socket, f"fault add {fault} endpoint={endpoint}")
        assert "id" in answer, (fault, answer)
        time.sleep(FAULT_MS / 1000)  # how long the device is sick
        assert control(socket, "fault clear all")["cleared"] == 1
        before = len(field.readings)
        field.wait(
            lambda latest: all(is_good(latest[f"sick/{tag[0]}"]) for tag in TAGS)
            and {r.tag for r in field.readings[before:] if is_good(r)} >= {f"sick/{tag[0]}" for tag in TAGS},
            f"good again after {fault}",
        )


def largest_gap_ms(readings, tag):
    starts = [reading.request_us for reading in readings if reading.tag == tag]
    return max(b - a for a, b in zip(starts, starts[1:])) / 1000


def over_tcp_only_the_truth_is_read_whatever_happens():
    with tempfile.TemporaryDirectory() as folder:
        socket = f"{folder}/sim.sock"
        with Plcsim("-c", scenario(folder, "127.0.0.1:0", "127.0.0.1:0"), listen=None) as plc:
            sick, healthy = plc.addresses
            with FieldPrint(link("sick", f"tcp://{sick}") + link("healthy", f"tcp://{healthy}", PATIENT_MS)) as field:
                field.wait(all_good(field, "sick", "healthy"), "all good at first")
                go_through(TCP_FAULTS, socket, field, sick)
            plc.stop()
            count = check_truth(field.readings, plc.truth(), {"sick": sick, "healthy": healthy})
        neighbour = [reading for reading in field.readings if reading.tag.startswith("healthy/")]
        assert all(is_good(reading) for reading in neighbour)
        gap_ms = largest_gap_ms(neighbour, "healthy/abcd")
        print(f"  {count} good readings are true; the neighbour's largest gap was {gap_ms:.0f} ms")
        assert gap_ms < 10 * RATE_MS  # scheduling of a busy test machine; a stuck neighbour would be seconds


@needs_terminals
def over_a_serial_line_only_the_truth_is_read_whatever_happens():
    with tempfile.TemporaryDirectory() as folder:
        line = f"{folder}/line"
        with Plcsim("-c", scenario(folder, f"rtu:{line}"), listen=None) as plc:
            with FieldPrint(link("sick", f"rtu://{line}?baud=115200")) as field:
                field.wait(all_good(field, "sick"), "all good at first")
                go_through(LINE_FAULTS, f"{folder}/sim.sock", field, plc.addresses[0])
            plc.stop()
            count = check_truth(field.readings, plc.truth(), {"sick": plc.addresses[0]})
        print(f"  {count} good readings are true")


run_tests(
    [
        over_tcp_only_the_truth_is_read_whatever_happens,
        over_a_serial_line_only_the_truth_is_read_whatever_happens,
    ]
)
