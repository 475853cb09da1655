#!/usr/bin/env python3
"""The limits of the gateway's sessions, and what a session ends by, one test each. Clients are those of
tests/conformance."""

import contextlib
import json
import os
import shutil
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ["BOURDON_SOURCE"], "tests", "conformance"))
from target import POLICY, UNIT, Pki, SecureClient, gateway_before, read  # finds tests/support for the next

from plcsim import DEADLINE_S, Plcsim, adu, read_registers

READ = read_registers(0, 2)
BUSY, NO_ANSWER = bytes([0x83, 0x06]), bytes([0x83, 0x0B])
QUEUE = 1024  # requests that may wait for one link; as many may have been taken from it already
AT_ONCE = 16  # requests of one connection
CERTIFICATE_S = 4


def works(client):
    return client.ask(UNIT, READ)[0] == 3


def until(condition, what):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def the_session_that_is_unused_for_longest_gives_way(pki, plc):
    with gateway_before(plc.address, pki, limits="connections: 3") as target:
        clients = [target.connect(role) for role in ("operator", "reader", "tuner")]
        assert all(works(client) for client in clients)
        assert works(clients[0])  # now the second is the one
        with target.connect("rsa") as newest:
            assert works(newest) and clients[1].ends()
            assert works(clients[0]) and works(clients[2])
        target.wait_for("a newer session needed the room", 0)


def connections_past_the_limit_of_an_address_are_closed_and_other_addresses_get_in(pki, plc):
    with gateway_before(plc.address, pki, limits="per_address: 2") as target:
        clients = [target.connect(), target.connect()]
        with socket.create_connection(target.address, timeout=DEADLINE_S) as third:
            assert third.recv(1) == b""
        assert all(works(client) for client in clients)
        with SecureClient(target, target.pair("operator"), source=("127.0.0.2", 0)) as elsewhere:
            assert works(elsewhere)


def a_session_without_requests_ends_and_one_with_requests_stays(pki, plc):
    with gateway_before(plc.address, pki, limits="idle_timeout: 2s") as target:
        idle, busy = target.connect("reader"), target.connect()
        idle.socket.setblocking(False)

        def has_ended():
            assert works(busy)
            try:
                return idle.ends()
            except BlockingIOError:
                return False

        until(lambda: any("no request for the longest time" in line for line in target.log) or not works(busy), "it stays")
        idle.socket.settimeout(DEADLINE_S)
        assert has_ended() and works(busy)


def a_session_ends_with_its_certificate(pki, plc):
    with gateway_before(plc.address, pki) as target:
        pki.issue_until("brief", time.gmtime(time.time() + CERTIFICATE_S))
        with target.connect("brief") as brief, target.connect() as other:
            assert works(brief)
            assert brief.ends() and works(other)
            target.wait_for("its certificate has expired", 0)


def a_new_session_goes_if_all_others_wait_for_answers(pki, _):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        limits = "connections: 2, answer_timeout: 5s"
        with gateway_before(silent.getsockname(), pki, limits=limits) as target:
            clients = [target.connect(), target.connect()]
            for client in clients:  # one at a time waits for response_timeout, so some wait all the while
                client.send(b"".join(adu(number, UNIT, read_registers(number, 2)) for number in range(AT_ONCE)))
            with target.connect("reader") as newest:
                assert newest.ends()
            assert [client.receive()[2] for client in clients] == [NO_ANSWER] * 2


def a_full_queue_is_answered_06_and_a_silent_plc_0b(pki, _):
    connections = 2 * QUEUE // AT_ONCE + 2
    limits = "per_identity: 999, per_address: 999, handshakes: 999, answer_timeout: 1s"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with gateway_before(silent.getsockname(), pki, limits=limits) as target:
            clients = [target.connect() for _ in range(connections)]
            for client in clients:
                client.send(b"".join(adu(number, UNIT, READ) for number in range(AT_ONCE)))
            answers = [client.receive()[2] for client in clients for _ in range(AT_ONCE)]
            assert set(answers) == {BUSY, NO_ANSWER}, set(answers)
            assert answers.count(BUSY) >= len(answers) - 2 * QUEUE - 1


class SlowDevice:
    """A PLC that takes what comes within a moment before it answers, last things first. Its registers hold their
    addresses."""

    def __init__(self):
        self.together = []  # how many requests of clients it found each time: those for more than one register
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection = self.listener.accept()[0]
            with contextlib.suppress(OSError):
                while requests := self.requests(connection):
                    self.answer(connection, requests)

    def requests(self, connection):
        connection.settimeout(None)
        received = connection.recv(4096)
        connection.settimeout(0.02)
        with contextlib.suppress(TimeoutError):
            while more := connection.recv(4096):
                received += more
        return received

    def answer(self, connection, received):
        assert len(received) % 12 == 0
        requests = [received[at : at + 12] for at in range(0, len(received), 12)]
        self.together.append(sum(request[11] > 1 for request in requests))
        for request in reversed(requests):
            address, quantity = struct.unpack(">HH", request[8:])
            values = struct.pack(">%dH" % quantity, *range(address, address + quantity))
            connection.sendall(request[:4] + bytes([0, 3 + len(values), request[6], 3, len(values)]) + values)


def pair(address):
    return b"\x03\x04" + struct.pack(">HH", address, address + 1)


