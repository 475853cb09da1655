"""Each fault of the simulator, as a client sees it on the wire."""

import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["BOURDON_SOURCE"], "tests", "support"))
from plcsim import Plcsim, RawClient, adu, control, eventually, read_registers, run_tests, split

READ_SETPOINT = read_registers(16, 1)
GOOD = bytes.fromhex("03020320")
FRAME = adu(1, 1, GOOD)


def raw_answer(fault, size):
    """The first `size` bytes that come back to a good request."""
    with Plcsim("--faults", fault) as plc, RawClient(plc.address) as client:
        client.send(adu(1, 1, READ_SETPOINT))
        return client.receive_exactly(size)


def the_frame_is_spoiled_as_said():
    rows = [
        ("exception code=6", adu(1, 1, bytes([0x83, 6]))),
        ("hole table=holding address=16 count=1", adu(1, 1, bytes([0x83, 2]))),
        ("max-read limit=0", adu(1, 1, bytes([0x83, 3]))),
        ("wrong-transaction", adu(2, 1, GOOD)),
        ("wrong-unit value=4", adu(1, 5, GOOD)),
        ("wrong-protocol", adu(1, 1, GOOD, protocol=7)),
        ("wrong-length value=0", adu(1, 1, GOOD, length=0)),
        ("wrong-length value=255", adu(1, 1, GOOD, length=255)),
        ("duplicate", FRAME + FRAME),
        ("flood bytes=1000", FRAME * 90),
    ]
    for fault, expected in rows:
        assert raw_answer(fault, len(expected)) == expected, fault


def others_are_left_alone():
    with Plcsim("--faults", "silence unit=2; hole unit=1 table=holding address=0 count=4") as plc:
        with RawClient(plc.address) as client:
            assert client.ask(1, READ_SETPOINT) == GOOD
            assert client.ask(1, read_registers(3, 2)) == bytes([0x83, 2])
            assert client.ask(1, read_registers(0, 2, function=4))[0] == 4
            client.send(adu(9, 2, READ_SETPOINT))
            assert client.ask(1, READ_SETPOINT) == GOOD


def a_truncated_frame_is_short():
    with Plcsim("--faults", "truncate bytes=8 times=1") as plc, RawClient(plc.address) as client:
        client.send(adu(1, 1, READ_SETPOINT))
        client.send(adu(2, 1, READ_SETPOINT))
        assert client.receive_exactly(8 + len(FRAME)) == FRAME[:8] + adu(2, 1, GOOD)


def garbage_is_no_answer():
    assert raw_answer("garbage bytes=30", 30)[:7] != FRAME[:7]


def a_delay_holds_back_later_answers_too():
    with Plcsim("--faults", "delay unit=2 delay=300ms times=1") as plc, RawClient(plc.address) as client:
        begin = time.monotonic()
        client.send(adu(1, 2, READ_SETPOINT))
        client.send(adu(2, 1, READ_SETPOINT))
        assert [client.receive()[0] for _ in range(2)] == [1, 2]
        assert time.monotonic() - begin >= 0.3


def a_late_answer_is_overtaken():
    with Plcsim("--faults", "late delay=300ms times=1") as plc, RawClient(plc.address) as client:
        client.send(adu(1, 1, READ_SETPOINT))
        client.send(adu(2, 1, READ_SETPOINT))
        assert [client.receive()[0] for _ in range(2)] == [2, 1]
        plc.stop()
        assert [row.sent for row in plc.truth()] == ["late", "good"]


def more_than_16_outstanding_requests_are_too_many():
    with Plcsim("--faults", "delay delay=200ms") as plc, RawClient(plc.address) as client:
        for transaction in range(17):
            client.send(adu(transaction, 1, READ_SETPOINT))
        assert client.receive() == (16, 1, bytes([0x83, 6]))
        assert [client.receive()[0] for _ in range(16)] == list(range(16))


def a_drip_comes_byte_by_byte():
    with Plcsim("--faults", "drip interval=20ms") as plc, RawClient(plc.address) as client:
        begin = time.monotonic()
        client.send(adu(1, 1, READ_SETPOINT))
        client.send(adu(2, 1, READ_SETPOINT))
        assert client.receive() == (1, 1, GOOD)
        assert time.monotonic() - begin >= 0.02 * (len(FRAME) - 1)
        assert client.receive() == (2, 1, GOOD)


def silence_and_half_open_answer_nothing():
    with Plcsim("--faults", "silence times=1") as plc, RawClient(plc.address) as client:
        client.send(adu(1, 1, READ_SETPOINT))
        assert client.is_silent_for(0.2)
        assert client.ask(1, READ_SETPOINT) == GOOD
    with Plcsim("--faults", "half-open times=1") as plc, RawClient(plc.address) as client:
        client.send(adu(1, 1, READ_SETPOINT))
        client.send(adu(2, 1, READ_SETPOINT))
        assert client.is_silent_for(0.2)
        with RawClient(plc.address) as another:
            assert another.ask(1, READ_SETPOINT) == GOOD


