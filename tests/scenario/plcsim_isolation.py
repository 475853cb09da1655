"""Clients of the simulator that stall, flood or talk nonsense delay no other client.

A good client makes a fixed number of requests while the bad ones do their worst; it must get every answer, in
order, long before anything times out.
"""

import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.environ["BOURDON_SOURCE"], "tests", "support"))
from plcsim import Plcsim, RawClient, adu, read_registers, run_tests

REQUESTS = 300
# libmodbus's own server would sleep 0.5 s for each illegal request, and for ever on a half-sent frame.
ENOUGH_S = 10


def assert_served(client):
    begin = time.monotonic()
    for transaction in range(REQUESTS):
        pdu = client.ask(1, read_registers(0, 20), transaction)
        assert pdu[:2] == bytes([3, 40]), pdu
    assert time.monotonic() - begin < ENOUGH_S, "the good client was delayed"


def stalled_clients_delay_nobody():
    with Plcsim() as plc:
        frame = adu(1, 1, read_registers(0, 20))
        stalled = [RawClient(plc.address) for _ in frame]
        for size, client in enumerate(stalled):
            client.send(frame[:size])
        with RawClient(plc.address) as good:
            assert_served(good)
        for size, client in enumerate(stalled):
            client.send(frame[size:])
            assert client.receive()[2][:2] == bytes([3, 40])
            client.socket.close()


def nonsense_delays_nobody_and_is_answered():
    rows = [
        (bytes([0x07]), bytes([0x87, 1])),
        (bytes([0x11]), bytes([0x91, 1])),
        (bytes([0x64, 1, 2, 3]), bytes([0xE4, 1])),
        (read_registers(0, 0), bytes([0x83, 3])),
        (read_registers(0, 126), bytes([0x83, 3])),
        (read_registers(65535, 2), bytes([0x83, 2])),
        (read_registers(0, 1) + b"\0", bytes([0x83, 3])),
        (struct.pack(">BHHB", 0x10, 0, 1, 200), bytes([0x90, 3])),
        (bytes(253), bytes([0x80, 1])),
    ]
    with Plcsim() as plc, RawClient(plc.address) as bad, RawClient(plc.address) as good:
        for _ in range(20):
            for pdu, expected in rows:
                bad.send(adu(7, 1, pdu))
            assert good.ask(1, read_registers(0, 1))[0] == 3
        for _ in range(20):
            for pdu, expected in rows:
                answer = bad.receive()
                assert answer == (7, 1, expected), (pdu, answer)
        assert_served(good)


def other_protocols_are_ignored_and_broken_lengths_closed():
    with Plcsim() as plc:
        with RawClient(plc.address) as client:
            client.send(adu(1, 1, read_registers(0, 1), protocol=0x1234))
            client.send(adu(2, 1, read_registers(0, 1)))
            assert client.receive()[0] == 2
        for length in (0, 1, 255, 256, 65535):
            with RawClient(plc.address) as client:
                client.send(adu(1, 1, read_registers(0, 1), length=length))
                try:
                    assert client.socket.recv(1) == b"", f"length {length} was answered"
                except ConnectionResetError:
                    pass
        with RawClient(plc.address) as good:
            assert_served(good)


def a_client_that_never_reads_delays_nobody():
    with Plcsim() as plc, RawClient(plc.address) as greedy, RawClient(plc.address) as good:
        greedy.socket.setblocking(False)
        request = adu(1, 1, read_registers(0, 40)) * 100
        try:
            while True:
                greedy.socket.send(request)
        except BlockingIOError:
            pass
        assert_served(good)


def many_stalled_clients_cannot_lock_a_good_one_out():
    with Plcsim() as plc:
        stalled = [RawClient(plc.address) for _ in range(200)]
        for client in stalled:
            client.send(b"\0\1\0")
        with RawClient(plc.address) as good:
            assert_served(good)
        for client in stalled:
            client.socket.close()


def ends_at_once_with_clients_stalled():
    with Plcsim() as plc:
        clients = [RawClient(plc.address) for _ in range(10)]
        for client in clients:
            client.send(b"\0\1\0\0")
        begin = time.monotonic()
        plc.stop()
        assert time.monotonic() - begin < ENOUGH_S
        for client in clients:
            client.socket.close()


run_tests(
    [
        stalled_clients_delay_nobody,
        nonsense_delays_nobody_and_is_answered,
        other_protocols_are_ignored_and_broken_lengths_closed,
        a_client_that_never_reads_delays_nobody,
        many_stalled_clients_cannot_lock_a_good_one_out,
        ends_at_once_with_clients_stalled,
    ]
)