def reads_of_different_registers_are_on_their_way_together(pki, _):
    for most in (1, 4):
        device = SlowDevice()
        with gateway_before(device.address, pki, outstanding=most) as target, target.connect() as client:
            for _ in range(5):
                client.send(b"".join(adu(number, UNIT, read_registers(10 * number, 2)) for number in range(12)))
                answers = {number: pdu for number, _, pdu in (client.receive() for _ in range(12))}
                assert answers == {number: pair(10 * number) for number in range(12)}, answers
        assert max(device.together) == most, device.together


def readers_of_the_same_registers_share_a_request(pki, _):
    device = SlowDevice()
    with gateway_before(device.address, pki) as target, target.connect() as client:
        for number in range(1000, 1010):
            client.send(b"".join(adu(n, UNIT, read_registers(number, 2)) for n in range(16)))
            assert all(client.receive()[2] == pair(number) for _ in range(16))
    assert sum(device.together) <= 2 * 10, device.together


class RegisterDevice(SlowDevice):
    """Holds what is written to it by function 16."""

    def __init__(self):
        self.registers = [0] * 100
        super().__init__()

    def requests(self, connection):
        head = connection.recv(6, socket.MSG_WAITALL)
        return head and head + connection.recv(struct.unpack(">H", head[4:])[0], socket.MSG_WAITALL)

    def answer(self, connection, received):
        unit, function, address, quantity = struct.unpack(">BBHH", received[6:12])
        if function == 16:
            self.registers[address : address + quantity] = struct.unpack(f">{quantity}H", received[13:])
            pdu = received[7:12]
        else:
            pdu = struct.pack(f">BB{quantity}H", function, 2 * quantity, *self.registers[address : address + quantity])
        connection.sendall(received[:4] + struct.pack(">HB", 1 + len(pdu), unit) + pdu)


HEAT = """
rules:
  - {name: see, roles: [operator], units: [1], access: read, addresses: [all]}
  - {name: heat, roles: [operator], units: [1], access: write, addresses: [20-23], values: [0, 80.5], max_change: 30,
     type: float32, word_order: little, verify: true}
"""


def write_floats(address, *values):
    data = b"".join(struct.pack(">f", value)[2:] + struct.pack(">f", value)[:2] for value in values)
    return struct.pack(">BHHB", 16, address, len(data) // 2, len(data)) + data


def a_setpoint_of_two_registers_is_limited(pki, _):
    device = RegisterDevice()
    with gateway_before(device.address, pki) as target, target.use_rules(HEAT), target.connect() as client:
        for address, values, allowed in (
            (20, [30], True),
            (20, [60.5], False),
            (20, [60], True),
            (20, [80.5], True),
            (20, [80.6], False),
            (20, [float("nan")], False),
            (21, [70], False),
            (22, [30], True),
            (20, [70, 20], True),
            (20, [70, 81], False),
        ):
            before = list(device.registers)
            answer = client.ask(UNIT, write_floats(address, *values))
            assert answer == (write_floats(address, *values)[:5] if allowed else b"\x90\x01"), (address, values, answer)
            assert allowed or device.registers == before, (address, values)
        assert client.ask(UNIT, struct.pack(">BHH", 6, 20, 0)) == b"\x86\x01"


class SlowRegisterDevice(RegisterDevice):
    def __init__(self):
        self.written = 0
        super().__init__()

    def answer(self, connection, received):
        write = received[7] == 16
        time.sleep(1 if write else 0)
        super().answer(connection, received)
        self.written += write


def writes_of_a_revoked_session_that_have_not_begun_are_not_carried_out(pki, _):
    device = SlowRegisterDevice()
    rules = POLICY + "  - {name: writers, no_role: true, units: [all], access: write, addresses: [all]}\n"
    with gateway_before(device.address, pki, limits="answer_timeout: 60s") as target:
        target.reload(rules, "good")
        with SecureClient(target, pki.chained()) as client:
            with target.connect() as other:
                client.send(b"".join(adu(number, UNIT, write_floats(20, number)) for number in range(AT_ONCE)))
                target.use(rules, "revoked")
                assert client.ends()
                assert works(other)
                written = device.written
                time.sleep(2)
                assert written <= device.written <= written + 1 < AT_ONCE, (written, device.written)
    records = [json.loads(line) for line in read(pki.path("gateway-audit.jsonl")).splitlines()]
    results = [record["result"] for record in records if record["event"] == "write" and record["write"] == [20, 2]]
    results = results[-AT_ONCE:]
    assert len(results) == AT_ONCE and results.count("done") == device.written, (results, device.written)
    assert results.count("not sent") == AT_ONCE - device.written, results


TESTS = [
    the_session_that_is_unused_for_longest_gives_way,
    connections_past_the_limit_of_an_address_are_closed_and_other_addresses_get_in,
    a_session_without_requests_ends_and_one_with_requests_stays,
    a_session_ends_with_its_certificate,
    a_new_session_goes_if_all_others_wait_for_answers,
    a_full_queue_is_answered_06_and_a_silent_plc_0b,
    reads_of_different_registers_are_on_their_way_together,
    readers_of_the_same_registers_share_a_request,
    a_setpoint_of_two_registers_is_limited,
    writes_of_a_revoked_session_that_have_not_begun_are_not_carried_out,
]


def main():
    pki = Pki()
    try:
        with Plcsim() as plc:
            for test in TESTS:
                if sys.argv[1:] and test.__name__ not in sys.argv[1:]:
                    continue
                began = time.monotonic()
                test(pki, plc)
                print(f"ok: {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
    finally:
        shutil.rmtree(pki.folder)


if __name__ == "__main__":
    main()
