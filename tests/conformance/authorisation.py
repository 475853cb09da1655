"""Who may do what: a denial is exception 01 with nothing else, and nothing of the request is done."""

import struct

from plcsim import read_registers
from target import SETPOINT, UNIT


def write_one(address, value):
    return struct.pack(">BHH", 6, address, value)


def write_many(address, *values):
    return struct.pack(">BHHB", 16, address, len(values), 2 * len(values)) + struct.pack(f">{len(values)}H", *values)


def mask(address, and_mask, or_mask):
    return struct.pack(">BHHH", 22, address, and_mask, or_mask)


def read_write(read_at, read_count, write_at, *values):
    head = struct.pack(">BHHHHB", 23, read_at, read_count, write_at, len(values), 2 * len(values))
    return head + struct.pack(f">{len(values)}H", *values)


def denied(pdu):
    return bytes([pdu[0] | 0x80, 0x01])


def setpoint(target):
    with target.connect() as client:
        return struct.unpack(">H", client.ask(UNIT, read_registers(SETPOINT, 1))[2:])[0]


def r_17_r_18_r_27_a_role_may_what_its_rules_say(target):
    with target.connect() as operator:
        assert operator.ask(UNIT, write_one(SETPOINT, 750)) == write_one(SETPOINT, 750)
    with target.connect("reader") as reader:
        assert reader.ask(UNIT, read_registers(0, 20))[0] == 3
    with target.connect("tuner") as tuner:
        assert tuner.ask(UNIT, read_registers(0, 20))[0] == 3
        assert tuner.ask(UNIT, write_one(SETPOINT, 740)) == write_one(SETPOINT, 740)
    assert setpoint(target) == 740


def r_31_every_kind_of_write_is_denied_to_a_reader(target):
    before = setpoint(target)
    with target.connect("reader") as reader:
        for pdu in (
            write_one(SETPOINT, 1),
            write_many(SETPOINT, 1),
            mask(SETPOINT, 0, 0xFFFF),
            read_write(0, 1, SETPOINT, 1),
            bytes.fromhex("050000FF00"),
            bytes.fromhex("0F0000000201 03".replace(" ", "")),
        ):
            assert reader.ask(UNIT, pdu) == denied(pdu), pdu.hex()
        assert reader.ask(UNIT, read_registers(SETPOINT, 1))[0] == 3
    assert setpoint(target) == before


def r_31_a_range_across_the_border_is_denied_as_a_whole(target):
    before = setpoint(target)
    with target.connect("tuner") as tuner:
        for pdu in (
            read_registers(0, 21),
            read_registers(19, 2),
            write_many(15, 1, 1),
            write_many(SETPOINT, 1, 1, 1),
            write_one(15, 1),
        ):
            assert tuner.ask(UNIT, pdu) == denied(pdu), pdu.hex()
    assert setpoint(target) == before


def r_31_function_23_must_pass_both_rules(target):
    with target.connect("tuner") as tuner:
        for pdu in (read_write(0, 21, SETPOINT, 1), read_write(0, 1, 15, 1)):
            assert tuner.ask(UNIT, pdu) == denied(pdu), pdu.hex()
        assert tuner.ask(UNIT, read_write(0, 1, SETPOINT, 730))[0] == 23
    assert setpoint(target) == 730


def r_31_an_unknown_function_is_01_for_everybody(target):
    for role in ("operator", "reader", "no-role"):
        with target.connect(role) as client:
            assert client.ask(UNIT, bytes([0x64])) == bytes([0xE4, 0x01])


def r_30_two_sessions_each_have_their_own_role(target):
    with target.connect("reader") as reader, target.connect("operator") as operator:
        for value in (700, 710, 720):
            pdu = write_one(SETPOINT, value)
            assert reader.ask(UNIT, write_one(SETPOINT, 1)) == denied(pdu)
            assert operator.ask(UNIT, pdu) == pdu
    assert setpoint(target) == 720


TESTS = [
    r_17_r_18_r_27_a_role_may_what_its_rules_say,
    r_31_every_kind_of_write_is_denied_to_a_reader,
    r_31_a_range_across_the_border_is_denied_as_a_whole,
    r_31_function_23_must_pass_both_rules,
    r_31_an_unknown_function_is_01_for_everybody,
    r_30_two_sessions_each_have_their_own_role,
]
