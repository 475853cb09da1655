#!/usr/bin/env python3
"""The gateway under siege: floods of pipelined reads and writes, half frames, handshakes that stall, and meanwhile
reloads, revocations, an audit file that cannot be written, and the end. The bridge polls on, answers what is in order,
and ends well. gateway_siege.py [SECONDS]."""

import contextlib
import os
import random
import shutil
import socket
import ssl
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ["BOURDON_SOURCE"], "tests", "conformance"))
from target import POLICY, SETPOINT, UNIT, Pki, gateway_before, read  # finds tests/support for the next

from authorisation import write_one
from plcsim import DEADLINE_S, Plcsim, adu, read_registers

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 5
POLL_GAP_MAX_US = 10_000_000  # a machine may be busy; a stall is longer
LIMITS = "per_identity: 50, per_address: 100, handshakes: 20, handshake_timeout: 1s, frame_timeout: 1s"
LOST = (OSError, EOFError, ssl.SSLError)


class Siege:
    def __init__(self, target):
        self.target, self.over, self.counts = target, threading.Event(), {}
        self.lock = threading.Lock()
        works = [self.reads, self.reads, self.writes, self.denied, self.half_frames, self.stalls, self.does_not_read]
        self.threads = [threading.Thread(target=self.run, args=(work,)) for work in works]

    def run(self, work):
        chance = random.Random(work.__name__)
        while not self.over.is_set():
            with contextlib.suppress(*LOST):
                work(chance)

    def count(self, what, number=1):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + number

    def pipelined(self, role, pdu, what):
        with self.target.connect(role) as client:
            for _ in range(50):
                client.send(b"".join(adu(number, UNIT, pdu) for number in range(16)))
                for _ in range(16):
                    answer = client.receive()[2]
                    self.count(what if answer[0] < 0x80 else f"{what}: exception {answer[1]}")
                if self.over.is_set():
                    return

    def reads(self, chance):
        self.pipelined("operator", read_registers(chance.randrange(10), 4), "read")

    def writes(self, chance):
        self.pipelined("operator", write_one(SETPOINT, chance.randrange(800)), "write")

    def denied(self, _):
        self.pipelined("reader", write_one(SETPOINT, 1), "denied")

    def half_frames(self, chance):
        with self.target.connect("tuner") as client:
            frame = adu(1, UNIT, read_registers(0, 4))
            client.send(frame + frame[: chance.randrange(1, len(frame))])
            self.count("half a frame")
            client.receive()
            if chance.random() < 0.1:
                client.ends()

    def stalls(self, chance):
        with socket.create_connection(self.target.address, timeout=DEADLINE_S) as connection:
            connection.sendall(b"\x16\x03\x01\x02\x00\x01"[: chance.randrange(7)])
            self.count("stalled handshake")
            if chance.random() < 0.1:
                connection.recv(1)

    def does_not_read(self, _):
        with self.target.connect("rsa") as client:
            client.socket.settimeout(1)
            frames = b"".join(adu(number, UNIT, read_registers(0, 20)) for number in range(200))
            try:
                while not self.over.is_set():
                    client.send(frames)
            except LOST:
                self.count("closed, for it does not read")


def wait_a_part(parts):
    time.sleep(SECONDS / parts)


def besiege(target):
    """One blow after the other, the last of them the end, all under load."""
    siege = Siege(target)
    for thread in siege.threads:
        thread.start()
    try:
        for number in range(5):
            wait_a_part(10)
            target.reload(POLICY, ("good", "expired")[number % 2])
        audit = target.pki.path("gateway-audit.jsonl")
        os.rename(audit, audit + ".1")
        os.mkdir(audit)
        start = len(target.log)
        target.reload(POLICY, "revoked")
        target.wait_for("event=audit_failing", start)
        wait_a_part(5)
        os.rmdir(audit)
        target.wait_for("event=audit_recovered", start)
        wait_a_part(5)
        target.stop()
    finally:
        siege.over.set()
        for thread in siege.threads:
            thread.join(DEADLINE_S)
    return siege.counts


def polls_went_on(plc):
    times = sorted(row.served_us for row in plc.truth() if (row.table, row.address, len(row.items)) == ("holding", 0, 4))
    gaps = sorted(after - before for before, after in zip(times, times[1:]))
    print(f"polls: {len(times)}, p50 {gaps[len(gaps) // 2]} us, p99 {gaps[len(gaps) * 99 // 100]} us, longest {gaps[-1]} us")
    assert gaps[-1] < POLL_GAP_MAX_US


def main():
    pki = Pki()
    try:
        with Plcsim() as plc:
            with gateway_before(plc.address, pki, limits=LIMITS, outstanding=4) as target:
                counts = besiege(target)
            print(*(f"{what}: {count}" for what, count in sorted(counts.items())), sep="\n")
            for what in ("read", "write", "denied: exception 1", "write: exception 4", "half a frame", "stalled handshake"):
                assert counts.get(what), f"no {what}"
            plc.stop()
            polls_went_on(plc)
            for name in ("gateway-audit.jsonl.1", "gateway-audit.jsonl"):
                assert read(pki.path(name)).count("\n") > 0, name
    finally:
        shutil.rmtree(pki.folder)


if __name__ == "__main__":
    main()