def a_reset_is_a_reset():
    with Plcsim("--faults", "reset times=1") as plc:
        with RawClient(plc.address) as client:
            client.send(adu(1, 1, READ_SETPOINT))
            try:
                client.receive()
                raise AssertionError("the connection was not reset")
            except ConnectionResetError:
                pass
        with RawClient(plc.address) as client:
            assert client.ask(1, READ_SETPOINT) == GOOD


def a_half_closed_connection_ends_in_one_direction():
    with Plcsim("--faults", "half-close times=1") as plc, RawClient(plc.address) as client:
        client.send(adu(1, 1, READ_SETPOINT))
        assert client.socket.recv(1) == b""


def connects(plc):
    try:
        RawClient(plc.address).socket.close()
        return True
    except ConnectionRefusedError:
        return False


def connections_are_refused_for_a_while():
    with Plcsim("--faults", "refuse at=100ms for=500ms") as plc:
        eventually(lambda: not connects(plc), "a refused connection")
        eventually(lambda: connects(plc), "a connection after the fault")


def connections_above_the_limit_are_closed():
    with Plcsim("--faults", "connection-limit limit=2") as plc:
        first, second, third = (RawClient(plc.address) for _ in range(3))
        assert third.socket.recv(1) == b""
        assert first.ask(1, READ_SETPOINT) == GOOD
        assert second.ask(1, READ_SETPOINT) == GOOD
        first.socket.close()

        def admitted():
            with RawClient(plc.address) as client:
                client.send(adu(1, 1, READ_SETPOINT))
                return client.socket.recv(1) != b""

        eventually(admitted, "a connection after another ended")
        for client in (second, third):
            client.socket.close()


def frozen_values_stand_still():
    with Plcsim("--faults", "freeze unit=1 table=holding address=0 count=19") as plc, RawClient(plc.address) as client:
        frozen = client.ask(1, read_registers(0, 19))
        scans = client.ask(1, read_registers(19, 1))
        eventually(lambda: client.ask(1, read_registers(19, 1)) != scans, "the next scan")
        assert client.ask(1, read_registers(0, 19)) == frozen
        assert client.ask(1, read_registers(0, 19, function=4))[2:] != frozen[2:]


def what_was_spoiled_is_not_called_good():
    faults = "wrong-transaction times=1; truncate times=1 chance=0"
    with Plcsim("--faults", faults) as plc, RawClient(plc.address) as client:
        for transaction in (1, 2):
            client.send(adu(transaction, 1, READ_SETPOINT))
            client.receive()
        plc.stop()
        assert [(row.sent, row.items) for row in plc.truth()] == [("wrong-transaction", "0320"), ("good", "0320")]


def faults_come_and_go_at_run_time():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "control")
        with Plcsim("--control", path) as plc, RawClient(plc.address) as client:
            assert client.ask(1, READ_SETPOINT) == GOOD
            added = control(path, "fault add exception unit=1 code=5")
            assert client.ask(1, READ_SETPOINT) == bytes([0x83, 5])
            assert client.ask(2, READ_SETPOINT)[0] == 3
            listed = control(path, "fault list")
            assert [(fault["id"], fault["kind"], fault["hits"]) for fault in listed] == [(added["id"], "exception", 1)]
            assert control(path, f"fault clear {added['id']}") == {"cleared": 1}
            assert client.ask(1, READ_SETPOINT) == GOOD
            assert "did you mean" in control(path, "fault add exeption")["error"]
            assert control(path, "status")["requests"] == 4
            control(path, "fault add refuse")
            assert not connects(plc), "refused at once"
        assert not os.path.exists(path)


def hundreds_of_endpoints_are_one_process():
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as scenario:
        scenario.write("endpoints: [{listen: '127.0.0.1:0', count: 300, units: [{id: 1, vessels: [{}]}]}]\n")
        scenario.flush()
        with Plcsim("-c", scenario.name, listen=None) as plc:
            eventually(lambda: len(plc.addresses) == 300, "300 endpoints")
            clients = [RawClient(split(address)) for address in plc.addresses]
            pressures = read_registers(2, 2)
            eventually(lambda: len({client.ask(1, pressures) for client in clients}) > 150, "plants that differ")
            for client in clients:
                client.socket.close()


run_tests(
    [
        the_frame_is_spoiled_as_said,
        others_are_left_alone,
        a_truncated_frame_is_short,
        garbage_is_no_answer,
        a_delay_holds_back_later_answers_too,
        a_late_answer_is_overtaken,
        more_than_16_outstanding_requests_are_too_many,
        a_drip_comes_byte_by_byte,
        silence_and_half_open_answer_nothing,
        a_reset_is_a_reset,
        a_half_closed_connection_ends_in_one_direction,
        connections_are_refused_for_a_while,
        connections_above_the_limit_are_closed,
        frozen_values_stand_still,
        what_was_spoiled_is_not_called_good,
        faults_come_and_go_at_run_time,
        hundreds_of_endpoints_are_one_process,
    ]
)
