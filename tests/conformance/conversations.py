"""TLS conversations that no well-behaved client has, in the spirit of tlsfuzzer: a client of Python's ssl does the
cryptography, and what it sends is changed on its way. In TLS 1.2 all of it up to Finished is in the clear. After each of
them a session that was there before goes on. Names bear the requirements of MODBUS/TCP Security v36 where there are any."""

import collections
import socket
import ssl
import struct

from target import UNIT

from plcsim import DEADLINE_S, adu, read_registers

CCS, ALERT, HANDSHAKE, DATA, HEARTBEAT = 20, 21, 22, 23, 24
CLIENT_HELLO, CERTIFICATE, KEY_EXCHANGE, CERTIFICATE_VERIFY = 1, 11, 16, 15
CLOSE, UNEXPECTED, BAD_MAC, OVERFLOW, FAILURE, BAD_CERTIFICATE, ILLEGAL, DECODE, DECRYPT, VERSION, INTERNAL, MISSING = (
    0, 10, 20, 22, 40, 42, 47, 50, 51, 70, 80, 109)  # fmt: skip
RECORD_MAX = 1 << 14


def record(kind, payload, version=0x0303):
    return struct.pack(">BHH", kind, version, len(payload)) + payload


def message(kind, body):
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


# `message`: the kind of the handshake message, None where it is something else or encrypted.
Part = collections.namedtuple("Part", "kind payload message")


def records_of(data):
    while len(data) >= 5:
        size = struct.unpack(">H", data[3:5])[0]
        yield data[0], data[5 : 5 + size]
        data = data[5 + size :]


def parts_of(flight):
    """What a flight of the client consists of, with each handshake message for itself up to ChangeCipherSpec."""
    parts, encrypted, messages = [], False, b""
    for kind, payload in records_of(flight):
        if kind == HANDSHAKE and not encrypted:
            messages += payload
            while len(messages) >= 4 and len(messages) >= 4 + int.from_bytes(messages[1:4], "big"):
                size = 4 + int.from_bytes(messages[1:4], "big")
                parts.append(Part(HANDSHAKE, messages[:size], messages[0]))
                messages = messages[size:]
        else:
            encrypted |= kind == CCS
            parts.append(Part(kind, payload, None))
    return parts


