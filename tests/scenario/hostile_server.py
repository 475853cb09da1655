#!/usr/bin/env python3
"""A server with a valid certificate does to bourdon-bridge whatever it can think of.

After each attack the bridge must still be there; at the end it must not have grown, and deliver all there is to a server
that behaves, by the word of the oracle (tests/faults/oracle.py).
"""

import hashlib
import os
import re
import socket
import ssl
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.environ["BOURDON_SOURCE"], "tests", "interop"))
sys.path.insert(0, os.path.join(os.environ["BOURDON_SOURCE"], "tests", "faults"))
import cbor2  # noqa: E402
import peer  # noqa: E402
from oracle import judge  # noqa: E402
from plant import DEADLINE_S, Plant, eventually, run_tests  # noqa: E402
from stores import SqliteStore, read_only  # noqa: E402

# Then memory that was freed is kept, and the oracle cannot load our extension.
SANITIZED = bool(os.environ.get("BOURDON_SANITIZE"))
EMPTY = cbor2.dumps([])
TOP = 2**64 - 1
LIMIT = 2**62  # of what is believed of sequences that somebody else made
GROWTH_KB = 16 * 1024
STORMS = 40


def frame(kind, payload, size=None):
    return struct.pack(">IB", len(payload) if size is None else size, kind) + payload


