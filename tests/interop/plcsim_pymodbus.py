"""pymodbus, an independent client, reads and writes the simulator, and the truth file agrees with it."""

import os
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.environ["BOURDON_SOURCE"], "tests", "support"))
from plcsim import Plcsim, needs_terminals, run_tests

from pymodbus.client import ModbusSerialClient, ModbusTcpClient
from pymodbus.constants import Endian
from pymodbus.mei_message import ReadDeviceInformationRequest
from pymodbus.other_message import ReportSlaveIdRequest
from pymodbus.payload import BinaryPayloadDecoder

SETPOINT = 16


def connect(plc):
    client = ModbusTcpClient(plc.address[0], port=plc.address[1], timeout=10)
    assert client.connect()
    return client


def decoder(registers, byte, word):
    return BinaryPayloadDecoder.fromRegisters(registers, byteorder=byte, wordorder=word)


def one_pressure_stands_in_every_encoding():
    with Plcsim() as plc:
        client = connect(plc)
        for read in (client.read_holding_registers, client.read_input_registers):
            for unit in (1, 2, 3):
                words = read(0, 20, slave=unit).registers
                abcd = decoder(words[2:4], Endian.Big, Endian.Big).decode_32bit_float()
                cdab = decoder(words[4:6], Endian.Big, Endian.Little).decode_32bit_float()
                assert abcd == cdab, (abcd, cdab)
                badc = struct.unpack(">f", struct.pack("<HH", *words[6:8]))[0]
                dcba = struct.unpack("<f", struct.pack(">HH", *words[8:10]))[0]
                assert badc == abcd and dcba == abcd, (abcd, badc, dcba)
                assert words[0] == round(abcd * 100), (words[0], abcd)
                pascal = decoder(words[10:12], Endian.Big, Endian.Big).decode_32bit_uint()
                swapped = decoder(words[12:14], Endian.Big, Endian.Little).decode_32bit_uint()
                assert abs(pascal - abcd * 100000) <= 1 and swapped == pascal, (pascal, swapped, abcd)
                deviation = decoder(words[1:2], Endian.Big, Endian.Big).decode_16bit_int()
                assert abs(deviation - (words[0] - words[SETPOINT])) <= 1, words
        client.close()


def a_setpoint_is_written_and_acts():
    with Plcsim() as plc:
        client = connect(plc)
        assert not client.write_register(SETPOINT, 450, slave=1).isError()
        assert client.read_holding_registers(SETPOINT, 1, slave=1).registers == [450]
        assert not client.write_registers(SETPOINT, [350], slave=1).isError()
        assert client.read_input_registers(SETPOINT, 1, slave=1).registers == [350]
        assert not client.mask_write_register(SETPOINT, 0xFFFF, 0, slave=1).isError()
        end = time.monotonic() + 20
        while client.read_holding_registers(0, 1, slave=1).registers[0] > 700:
            assert time.monotonic() < end, "the pressure does not follow the setpoint"
            time.sleep(0.05)
        client.close()


def coils_are_written_and_read():
    with Plcsim() as plc:
        client = connect(plc)
        assert not client.write_coil(0, True, slave=1).isError()
        assert client.read_coils(0, 8, slave=1).bits[0]
        assert not client.write_coils(0, [False, True], slave=1).isError()
        assert client.read_coils(0, 8, slave=1).bits[:2] == [False, True]
        assert client.read_discrete_inputs(0, 8, slave=1).bits[1]
        client.close()


def refuses_with_the_right_exception():
    with Plcsim() as plc:
        client = connect(plc)
        assert client.read_holding_registers(30, 100, slave=1).exception_code == 2
        assert client.write_register(0, 1, slave=1).exception_code == 2
        assert client.write_coil(2, True, slave=1).exception_code == 2
        assert client.read_holding_registers(0, 1, slave=99).exception_code == 10
        assert client.execute(ReportSlaveIdRequest(slave=1)).exception_code == 1
        client.close()


def says_what_it_is():
    with Plcsim() as plc:
        client = connect(plc)
        answer = client.execute(ReadDeviceInformationRequest(read_code=1, slave=1))
        assert answer.information[0] == b"Bourdon" and answer.information[1] == b"plcsim", answer.information
        client.close()


def the_truth_holds_every_value_served_at_its_time():
    with Plcsim("--seed", "9") as plc:
        client = connect(plc)
        seen = []
        for _ in range(200):
            sent_us = time.time_ns() // 1000
            registers = client.read_input_registers(0, 20, slave=2).registers
            seen.append((sent_us, time.time_ns() // 1000, "".join(f"{word:04x}" for word in registers)))
        client.close()
        plc.stop()
        served = plc.truth()
        assert len(served) == len(seen)
        for (sent_us, received_us, items), row in zip(seen, served):
            assert sent_us <= row.served_us <= received_us, (sent_us, row, received_us)
            assert row.items == items, (items, row)
            assert (row.unit, row.what, row.table, row.address, row.sent) == (2, "read", "input", 0, "good"), row
            assert row.endpoint == plc.addresses[0], row


@needs_terminals
def a_serial_line_is_read_and_written():
    with tempfile.TemporaryDirectory() as folder:
        line = os.path.join(folder, "line")
        with Plcsim(listen="rtu:" + line) as plc:
            client = ModbusSerialClient(line, baudrate=115200, timeout=5)
            assert client.connect()
            assert not client.write_register(SETPOINT, 321, slave=2).isError()
            words = client.read_holding_registers(0, 20, slave=2).registers
            assert words[SETPOINT] == 321, words
            assert client.read_coils(0, 8, slave=1).bits == [False] * 8
            client.close()
            plc.stop()
            assert plc.truth()[1].items == "".join(f"{word:04x}" for word in words)
        assert not os.path.lexists(line)


@needs_terminals
def a_slow_line_takes_its_time():
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as scenario:
        scenario.write("endpoints: [{listen: 'rtu:', baud: 1200, units: [{id: 1, vessels: [{count: 2}]}]}]\n")
        scenario.flush()
        with Plcsim("-c", scenario.name, listen=None) as plc:
            client = ModbusSerialClient(plc.addresses[0], baudrate=115200, timeout=10)
            assert client.connect()
            begin = time.monotonic()
            assert len(client.read_holding_registers(0, 40, slave=1).registers) == 40
            on_the_line = 8 + 85  # bytes of request and answer, 11 bits each
            assert time.monotonic() - begin >= on_the_line * 11 / 1200
            client.close()


run_tests(
    [
        one_pressure_stands_in_every_encoding,
        a_setpoint_is_written_and_acts,
        coils_are_written_and_read,
        refuses_with_the_right_exception,
        says_what_it_is,
        the_truth_holds_every_value_served_at_its_time,
        a_serial_line_is_read_and_written,
        a_slow_line_takes_its_time,
    ]
)
