"""A peer written from docs/protocol.md alone talks to both ends of a session, and both understand the same."""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import peer

PEER = [sys.executable, os.path.join(HERE, "peer.py")]
PIPE = os.path.join(os.environ["BOURDON_BIN"], "tunnel_pipe")
DOCUMENT = os.path.join(os.environ["BOURDON_SOURCE"], "docs", "protocol.md")
BATCHES = 20


def run(*arguments):
    done = subprocess.run([*PEER, *arguments], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr.splitlines()


def the_examples_of_the_document_decode_and_encode_to_themselves():
    said, _ = run("check", DOCUMENT)
    assert [entry["value"] for entry in said] == [6.25, 6.5, 312.5, 312.3, True, None], said


def readings_of_the_peer_arrive_as_they_were_made():
    said, heard = run("bridge", "--batches", str(BATCHES), "--exec", PIPE, "receiver")
    acked = [entry for entry in said if entry["event"] == "acked"]
    assert [entry["seq"] for entry in acked] == list(range(1, BATCHES + 2)), acked
    assert all(entry["result"] == "committed" for entry in acked), acked
    got = [line.split(" ") for line in heard if line.startswith("reading ")]
    tags = peer.example_tags()
    expected = []
    for number in range(1, BATCHES + 1):
        in_order_of_tag = sorted(peer.example_readings(tags, number), key=lambda reading: reading[0])
        expected += in_order_of_tag
    assert len(got) == len(expected), (len(got), len(expected))
    for line, (tag, request, response, quality, words) in zip(got, expected):
        assert line[1:5] == [tags[tag]["name"], str(request), str(response), str(quality)], line
        check_value(line[5], None if words is None else peer.value_of(tags[tag], words))
    assert heard[-2:] == [f"batch {BATCHES + 1} historical", "gap 4 pump-plc"], heard[-3:]


def check_value(text, value):
    if value is None:
        assert text == "", text
    elif isinstance(value, bool):
        assert text == str(value).lower(), (text, value)
    elif isinstance(value, str):
        assert text == value, (text, value)
    else:
        assert abs(float(text) - value) < 1e-9, (text, value)


def readings_of_the_bridge_are_understood_by_the_peer():
    said, heard = run("server", "--exec", PIPE, "sender")
    values = [entry["value"] for entry in said if entry["event"] == "reading"]
    assert values == [6.25, 6.5, 312.5, 312.3, True, None], values
    batches = [(entry["seq"], entry["historical"]) for entry in said if entry["event"] == "batch"]
    assert batches == [(812, False), (813, True)], batches
    assert [entry["readings"] for entry in said if entry["event"] == "gap"] == [16000], said
    assert [line for line in heard if line.startswith("acked")] == ["acked 812 812 committed", "acked 813 813 committed"]
    assert said[-1] == {"event": "bye", "reason": 0, "text": "all delivered"}, said[-1]


TESTS = [
    the_examples_of_the_document_decode_and_encode_to_themselves,
    readings_of_the_peer_arrive_as_they_were_made,
    readings_of_the_bridge_are_understood_by_the_peer,
]

for test in TESTS:
    test()
    print("ok", test.__name__)