class Session:
    """One session of the bridge, up to `upto`: "tls", "hello", "open" or "batch"."""

    def __init__(self, listener, context, store_id):
        plain, _ = listener.accept()
        plain.settimeout(DEADLINE_S)
        self.socket = context.wrap_socket(plain, server_side=True)
        self.wire = peer.Wire(lambda: self.socket.recv(65536), self.socket.sendall, self.socket.close)
        self.store_id = store_id
        self.version = 2

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.socket.close()

    def hello(self, **other):
        values = dict(low=1, high=2, name="hostile_server.py", store=self.store_id, batch=1 << 20, catalog=1 << 24)
        values.update(batches=8, bytes=1 << 22, t1=15000, t2=10000, t3=20000, now=time.time_ns() // 1000)
        values.update(other)
        self.wire.send_cbor(peer.HELLO, list(values.values()))

    def opened(self):
        self.version, _, self.epoch, self.first, self.next = peer.decode(self.wire.expect(peer.OPEN)[1])

    def welcome(self, contiguous=0, highest=0, missing=()):
        self.wire.send_cbor(peer.WELCOME, [contiguous, highest, [list(pair) for pair in missing]])

    def batch(self):
        """The sequence of the next batch; catalogs are taken."""
        while True:
            kind, payload = self.wire.expect(peer.BATCH, peer.CATALOG)
            if kind == peer.BATCH:
                return struct.unpack(">BQ", payload[:9])[1]
            self.wire.send_cbor(peer.CATALOG_ACK, [hashlib.sha256(payload).digest(), peer.COMMITTED, ""])

    def ack(self, first, last, result=peer.COMMITTED, delay_ms=0, text=""):
        committed_us = time.time_ns() // 1000 if result <= peer.DUPLICATE else 0
        self.wire.send_cbor(peer.ACK, [[first, last, result, committed_us, delay_ms, text]])

    def reach(self, upto, highest=0):
        if upto == "tls":
            return self
        self.hello()
        self.opened()
        if upto == "open":
            return self
        self.welcome(0, highest)
        self.sequence = self.batch() if upto == "batch" else None
        return self

    def ending(self):
        """What the bridge says when it leaves; "" if it just goes."""
        try:
            while True:
                kind, payload = self.wire.expect(peer.BYE, peer.BATCH, peer.CATALOG)
                if kind == peer.BYE:
                    return peer.decode(payload)[1]
        except (peer.ProtocolError, OSError):
            return ""


def raw(data):
    return lambda session: session.socket.sendall(data)


def hello(**other):
    return lambda session: session.hello(**other)


def welcome(*items):
    return lambda session: session.wire.send_cbor(peer.WELCOME, list(items))


def ack(*items):
    return lambda session: session.wire.send_cbor(peer.ACK, [list(items)])


def twice(session):
    for _ in range(2):
        session.ack(session.sequence, session.sequence, peer.RETRY_AFTER, 60000)


RANGES = [[2 * i + 2, 2 * i + 2] for i in range(33)]
# name, how far the session gets before, the attack, what the bridge says of it ("": it goes without a word)
ATTACKS = [
    ("garbage instead of HELLO", "tls", raw(b"\x00\x00\x00\x01\xffgarbage"), "unknown type"),
    ("an ACK before HELLO", "tls", raw(frame(peer.ACK, EMPTY)), "does not send ack now"),
    ("a batch of a server", "batch", raw(frame(peer.BATCH, b"x")), "does not send batch now"),
    ("HELLO of 4 GiB", "tls", raw(frame(peer.HELLO, b"", TOP >> 32)), "more than 1024"),
    ("HELLO of nested lists", "tls", raw(frame(peer.HELLO, b"\x81" * 1024)), "hello is malformed"),
    ("HELLO that is a map with a key twice", "tls", raw(frame(peer.HELLO, b"\xa2\x01\x01\x01\x02")), "hello is malformed"),
    ("no version in common", "tls", hello(low=3, high=9), "versions 3 to 9"),
    ("versions the wrong way round", "tls", hello(low=2, high=1), "hello is malformed"),
    ("a window of nothing", "tls", hello(batches=0), "hello is malformed"),
    ("a window smaller than a batch", "tls", hello(bytes=4096), "hello is malformed"),
    ("t1 of 0", "tls", hello(t1=0), "hello is malformed"),
    ("t1 of 49 days", "tls", hello(t1=TOP >> 32), "hello is malformed"),
    ("t2 not below t1", "tls", hello(t2=15000), "hello is malformed"),
    ("a name with a line break", "tls", hello(name="x\nlevel=error"), "hello is malformed"),
    ("a clock of the year 300000", "tls", hello(now=TOP), "hello is malformed"),
    ("a highest below the contiguous", "open", welcome(5, 4, []), "welcome is malformed"),
    ("the highest sequence there is", "open", welcome(0, TOP, []), "nobody can have made"),
    ("one more than is believed", "open", welcome(0, LIMIT + 1, []), "nobody can have made"),
    ("33 ranges", "open", welcome(0, 100, RANGES), "welcome is malformed"),
    ("ranges that touch", "open", welcome(0, 9, [[2, 3], [4, 5]]), "welcome is malformed"),
    ("a range that ends before it begins", "open", welcome(0, 9, [[4, 3]]), "welcome is malformed"),
    ("a range up to the highest", "open", welcome(0, 9, [[4, 9]]), "welcome is malformed"),
    ("no list in version 2", "open", welcome(0, 9), "welcome is malformed"),
    ("an ACK of what was never sent", "batch", ack(1 << 40, 1 << 40, 0, 1, 0, ""), "not all in flight"),
    ("an ACK of everything", "batch", ack(1, TOP, 0, 1, 0, ""), "not all in flight"),
    ("an ACK of another type", "batch", ack("1", 1, 0, 1, 0, ""), "ack is malformed"),
    ("an ACK with a result of 4", "batch", ack(1, 1, 4, 0, 0, ""), "ack is malformed"),
    ("an ACK with more behind it", "batch", raw(frame(peer.ACK, EMPTY + b"\x00")), "ack is malformed"),
    ("an ACK of a million ranges", "batch", raw(frame(peer.ACK, b"\x9a\x00\x0f\x42\x40")), "ack is malformed"),
    ("an ACK too long", "batch", raw(frame(peer.ACK, b"", 1 << 20)), "more than"),
    ("an ACK twice", "batch", twice, "not all in flight"),
    ("an answer to no catalog", "open", lambda s: (s.welcome(), no_catalog(s)), "a catalog that was not sent"),
    ("silence in an ACK, and the end", "batch", raw(frame(peer.ACK, b"\x81", 300)), None),
    ("BYE with a reason of 99", "batch", lambda s: s.wire.send_cbor(peer.BYE, [99, ""]), "bye is malformed"),
]


def no_catalog(session):
    for _ in range(20):
        session.wire.send_cbor(peer.CATALOG_ACK, [bytes(32), peer.COMMITTED, ""])


class Scene(Plant):
    """The plant, its server played by us; the real one comes at the end."""

    def __enter__(self):
        super().__enter__()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.load_verify_locations(self.path("certificates/ca.pem"))
        self.context.load_cert_chain(self.path("certificates/server/control.pem"), self.path("certificates/server/control.key"))
        self.context.set_alpn_protocols(["bourdon/1"])
        host, port = self.server_address.split(":")
        self.listener = socket.create_server((host, int(port)))
        self.listener.settimeout(DEADLINE_S)
        self.store_id = os.urandom(16)
        return self

    def __exit__(self, kind, value, trace):
        self.listener.close()
        super().__exit__(kind, value, trace)

    def session(self):
        return Session(self.listener, self.context, self.store_id)

    def attack(self, name, upto, act, expected):
        with self.session() as session:
            act(session.reach(upto))
            answer = session.ending() if expected is not None else ""
        assert (expected or "") in answer, f"{name}: the bridge says {answer!r}"
        assert self.bridge.is_running(), f"after {name} the bridge is gone: {self.bridge.tail()}"

    def rss_kb(self):
        with open(f"/proc/{self.bridge.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])

    def rejected(self):
        """What the oracle is to call lost: readings in quarantine, and the holes that their batches leave."""
        with read_only(self.run.spool) as spool:
            readings = spool.execute("SELECT coalesce(sum(readings), 0) FROM ack_log WHERE result = 3").fetchone()[0]
        return readings + len(SqliteStore(self.run.store).holes())


def each_attack_ends_the_session_with_a_reason(scene):
    for row in ATTACKS:
        scene.attack(*row)


def storms_of_goodbyes_are_borne(scene):
    for number in range(STORMS):
        with scene.session() as session:
            session.reach(("open", "batch")[number % 2]).wire.send_cbor(peer.BYE, [number % 9, "go away"])
            session.ending()


def tests_and_empty_acks_without_end_are_borne(scene):
    """Nobody reads what the bridge answers to them: it must give up rather than grow."""
    with scene.session() as session:
        session.reach("batch")
        session.socket.settimeout(1)
        try:
            for _ in range(400):
                session.socket.sendall(2000 * frame(peer.TEST, EMPTY) + 2000 * frame(peer.ACK, EMPTY))
        except OSError:
            pass


def a_wish_to_wait_for_49_days_ends_with_its_session(scene):
    for _ in range(2):
        with scene.session() as session:
            session.reach("batch")
            session.ack(session.sequence, session.sequence, peer.RETRY_AFTER, TOP >> 32)


def retry_at_once_for_ever_is_no_busy_loop(scene):
    with scene.session() as session:
        session.reach("batch")
        began, answers = time.monotonic(), 0
        while time.monotonic() < began + 1:
            session.ack(session.sequence, session.sequence, peer.RETRY_AFTER, 0)
            session.sequence = session.batch()
            answers += 1
    # Eight in the window every 20 ms at least, with as much again for what was on its way.
    assert answers <= 2 * 8 * 51, f"{answers} batches sent again within a second"


def all_batches_rejected_are_kept_in_quarantine(scene):
    quarantined = scene.spool_status("quarantine_bytes")
    with scene.session() as session:
        session.reach("batch")
        for _ in range(20):
            session.ack(session.sequence, session.sequence, peer.REJECTED, text="\u202e" * 80)
            session.sequence = session.batch()
    eventually(lambda: scene.spool_status("quarantine_bytes") > quarantined, "a quarantine that fills")


def one_batch_after_the_other_is_said_to_be_taken(scene):
    """Each is made anew under a number above `highest`, and none is lost."""
    with scene.session() as session:
        session.hello()
        session.opened()
        highest = session.next + 1000
        session.welcome(0, highest)
        for _ in range(20):
            sequence = session.batch()
            result = peer.REJECTED if sequence <= highest else peer.RETRY_AFTER
            session.ack(sequence, sequence, result, text="taken" if result == peer.REJECTED else "")


def survives(attacks):
    """The attacks on one bridge, which then delivers to the real server.

    Returns the verdict and what was rejected; None if SANITIZED.
    """
    with Scene() as scene:
        scene.start_plc()
        scene.bridge.start().wait_for("event=ready")
        with scene.session() as session:
            session.reach("batch")
        before_kb = scene.rss_kb()
        for attack in attacks:
            print(f"  {attack.__name__}", flush=True)
            attack(scene)
            assert scene.bridge.is_running(), f"the bridge is gone: {scene.bridge.tail()}"
        grown_kb = scene.rss_kb() - before_kb
        print(f"  memory grew by {grown_kb} kB from {before_kb} kB", flush=True)
        assert SANITIZED or grown_kb < GROWTH_KB
        scene.listener.close()
        scene.server.start().wait_for("event=started")
        scene.end_run()
        return None if SANITIZED else (judge(scene), scene.rejected())


def a_server_that_breaks_the_protocol_costs_no_reading():
    outcome = survives([
        each_attack_ends_the_session_with_a_reason,
        storms_of_goodbyes_are_borne,
        tests_and_empty_acks_without_end_are_borne,
        a_wish_to_wait_for_49_days_ends_with_its_session,
        retry_at_once_for_ever_is_no_busy_loop,
    ])
    if outcome:
        verdict, rejected = outcome
        verdict.assert_clean()
        assert rejected == 0


def a_server_that_keeps_it_and_lies_is_survived():
    """What it rejects is in quarantine, and made anew under another number it is out of order."""
    outcome = survives([all_batches_rejected_are_kept_in_quarantine, one_batch_after_the_other_is_said_to_be_taken])
    if outcome:
        verdict, rejected = outcome
        verdict.assert_clean(but=("lost", "reordered"))
        assert 0 < verdict.counts["lost"] <= rejected, f"{verdict.counts['lost']} lost, {rejected} in quarantine"


run_tests([a_server_that_breaks_the_protocol_costs_no_reading, a_server_that_keeps_it_and_lies_is_survived])
