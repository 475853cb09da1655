"""Whether what arrived is what was sent, for tests/scenario/foreign_peer.sh. Reads JSON lines on standard input.

  foreign_stored.py BATCHES   what `bourdon readings` found, against what `peer.py bridge --batches BATCHES` sends
  foreign_stored.py plc TRUTH what `peer.py server` understood, against what the simulator says it served
"""

import datetime
import json
import sys

import peer

TABLES = [None, "coil", "discrete", "input", "holding"]
GOOD, UNCERTAIN_CLOCK = 0, 1  # nobody keeps the clock of a test machine right


def stored_time(time_us):
    stamp = datetime.datetime.fromtimestamp(time_us // 1000000, datetime.timezone.utc)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{time_us % 1000000:06}Z"


def check_store(batches):
    tags = peer.example_tags()
    expected = set()
    for number in range(1, batches + 1):
        for tag, request, response, quality, words in peer.example_readings(tags, number):
            value = None if words is None else peer.value_of(tags[tag], words)
            value = round(value, 6) if isinstance(value, float) else value
            expected.add((tags[tag]["name"], stored_time(request), stored_time(response), quality == 0, value))
    stored = set()
    for line in sys.stdin:
        reading = json.loads(line)
        value = reading["value"]
        value = round(value, 6) if isinstance(value, float) else value
        good = reading["quality"] == "good"
        assert good or reading["quality"] == "bad_exception_02", reading
        stored.add((reading["tag"], reading["request_time"], reading["time"], good, value))
    assert stored == expected, sorted(map(str, stored ^ expected))[:4]


def served(path):
    """What the simulator says it served: (unit, table) → [(when, first address, items)]."""
    spans = {}
    for line in open(path, encoding="ascii"):
        if line.startswith("#"):
            continue
        served_us, _, unit, what, table, address, sent, items = line.rstrip("\n").split("\t")
        if (what, sent) == ("read", "good"):
            spans.setdefault((int(unit), table), []).append((int(served_us), int(address), items))
    return spans


def was_served(reading, spans):
    table = TABLES[reading["table"]]
    digits = 1 if table in ("coil", "discrete") else 4
    wanted = "".join(f"{word:0{digits}x}" for word in reading["words"])
    for served_us, first, items in spans[reading["unit_id"], table]:
        at = (reading["address"] - first) * digits
        in_time = reading["request_us"] <= served_us <= reading["response_us"]
        if in_time and at >= 0 and items[at : at + len(wanted)] == wanted:
            return True
    return False


def check_plc(truth):
    entries = [json.loads(line) for line in sys.stdin]
    readings = [entry for entry in entries if entry["event"] == "reading"]
    spans = served(truth)
    for reading in readings:
        assert reading["quality"] in (GOOD, UNCERTAIN_CLOCK), reading
        assert was_served(reading, spans), reading
    assert len({reading["tag"] for reading in readings}) == 6 and len(readings) >= 60, len(readings)
    assert entries[-1]["event"] == "bye", entries[-1]


if sys.argv[1] == "plc":
    check_plc(sys.argv[2])
else:
    check_store(int(sys.argv[1]))
