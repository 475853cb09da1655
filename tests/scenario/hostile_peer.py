#!/usr/bin/env python3
"""A bridge with a valid certificate, and strangers without one, do to bourdon-server whatever they can think of.

After each attack another bridge must still be acknowledged, and at the end the server must stop in good order.
"""

import hashlib
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading

import cbor2
import zstandard

sys.path.insert(0, os.path.join(os.environ["BOURDON_SOURCE"], "tests", "interop"))
import peer  # noqa: E402

DEADLINE_S = 20
SANITIZED = bool(os.environ.get("BOURDON_SANITIZE"))  # a sanitizer keeps memory that was freed
BRIDGES = ("good", "hostile")
EMPTY = cbor2.dumps([])
NESTED = b"\x81" * 65536
CATALOG_BYTES = 4 << 20  # the server's limit
SESSIONS = 8  # of one name
DECODED = 6  # times its encoded size is what a catalog of the shortest names may take in memory
GROWTH_KB = 32 * 1024  # half of it is what one batch may unpack to, which is kept for the next one


class Plant:
    def __init__(self, folder):
        self.folder = os.path.join(folder, "pki")
        for command in (["init"], ["server", "control", "--ip", "127.0.0.1"], *(["bridge", name] for name in BRIDGES)):
            self.make(*command)

    def make(self, command, *arguments):
        script = os.path.join(os.environ["BOURDON_SOURCE"], "certs", "make-certs.sh")
        subprocess.run([script, command, self.folder, *arguments], check=True, stdout=subprocess.DEVNULL)

    def path(self, name):
        return os.path.join(self.folder, name)

    def context(self, name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.path("ca.pem"))
        context.load_cert_chain(self.path(f"bridge/{name}.pem"), self.path(f"bridge/{name}.key"))
        context.set_alpn_protocols(["bourdon/1"])
        return context


class Server:
    def __init__(self, folder, plant):
        config = os.path.join(folder, "server.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"listen: 127.0.0.1:0\nca: {plant.path('ca.pem')}\nhttp: ''\nbridges: ['*']\n")
            file.write(f"certificate: {plant.path('server/control.pem')}\nkey: {plant.path('server/control.key')}\n")
            file.write(f"store: 'sqlite:{folder}/store.db'\nthreads: 1\nlimits: {{handshakes: 32}}\n")
        program = os.path.join(os.environ["BOURDON_BIN"], "bourdon-server")
        self.process = subprocess.Popen([program, "-c", config], stderr=subprocess.PIPE, text=True)
        self.lines = []
        self.listening = threading.Event()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        assert self.listening.wait(DEADLINE_S), "the server does not listen: " + "".join(self.lines)

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line)
            port = re.search(r"event=listening .*port=(\d+)", line)
            if port:
                self.address = ("127.0.0.1", int(port.group(1)))
                self.listening.set()

    def rss_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])

    def stop(self):
        self.process.terminate()
        status = self.process.wait(DEADLINE_S)
        self.reader.join(DEADLINE_S)
        return status


