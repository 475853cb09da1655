"""Frames, good and bad, inside TLS: R-05 wants the protocol there unchanged."""

import random
import socket
import struct

from plcsim import adu, read_registers
from target import MISSING_UNIT, UNIT

READ = read_registers(0, 2)


def is_answer(answer, transaction, unit=UNIT):
    return answer[:2] == (transaction, unit) and answer[2][:2] == bytes([3, 4])


def r_05_a_length_no_frame_has_ends_the_connection(target):
    for length in (0, 1, 255, 256, 65535):
        with target.connect() as client:
            client.send(adu(1, UNIT, READ, length=length))
            assert client.ends(), length
    with target.connect() as client:
        assert client.ask(UNIT, READ)[0] == 3


def r_05_a_length_that_lies_is_a_malformed_request(target):
    with target.connect() as client:
        client.send(adu(1, UNIT, READ + b"\0", length=len(READ) + 2))
        assert client.receive() == (1, UNIT, bytes([0x83, 3]))
        client.send(adu(2, UNIT, READ[:4], length=5))
        assert client.receive() == (2, UNIT, bytes([0x83, 3]))
        client.send(adu(3, UNIT, READ))
        assert is_answer(client.receive(), 3)


def r_05_another_protocol_is_discarded_in_silence(target):
    for protocol in (1, 7, 0x0700, 65535):
        with target.connect() as client:
            client.send(adu(1, UNIT, READ, protocol=protocol) + adu(2, UNIT, READ))
            assert is_answer(client.receive(), 2), protocol


def r_05_a_frame_split_at_any_byte_is_one_frame(target):
    with target.connect() as client:
        frame = adu(1, UNIT, READ)
        for at in range(1, len(frame)):
            client.send(frame[:at])
            client.send(frame[at:])
            assert is_answer(client.receive(), 1), at


def r_05_frames_in_one_record_are_answered_one_by_one(target):
    with target.connect() as client:
        client.send(b"".join(adu(number, UNIT, READ) for number in (65534, 65535, 0, 0)))
        for number in (65534, 65535, 0, 0):
            assert is_answer(client.receive(), number)


def r_05_the_longest_frames_fit(target):
    registers = struct.pack(">BHHB", 16, 0, 123, 246) + bytes(246)
    echo = struct.pack(">BH", 8, 0) + bytes(250)
    with target.connect() as client:
        for pdu in (registers, echo):
            answer = client.ask(UNIT, pdu)
            assert answer[0] & 0x7F == pdu[0], answer.hex()


def r_05_units_are_copied_and_one_that_is_missing_is_0a(target):
    with target.connect() as client:
        for unit in (0, UNIT, 255):
            assert client.ask(unit, READ)[0] & 0x7F == 3, unit
        assert client.ask(MISSING_UNIT, READ) == bytes([0x83, 0x0A])


def r_05_more_requests_than_are_taken_are_answered_06(target):
    with target.connect() as client:
        count = 40
        client.send(b"".join(adu(number, UNIT, READ) for number in range(count)))
        answers = [client.receive() for _ in range(count)]
        assert sorted(answer[0] for answer in answers) == list(range(count))
        assert all(answer[2][0] == 3 or answer[2] == bytes([0x83, 6]) for answer in answers), answers


def r_05_the_seventeenth_request_at_once_is_answered_06(target):
    if not target.takes_all_before_it_answers:
        return "(left out: this target may answer some before it has read all)"
    with target.connect() as client:
        for count in (16, 17):
            client.send(b"".join(adu(number, UNIT, READ) for number in range(count)))
            answers = dict(client.receive()[::2] for _ in range(count))
            busy = [number for number, pdu in answers.items() if pdu == bytes([0x83, 6])]
            assert len(answers) == count and busy == list(range(16, count)), (count, busy)
    return None


# Each with the exceptions that are right for it.
MALFORMED = {
    "0300000000": {3},
    "030000007E": {3},
    "03FFFF0002": {2},
    "0100000000": {3},
    "01000007D1": {3},
    "0500000001": {3},
    "0F000000080200 00": {3},
    "0F0000000901FF": {3},
    "1000000002020000": {3},
    "10000000010400000000": {3},
    "1000000001030000 00": {3},
    "1000000000 00": {3},
    "10FFFF000204 00000000": {2},
    "1600000000": {3},
    "17000000010000000204 0000": {3},
    "170000007E00000001020000": {3},
    "17000000010000007AF4": {3},
    "1400": {3, 1},
    "140706000100000000": {3, 1},
    "140706000100000001 00": {3, 1},
    "14070600010000FFFF": {3, 1},
    "15090600010000000200 00": {3, 1},
    "15FB0600010000FFFF": {3, 1},
    "18": {3, 1},
    "2B": {3, 1},
    "2B0E": {3},
    "2B0E0000": {3},
    "2B0E0500": {3},
    "2B0D0100": {1},
    "08000000": {3, 1},
    "0863640000": {1},
    "00": {1},
    "64": {1},
    "FF": {1},
}


def r_05_malformed_requests_are_answered_in_the_order_of_the_state_diagrams(target):
    with target.connect() as client:
        for text, exceptions in MALFORMED.items():
            pdu = bytes.fromhex(text)
            answer = client.ask(UNIT, pdu)
            assert len(answer) == 2 and answer[0] == pdu[0] | 0x80 and answer[1] in exceptions, (text, answer.hex())


def r_05_random_requests_are_all_answered(target):
    chance = random.Random(36)
    functions = [1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 15, 16, 17, 20, 21, 22, 23, 24, 43, 100, 127]
    with target.connect() as client:
        for number in range(500):
            pdu = bytes([chance.choice(functions)]) + chance.randbytes(chance.choice([0, 1, 4, 5, 9, 60, 252]))
            client.send(adu(number, UNIT, pdu))
            transaction, unit, answer = client.receive()
            assert (transaction, unit) == (number, UNIT) and answer[0] & 0x7F == pdu[0], (pdu.hex(), answer.hex())


def r_48_random_bytes_instead_of_tls_end_the_connection(target):
    chance = random.Random(37)
    for _ in range(20):
        with socket.create_connection(target.address, timeout=20) as connection:
            try:
                connection.sendall(b"\x16" + chance.randbytes(300))
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass
            except OSError:
                pass
    with target.connect() as client:
        assert client.ask(UNIT, READ)[0] == 3


TESTS = [
    r_05_a_length_no_frame_has_ends_the_connection,
    r_05_a_length_that_lies_is_a_malformed_request,
    r_05_another_protocol_is_discarded_in_silence,
    r_05_a_frame_split_at_any_byte_is_one_frame,
    r_05_frames_in_one_record_are_answered_one_by_one,
    r_05_the_longest_frames_fit,
    r_05_units_are_copied_and_one_that_is_missing_is_0a,
    r_05_more_requests_than_are_taken_are_answered_06,
    r_05_the_seventeenth_request_at_once_is_answered_06,
    r_05_malformed_requests_are_answered_in_the_order_of_the_state_diagrams,
    r_05_random_requests_are_all_answered,
    r_48_random_bytes_instead_of_tls_end_the_connection,
]