class Conversation:
    """`change` turns the parts of each flight into the bytes that go out."""

    def __init__(self, target, change, version=ssl.TLSVersion.TLSv1_2, pair="operator"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(target.pki.path("ca.pem"))
        context.minimum_version = context.maximum_version = version
        context.load_cert_chain(target.pair(pair) + ".pem", target.pair(pair) + ".key")
        self.change, self.came, self.open = change, b"", False
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.socket = socket.create_connection(target.address, timeout=DEADLINE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def step(self, action):
        """What comes of it; None: it wants more."""
        try:
            return action()
        except ssl.SSLWantReadError:
            return None

    def take(self):
        try:
            more = self.socket.recv(65536)
        except ConnectionError:
            more = b""
        self.came += more
        self.incoming.write(more)
        return more

    def handshake(self):
        """Whether it ended well."""
        while not self.open:
            try:
                self.open = self.step(lambda: self.tls.do_handshake() or True) or False
            except ssl.SSLError:
                break
            parts = parts_of(self.outgoing.read())
            if parts:
                self.put(self.change(parts))
            if not self.open and not self.take():
                break
        return self.open

    def put(self, data):
        try:
            self.socket.sendall(data)
        except ConnectionError:
            pass  # what the peer said before is still to be read

    def ask(self):
        """The answer to a read; None: the session has ended."""
        self.tls.write(adu(1, UNIT, read_registers(0, 1)))
        self.put(self.outgoing.read())
        answer = None
        while answer is None:
            try:
                answer = self.step(lambda: self.tls.read(64))
            except ssl.SSLError:
                return None
            if answer is None and not self.take():
                return None
        return answer

    def alert(self):
        """The alert in the clear by which the peer ended; -1: none. It must end."""
        while self.take():
            pass
        alerts = [payload for kind, payload in records_of(self.came) if kind == ALERT and len(payload) == 2]
        return alerts[-1][1] if alerts else -1


def plain(parts):
    return b"".join(record(part.kind, part.payload) for part in parts)


def on(kind, change):
    """Changes the handshake messages of a kind to what `change` makes of them: bytes of whole records."""

    def changed(parts):
        return b"".join(change(part.payload) if part.message == kind else plain([part]) for part in parts)

    return changed


def ends_with(target, change, *alerts, **options):
    with Conversation(target, change, **options) as client:
        opened = client.handshake() and client.ask() is not None
        assert not opened, "it was let in"
        alert = client.alert()
        assert alert in alerts, f"alert {alert}, not one of {alerts}"


def others_go_on(test):
    def tested(target):
        with target.connect() as bystander:
            assert bystander.ask(UNIT, read_registers(0, 1))[0] == 3
            test(target)
            assert bystander.ask(UNIT, read_registers(0, 1))[0] == 3
        with target.connect() as newcomer:
            assert newcomer.ask(UNIT, read_registers(0, 1))[0] == 3

    tested.__name__ = test.__name__
    return tested


def works(target, change, **options):
    with Conversation(target, change, **options) as client:
        assert client.handshake(), "it was not let in"
        assert client.ask(), "no answer"


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


# --- who the client is ---


def r_02_a_wrong_signature_is_refused(target):
    ends_with(target, on(CERTIFICATE_VERIFY, lambda m: record(HANDSHAKE, flipped(m, len(m) - 1))), DECRYPT)


def r_02_a_certificate_with_the_key_of_another_is_refused(target):
    with open(target.pair("reader") + ".pem", encoding="ascii") as file:
        other = ssl.PEM_cert_to_DER_cert(file.read())
    entry = len(other).to_bytes(3, "big") + other
    swapped = message(CERTIFICATE, len(entry).to_bytes(3, "big") + entry)
    ends_with(target, on(CERTIFICATE, lambda _: record(HANDSHAKE, swapped)), DECRYPT, ILLEGAL)


def r_10_r_44_an_empty_certificate_is_refused(target):
    empty = message(CERTIFICATE, bytes(3))
    ends_with(target, on(CERTIFICATE, lambda _: record(HANDSHAKE, empty)), FAILURE)


def r_02_without_its_signature_a_certificate_is_nothing(target):
    ends_with(target, on(CERTIFICATE_VERIFY, lambda _: b""), UNEXPECTED)


def r_02_no_message_of_the_client_may_be_left_out(target):
    ends_with(target, on(CERTIFICATE, lambda _: b""), UNEXPECTED, FAILURE)
    ends_with(target, on(KEY_EXCHANGE, lambda _: b""), UNEXPECTED, FAILURE)


def r_02_a_certificate_that_is_no_der_is_refused(target):
    junk = message(CERTIFICATE, b"\0\0\x07\0\0\x04\x30\x82\xff\xff")
    ends_with(target, on(CERTIFICATE, lambda _: record(HANDSHAKE, junk)), DECODE, BAD_CERTIFICATE, INTERNAL)


# --- Finished, and what comes too early ---


def after_ccs(change):
    def changed(parts):
        out, encrypted = b"", False
        for part in parts:
            out += change(part.payload) if encrypted else plain([part])
            encrypted |= part.kind == CCS
        return out

    return changed


def a_malformed_finished_is_refused(target):
    ends_with(target, after_ccs(lambda payload: record(HANDSHAKE, flipped(payload, len(payload) - 1))), BAD_MAC)
    ends_with(target, after_ccs(lambda payload: record(HANDSHAKE, payload[:-1])), BAD_MAC)
    ends_with(target, after_ccs(lambda _: record(HANDSHAKE, b"")), BAD_MAC, DECODE, UNEXPECTED, INTERNAL)


def before(kind, data):
    return on(kind, lambda m: data + record(HANDSHAKE, m))


def r_41_data_before_finished_is_refused(target):
    request = record(DATA, adu(1, UNIT, read_registers(0, 1)))
    for kind in (KEY_EXCHANGE, CERTIFICATE_VERIFY):
        ends_with(target, before(kind, request), UNEXPECTED)
    ends_with(target, after_ccs(lambda payload: request + record(HANDSHAKE, payload)), BAD_MAC, UNEXPECTED, INTERNAL)
    ends_with(target, before(CLIENT_HELLO, request), UNEXPECTED, VERSION, FAILURE, -1)


def data_before_finished_is_refused_in_tls_1_3(target):
    request = record(DATA, adu(1, UNIT, read_registers(0, 1)))
    first = []

    def changed(parts):
        early = request if not first else b""
        first.append(True)
        return plain(parts) + early

    ends_with(target, changed, BAD_MAC, UNEXPECTED, -1, version=ssl.TLSVersion.TLSv1_3)  # it may be encrypted


def change_cipher_spec_before_its_time_is_refused(target):
    ends_with(target, before(KEY_EXCHANGE, record(CCS, b"\1")), UNEXPECTED)
    ends_with(target, before(CERTIFICATE_VERIFY, record(CCS, b"\1")), UNEXPECTED)


# --- records ---


def in_pieces(size):
    def changed(parts):
        out = b""
        for part in parts:
            step = size if part.message else len(part.payload)
            out += b"".join(record(part.kind, part.payload[at : at + step]) for at in range(0, len(part.payload), step))
        return out

    return changed


def messages_in_records_of_one_byte_are_understood(target):
    for size in (1, 2, 3, 100):
        works(target, in_pieces(size))


def messages_that_share_a_record_are_understood(target):
    def changed(parts):
        shared = b"".join(part.payload for part in parts if part.message)
        return (record(HANDSHAKE, shared) if shared else b"") + plain(part for part in parts if not part.message)

    works(target, changed)


def empty_records_are_passed_over_but_not_a_flood_of_them(target):
    works(target, lambda parts: record(HANDSHAKE, b"") + plain(parts))
    works(target, before(CERTIFICATE_VERIFY, record(HANDSHAKE, b"") * 10))
    ends_with(target, before(CERTIFICATE_VERIFY, record(HANDSHAKE, b"") * 100), UNEXPECTED)
    ends_with(target, before(CERTIFICATE_VERIFY, record(DATA, b"")), UNEXPECTED, DECODE)
    ends_with(target, before(CERTIFICATE_VERIFY, record(ALERT, b"")), UNEXPECTED, DECODE)


def records_past_the_longest_are_refused(target):
    for size in (RECORD_MAX + 257, 0xFFFF):
        ends_with(target, before(CERTIFICATE_VERIFY, record(HANDSHAKE, bytes(size))), OVERFLOW)
        ends_with(target, after_ccs(lambda payload, size=size: record(HANDSHAKE, payload + bytes(size - len(payload)))), OVERFLOW, BAD_MAC)


def records_of_other_kinds_are_refused(target):
    for kind in (0, HEARTBEAT, 25, 255):
        ends_with(target, before(CERTIFICATE_VERIFY, record(kind, b"\1\0\3abc")), UNEXPECTED)
    ends_with(target, before(CERTIFICATE_VERIFY, record(HANDSHAKE, b"\1", version=0x0999)), VERSION, UNEXPECTED)


def a_flood_of_warnings_is_refused(target):
    ends_with(target, before(CERTIFICATE_VERIFY, record(ALERT, b"\1\x5a") * 200), UNEXPECTED)


def a_length_that_promises_megabytes_is_refused(target):
    for kind in (CERTIFICATE, KEY_EXCHANGE, CERTIFICATE_VERIFY):
        promise = bytes([kind]) + b"\xff\xff\xff" + bytes(100)
        ends_with(target, on(kind, lambda _, promise=promise: record(HANDSHAKE, promise)), ILLEGAL, DECODE, UNEXPECTED)
    promise = record(HANDSHAKE, b"\1\xff\xff\xff" + bytes(100))
    ends_with(target, on(CLIENT_HELLO, lambda _: promise), ILLEGAL, DECODE, FAILURE)


def what_is_no_tls_is_closed(target):
    for junk in (b"GET / HTTP/1.0\r\n\r\n", bytes(64), b"\xff" * 64, adu(1, UNIT, read_registers(0, 1)) * 8):
        with socket.create_connection(target.address, timeout=DEADLINE_S) as client:
            client.sendall(junk)
            try:
                while client.recv(4096):
                    pass
            except ConnectionError:
                pass


# --- ClientHello ---


class Hello:
    """A ClientHello, to be taken apart."""

    def __init__(self, data):
        body = data[4:]
        at = 34 + 1 + body[34]
        size = struct.unpack(">H", body[at : at + 2])[0]
        self.head, self.suites = body[:at], body[at + 2 : at + 2 + size]
        at += 2 + size
        self.compressions = body[at + 1 : at + 1 + body[at]]
        at += 1 + body[at]
        self.extensions, rest = [], body[at + 2 :]
        while rest:
            kind, size = struct.unpack(">HH", rest[:4])
            self.extensions.append((kind, rest[4 : 4 + size]))
            rest = rest[4 + size :]

    def bytes(self):
        extensions = b"".join(struct.pack(">HH", kind, len(data)) + data for kind, data in self.extensions)
        body = self.head + struct.pack(">H", len(self.suites)) + self.suites
        body += bytes([len(self.compressions)]) + self.compressions
        return message(CLIENT_HELLO, body + struct.pack(">H", len(extensions)) + extensions)


def hello(change):
    def changed(data):
        made = Hello(data)
        change(made)
        return record(HANDSHAKE, made.bytes())

    return on(CLIENT_HELLO, changed)


def an_extension_given_twice_is_refused(target):
    ends_with(target, hello(lambda made: made.extensions.append(made.extensions[0])), ILLEGAL, DECODE)


def r_12_unknown_extensions_and_suites_are_passed_over(target):
    """The server answers with its flight; the handshake cannot end well, for each side has seen another hello."""

    def change(made):
        made.extensions[:0] = [(0x7A7A, b""), (0xFEDC, bytes(300))]
        made.suites = b"\x7a\x7a\xfe\xdc" + made.suites

    with Conversation(target, hello(change)) as client:
        assert not client.handshake()
        kinds = [payload[0] for kind, payload in records_of(client.came) if kind == HANDSHAKE]
        assert kinds[:1] == [2], kinds
        assert client.alert() == DECRYPT


def r_12_only_unknown_suites_are_refused(target):
    def change(made):
        made.suites = b"\x7a\x7a\xfe\xdc"

    ends_with(target, hello(change), FAILURE)


def r_59_a_hello_without_null_compression_is_refused(target):
    def change(made):
        made.compressions = b"\1"

    ends_with(target, hello(change), DECODE, ILLEGAL, FAILURE)


def lengths_that_lie_are_refused(target):
    def shorter(data):
        return record(HANDSHAKE, message(CLIENT_HELLO, data[4:-1]))

    def longer(data):
        return record(HANDSHAKE, message(CLIENT_HELLO, data[4:] + b"\0"))

    def odd_suites(made):
        made.suites += b"\0"

    def no_suites(made):
        made.suites = b""

    def groups(made):
        made.extensions = [(kind, b"\xff\xff" + data[2:] if kind == 10 else data) for kind, data in made.extensions]

    for change in (on(CLIENT_HELLO, shorter), on(CLIENT_HELLO, longer), hello(odd_suites), hello(groups)):
        ends_with(target, change, DECODE, ILLEGAL)
    ends_with(target, hello(no_suites), DECODE, ILLEGAL, FAILURE)


# --- afterwards ---


def what_follows_the_handshake_must_be_whole(target):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for junk in (record(DATA, bytes(64)), record(HANDSHAKE, bytes(64)), record(CCS, b"\2"), record(DATA, bytes(0xFFFF))):
            with Conversation(target, plain, version=version) as client:
                assert client.handshake() and client.ask()
                client.put(junk)
                while client.take():  # the alert is encrypted
                    pass
    works(target, plain, version=ssl.TLSVersion.TLSv1_3)


def r_60_a_second_hello_is_not_taken_up(target):
    """In the clear within a session, where it is a record that was tampered with."""
    seen = []

    def keep(parts):
        seen.extend(part.payload for part in parts if part.message == CLIENT_HELLO)
        return plain(parts)

    with Conversation(target, keep) as client:
        assert client.handshake() and client.ask()
        client.put(record(HANDSHAKE, seen[0]))
        while client.take():
            pass


TESTS = [
    others_go_on(test)
    for test in (
        r_02_a_wrong_signature_is_refused,
        r_02_a_certificate_with_the_key_of_another_is_refused,
        r_10_r_44_an_empty_certificate_is_refused,
        r_02_without_its_signature_a_certificate_is_nothing,
        r_02_no_message_of_the_client_may_be_left_out,
        r_02_a_certificate_that_is_no_der_is_refused,
        a_malformed_finished_is_refused,
        r_41_data_before_finished_is_refused,
        data_before_finished_is_refused_in_tls_1_3,
        change_cipher_spec_before_its_time_is_refused,
        messages_in_records_of_one_byte_are_understood,
        messages_that_share_a_record_are_understood,
        empty_records_are_passed_over_but_not_a_flood_of_them,
        records_past_the_longest_are_refused,
        records_of_other_kinds_are_refused,
        a_flood_of_warnings_is_refused,
        a_length_that_promises_megabytes_is_refused,
        what_is_no_tls_is_closed,
        an_extension_given_twice_is_refused,
        r_12_unknown_extensions_and_suites_are_passed_over,
        r_12_only_unknown_suites_are_refused,
        r_59_a_hello_without_null_compression_is_refused,
        lengths_that_lie_are_refused,
        what_follows_the_handshake_must_be_whole,
        r_60_a_second_hello_is_not_taken_up,
    )
]