class Session:
    """A session up to `upto`: "tls", "hello", "open" or "catalog"."""

    def __init__(self, server, context, upto="catalog", epoch=None, version=1):
        self.version = version
        plain = socket.create_connection(server.address, timeout=DEADLINE_S)
        self.socket = context.wrap_socket(plain, server_hostname="127.0.0.1")
        self.wire = peer.Wire(lambda: self.socket.recv(65536), self.socket.sendall, self.socket.close)
        self.epoch = epoch or os.urandom(16)
        self.tags = peer.example_tags()
        self.catalog = peer.encode_catalog(self.tags)
        steps = {"hello": self.hello, "open": self.open, "catalog": self.send_catalog}
        for name, step in steps.items():
            if upto == "tls":
                break
            step()
            if name == upto:
                break

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.socket.close()

    def hello(self):
        self.wire.expect(peer.HELLO)

    def say_open(self):
        self.wire.send_cbor(peer.OPEN, [self.version, "hostile_peer.py", self.epoch, 1, 1 << 62])

    def open(self):
        self.say_open()
        self.welcome = peer.decode(self.wire.expect(peer.WELCOME)[1])

    def send_catalog(self):
        self.wire.send(peer.CATALOG, self.catalog)
        self.wire.expect(peer.CATALOG_ACK)

    def batch(self, sequence, content=None):
        readings = peer.example_readings(self.tags, content or sequence)
        return peer.encode_batch(self.epoch, sequence, self.catalog, self.tags, readings)

    def send_batch(self, sequence, encoded=None, flags=0):
        encoded = self.batch(sequence) if encoded is None else encoded
        self.wire.send(peer.BATCH, struct.pack(">BQ", flags, sequence) + encoded)

    def answer(self):
        """("bye", text), ("ack", result, text) or ("end",)."""
        try:
            kind, payload = self.wire.expect(peer.BYE, peer.ACK, peer.CATALOG_ACK)
        except (peer.ProtocolError, OSError):
            return ("end",)
        value = peer.decode(payload)
        if kind == peer.BYE:
            return ("bye", value[1])
        return ("ack", value[0][2], value[0][5]) if kind == peer.ACK else ("ack", value[1], value[2])


def frame(kind, payload, size=None):
    return struct.pack(">IB", len(payload) if size is None else size, kind) + payload


def sealed(items):
    head = b"\x8c" + b"".join(cbor2.dumps(item) for item in items)
    return head + b"\x50" + hashlib.sha256(head).digest()[:16]


def with_body(session, body, size=None):
    """A sealed batch; `size`: of the body before it was compressed."""
    name = hashlib.sha256(session.catalog).digest()
    return sealed([1, 1, session.epoch, 1, name, 65536, 1, 2, size is not None, size or len(body), body])


def bomb(session, size):
    return with_body(session, zstandard.ZstdCompressor(level=1).compress(bytes(size)), size)


def gap(session, first, last, sequence=1):
    values = dict(reason=1, first_sequence=first, last_sequence=last, readings=1, from_us=1, to_us=2, link="")
    return peer.encode_gaps(session.epoch, sequence, [values])


def many_gaps(session, sequence, first):
    gap = dict(reason=1, readings=1, from_us=1, to_us=2, link="")
    gaps = [dict(gap, first_sequence=first + i, last_sequence=first + i) for i in range(4096)]
    return peer.encode_gaps(session.epoch, sequence, gaps)


def raw(data):
    return lambda session: session.socket.sendall(data)


def opening(*items):
    return lambda session: session.wire.send_cbor(peer.OPEN, list(items))


def batch(sequence, make=None, flags=0):
    def act(session):
        session.send_batch(sequence, make(session) if make else None, flags)

    return act


def twice(session):
    session.socket.sendall(2 * frame(peer.BATCH, struct.pack(">BQ", 0, 5) + session.batch(5)))


def flipped(session):
    encoded = bytearray(session.batch(1))
    encoded[len(encoded) // 2] ^= 1
    return bytes(encoded)


def of_another_epoch(session):
    encoded = session.batch(1)
    return encoded.replace(session.epoch, bytes(16))


def of_unknown_catalog(session):
    session.catalog = peer.encode_catalog([dict(tag, unit="furlong") for tag in session.tags])
    return session.batch(1)


REJECTED = peer.REJECTED
# name, how far the session gets before, the attack, the answer
ATTACKS = [
    ("garbage instead of OPEN", "hello", raw(b"\x00\x00\x00\x01\xffgarbage"), ("bye", "unknown type")),
    ("a batch before OPEN", "hello", raw(frame(peer.BATCH, b"x")), ("bye", "does not send batch now")),
    ("an OPEN of another version", "hello", opening(99, "x", bytes(16), 1, 2), ("bye", "not offered")),
    ("an OPEN of sequence 0", "hello", opening(1, "x", bytes(16), 0, 2), ("bye", "open is malformed")),
    ("an OPEN with a line break", "hello", opening(1, "x\n", bytes(16), 1, 2), ("bye", "open is malformed")),
    ("an OPEN that is a map with a key twice", "hello", raw(frame(peer.OPEN, b"\xa2\x01\x01\x01\x02")), ("bye", "malformed")),
    ("an OPEN of nested lists", "hello", raw(frame(peer.OPEN, b"\x81" * 1024)), ("bye", "open is malformed")),
    ("OPEN twice", "open", opening(1, "x", bytes(16), 1, 2), ("bye", "does not send open now")),
    ("a frame of the server", "open", raw(frame(peer.ACK, EMPTY)), ("bye", "does not send ack now")),
    ("no payload", "open", raw(frame(peer.TEST, b"")), ("bye", "malformed")),
    ("a TEST too long by one", "open", raw(frame(peer.TEST, b"", 1025)), ("bye", "more than 1024")),
    ("a catalog of 4 GiB", "open", raw(frame(peer.CATALOG, b"", 0xFFFFFFFF)), ("bye", "more than")),
    ("a batch of 4 GiB", "catalog", raw(frame(peer.BATCH, b"", 0xFFFFFFFF)), ("bye", "more than")),
    ("a batch too long by one", "catalog", raw(frame(peer.BATCH, b"", 9 + (1 << 20) + 1)), ("bye", "more than")),
    ("a catalog that is none", "open", raw(frame(peer.CATALOG, b"x")), ("ack", REJECTED, "not a list")),
    ("a catalog of nested lists", "open", raw(frame(peer.CATALOG, NESTED)), ("ack", REJECTED, "not a list")),
    ("a million tags in 7 bytes", "open", raw(frame(peer.CATALOG, b"\x82\x01\x9a\x00\x0f\x42\x40")), ("ack", REJECTED, "")),
    ("a batch of nested lists", "catalog", batch(1, lambda session: NESTED), ("ack", REJECTED, "")),
    ("nested lists in a batch", "catalog", batch(1, lambda session: with_body(session, NESTED)), ("ack", REJECTED, "")),
    ("a gap that ends before it begins", "open", batch(1, lambda session: gap(session, 5, 4)), ("ack", REJECTED, "gap 0")),
    ("a gap that begins at 0", "open", batch(1, lambda session: gap(session, 0, 5)), ("ack", REJECTED, "gap 0")),
    ("a batch of an unknown catalog", "catalog", batch(1, of_unknown_catalog), ("ack", REJECTED, "catalog is unknown")),
    ("a batch of no bytes", "catalog", batch(1, lambda session: b""), ("ack", REJECTED, "malformed")),
    ("a batch of sequence 0", "catalog", batch(0, lambda session: b"x"), ("bye", "malformed")),
    ("unknown flags", "catalog", batch(1, flags=2), ("bye", "malformed")),
    ("another sequence", "catalog", batch(2, lambda session: session.batch(1)), ("ack", REJECTED, "sequence 1")),
    ("another epoch", "catalog", batch(1, of_another_epoch), ("ack", REJECTED, "")),
    ("the highest sequence", "catalog", batch(2**64 - 1, lambda s: s.batch(2**64 - 1, 1)), ("ack", REJECTED, "higher")),
    ("a flipped bit", "catalog", batch(1, flipped), ("ack", REJECTED, "")),
    ("half a batch", "catalog", batch(1, lambda session: session.batch(1)[:99]), ("ack", REJECTED, "")),
    ("a bomb", "catalog", batch(1, lambda session: bomb(session, 16 << 20)), ("ack", REJECTED, "8 columns")),
    ("a larger bomb", "catalog", batch(1, lambda session: bomb(session, (16 << 20) + 1)), ("ack", REJECTED, "head")),
    ("a batch twice in flight", "catalog", twice, ("bye", "came again before its answer")),
    ("silence in a frame", "catalog", raw(frame(peer.BATCH, b"half", 4096)), None),
]


def fits(expected, answer):
    return answer[: len(expected) - 1] == expected[:-1] and expected[-1] in answer[-1]


class Scene:
    def __init__(self, folder):
        self.plant = Plant(folder)
        self.server = Server(folder, self.plant)
        self.hostile = self.plant.context("hostile")
        self.good = Session(self.server, self.plant.context("good"))
        self.sequence = 0

    def others_are_served(self, name):
        self.sequence += 1
        self.good.send_batch(self.sequence)
        answer = self.good.answer()
        assert answer[:2] == ("ack", peer.COMMITTED), f"after {name} the other bridge gets {answer}"

    def attack(self, name, upto, act, expected):
        with Session(self.server, self.hostile, upto) as session:
            act(session)
            answer = session.answer() if expected else None
        assert not expected or fits(expected, answer), f"{name}: {answer}"
        self.others_are_served(name)

    def conflict(self):
        answers, epoch = [], os.urandom(16)
        for contents in ((1, 1), (2,)):  # a number taken before the session opened is told from one taken since
            with Session(self.server, self.hostile, epoch=epoch) as session:
                for content in contents:
                    session.send_batch(1, session.batch(1, content))
                    answers.append(session.answer()[1])
        assert answers == [peer.COMMITTED, peer.DUPLICATE, peer.REJECTED], answers
        self.others_are_served("a conflict")

    def gaps_without_number(self):
        batches = 8
        with Session(self.server, self.hostile, "open") as session:
            for i in range(batches):
                session.send_batch((1 << 40) + i, many_gaps(session, (1 << 40) + i, 1 + i * 4096))
                assert session.answer()[1] == peer.COMMITTED
        with Session(self.server, self.hostile, "open", session.epoch) as again:
            assert 0 < again.welcome[0] <= batches * 4096, again.welcome
        self.others_are_served("gaps without number")

    def holes_without_number(self):
        with Session(self.server, self.hostile, "open") as session:
            taken = [(1 << 61) + 2 * i for i in range(40)]
            for sequence in taken:
                session.send_batch(sequence, gap(session, sequence, sequence, sequence))
                assert session.answer()[1] == peer.COMMITTED
        with Session(self.server, self.hostile, "open", session.epoch, version=2) as again:
            contiguous, highest, missing = again.welcome
            assert (contiguous, highest, len(missing)) == (0, taken[-1], 32), again.welcome
            assert missing[:2] == [[1, taken[0] - 1], [taken[0] + 1, taken[0] + 1]], missing
        self.others_are_served("holes without number")

    def gaps_of_everything(self):
        for first, last in ((1, 2**64 - 1), (2**63, 2**64 - 1)):
            with Session(self.server, self.hostile, "open") as session:
                session.send_batch(1, gap(session, first, last))
                assert session.answer()[1] == peer.COMMITTED
            with Session(self.server, self.hostile, "open", session.epoch) as again:
                assert again.welcome[1] == 1, again.welcome
        self.others_are_served("gaps of everything")

    def goodbyes_without_number(self):
        for number in range(60):
            with Session(self.server, self.hostile, ("hello", "open", "catalog")[number % 3]) as session:
                session.wire.send_cbor(peer.BYE, [number % 9, "going"])
        self.others_are_served("goodbyes without number")

    def catalogs_as_large_as_may_be(self):
        """In as many sessions as a name may have: that is what one bridge can make the server hold."""
        before_kb = self.server.rss_kb()
        tag = dict(peer.example_tags()[0], unit="", link="l")
        size = len(peer.encode_catalog([dict(tag, name="0-00000", address=1000)])) - 3
        tags = [dict(tag, name=f"0-{i:05x}", address=1000) for i in range(CATALOG_BYTES // size - 1)]
        catalog = peer.encode_catalog(tags)
        assert CATALOG_BYTES - 1024 < len(catalog) <= CATALOG_BYTES
        sessions = [Session(self.server, self.hostile, "open") for _ in range(SESSIONS)]
        for number, session in enumerate(sessions):
            session.wire.send(peer.CATALOG, catalog.replace(b"0-", b"%d-" % number))
            assert session.answer()[1] == peer.COMMITTED
        grown_kb = self.server.rss_kb() - before_kb
        for session in sessions:
            session.socket.close()
        self.others_are_served("catalogs as large as may be")
        print(f"{SESSIONS} catalogs of {len(tags)} tags: {grown_kb} kB")
        assert SANITIZED or grown_kb * 1024 < DECODED * SESSIONS * CATALOG_BYTES, f"{grown_kb} kB"

    def catalogs_without_number(self):
        with Session(self.server, self.hostile, "open") as session:
            for i in range(17):
                session.wire.send(peer.CATALOG, peer.encode_catalog([dict(session.tags[0], name=f"tag-{i}")]))
            answers = [session.answer() for _ in range(17)]
        assert fits(("bye", "more than 16 catalogs"), next(a for a in answers if a[0] == "bye")), answers
        self.others_are_served("catalogs without number")

    def acks_unread(self):
        with Session(self.server, self.hostile, "open") as session:
            session.socket.settimeout(1)
            try:
                for _ in range(400):
                    session.socket.sendall(1000 * frame(peer.TEST, EMPTY))
            except OSError:
                pass
        self.others_are_served("acks unread")

    def one_identity_many_times(self):
        epoch = os.urandom(16)
        sessions = [Session(self.server, self.hostile, "hello", epoch) for _ in range(30)]
        for session in sessions[:-1]:
            session.say_open()
        self.others_are_served("one identity many times")
        sessions[-1].open()
        sessions[-1].send_catalog()
        sessions[-1].send_batch(1)
        assert sessions[-1].answer()[1] == peer.COMMITTED
        for session in sessions:
            session.socket.close()

    def silent_strangers(self):
        def silent():
            return socket.create_connection(self.server.address, DEADLINE_S, source_address=("127.0.0.2", 0))

        strangers = [silent() for _ in range(200)]
        self.others_are_served("silent strangers")
        with Session(self.server, self.hostile):
            self.others_are_served("a newcomer among silent strangers")
        for stranger in strangers:
            stranger.close()
        lines = [line for line in self.server.lines if "address=127.0.0.2" in line or "turned_away" in line]
        assert len(lines) < 150, f"{len(lines)} lines about 200 strangers"

    def run(self):
        self.others_are_served("nothing")
        before_kb = self.server.rss_kb()
        for row in ATTACKS:
            self.attack(*row)
        for storm in STORMS:
            storm(self)
        grown_kb = self.server.rss_kb() - before_kb
        print(f"memory grew by {grown_kb} kB from {before_kb} kB")
        assert SANITIZED or grown_kb < GROWTH_KB, f"{grown_kb} kB"
        self.catalogs_as_large_as_may_be()
        self.good.socket.close()


STORMS = [
    Scene.conflict,
    Scene.gaps_without_number,
    Scene.holes_without_number,
    Scene.gaps_of_everything,
    Scene.catalogs_without_number,
    Scene.acks_unread,
    Scene.goodbyes_without_number,
    Scene.one_identity_many_times,
    Scene.silent_strangers,
]


def main():
    with tempfile.TemporaryDirectory(prefix="bourdon-hostile-") as folder:
        scene = Scene(folder)
        try:
            scene.run()
            status = scene.server.stop()
            assert status == 0, f"the server ended with status {status}"
        except BaseException:
            print("".join(scene.server.lines[-40:]), file=sys.stderr)
            raise
        finally:
            if scene.server.process.poll() is None:
                scene.server.process.kill()
    print(f"{len(ATTACKS) + len(STORMS) + 1} attacks, and {scene.sequence} batches of the other bridge acknowledged")


if __name__ == "__main__":
    main()
