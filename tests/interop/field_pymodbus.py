"""The field side reads a pymodbus server it has never seen: every type and order, holes, and a restart."""

import asyncio
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.environ["BOURDON_SOURCE"], "tests", "support"))
from field_print import FieldPrint, is_good
from plcsim import run_tests

from pymodbus.constants import Endian
from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.payload import BinaryPayloadBuilder
from pymodbus.server.async_io import ModbusTcpServer

ORDERS_32 = {"ABCD": (False, False), "CDAB": (True, False), "BADC": (False, True), "DCBA": (True, True)}
ORDERS_64 = {
    "ABCDEFGH": (False, False),
    "GHEFCDAB": (True, False),
    "BADCFEHG": (False, True),
    "HGFEDCBA": (True, True),
}
VALUES_32 = {"float32": ("add_32bit_float", 12.5625), "int32": ("add_32bit_int", -123456789), "uint32": ("add_32bit_uint", 4000000001)}
VALUES_64 = {
    "float64": ("add_64bit_float", -1234.0000152587890625),
    "int64": ("add_64bit_int", -9007199254740993),
    "uint64": ("add_64bit_uint", 18446744073709551615),
}


class Server:
    """A pymodbus server in a thread. `blocks` are address → values, for holding registers of unit 1."""

    def __init__(self, blocks, port=0):
        self.block = ModbusSparseDataBlock(blocks)
        bits = ModbusSparseDataBlock({100: [1, 0, 1, 1]})
        slave = ModbusSlaveContext(hr=self.block, ir=self.block, co=bits, di=bits, zero_mode=True)
        self.context = ModbusServerContext(slaves={1: slave}, single=False)
        self.port = port
        self.ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True)

    async def serve(self):
        self.loop = asyncio.get_running_loop()
        server = ModbusTcpServer(self.context, address=("127.0.0.1", self.port), allow_reuse_address=True)
        self.stopping = asyncio.Event()
        serving = asyncio.ensure_future(server.serve_forever())
        while server.server is None or not server.server.sockets:
            await asyncio.sleep(0.01)
        self.port = server.server.sockets[0].getsockname()[1]
        self.ready.set()
        await self.stopping.wait()
        await server.shutdown()
        serving.cancel()

    def __enter__(self):
        self.thread.start()
        assert self.ready.wait(10)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stopping.set)
        self.thread.join(10)


def swap_bytes(registers):
    return [(r & 0xFF) << 8 | r >> 8 for r in registers]


def encode(adder, value, words_swapped, bytes_swapped):
    builder = BinaryPayloadBuilder(byteorder=Endian.Big, wordorder=Endian.Little if words_swapped else Endian.Big)
    getattr(builder, adder)(value)
    registers = builder.to_registers()
    return swap_bytes(registers) if bytes_swapped else registers


def link(port, tags, unit=""):
    lines = "".join(f"          - {{{tag}, rate: 50ms}}\n" for tag in tags)
    return (
        f"  - name: pymodbus\n    url: tcp://127.0.0.1:{port}\n    reconnect_max: 200ms\n"
        f"    units:\n      - id: 1\n{unit}        tags:\n{lines}"
    )


def every_type_in_every_order():
    blocks, tags, wanted, address = {}, [], {}, 0
    for values, orders in ((VALUES_32, ORDERS_32), (VALUES_64, ORDERS_64)):
        for kind, (adder, value) in values.items():
            for order, swapped in orders.items():
                registers = encode(adder, value, *swapped)
                blocks[address] = registers
                tags.append(f"name: {kind}-{order}, table: holding, address: {address}, type: {kind}, word_order: {order}")
                wanted[f"{kind}-{order}"] = value
                address += len(registers)
    blocks[address] = [0x1234, 0x4321, 0x5678] + [0x626F, 0x696C, 0x6572] + [0x0800, 65000 + 500, 65535]
    tags += [
        f"name: bcd16, table: input, address: {address}, type: bcd16",
        f"name: bcd32, table: input, address: {address + 1}, type: bcd32",
        f"name: text, table: input, address: {address + 3}, type: string, length: 6",
        f"name: bit, table: input, address: {address + 6}, type: bool, bit: 11",
        f"name: scaled, table: input, address: {address + 7}, type: uint16, scale: 0.1, offset: -50",
        f"name: negative, reference: {300001 + address + 8}, type: int16",
        "name: coil, reference: '00103', type: bool",
        "name: contact, table: discrete, address: 101, type: bool",
    ]
    wanted |= {"bcd16": 1234, "bcd32": 43215678, "scaled": 6500.0, "negative": -1}
    texts = {"text": "boiler", "bit": "true", "coil": "true", "contact": "false"}
    with Server(blocks) as server, FieldPrint(link(server.port, tags)) as field:
        names = [*wanted, *texts]
        field.wait(lambda latest: all(is_good(latest.get(name)) for name in names), "all tags good")
        for name, value in wanted.items():
            read = field.latest[name].value
            assert (float if isinstance(value, float) else int)(read) == value, (name, read, value)
        for name, text in texts.items():
            assert field.latest[name].value == text, (name, field.latest[name], text)


def holes_cost_the_tags_in_them_alone():
    blocks = {0: [1, 2, 3], 4: [5, 6], 9: [10]}
    tags = [f"name: r{a}, table: holding, address: {a}, type: uint16" for a in range(10)]
    present = {a for first, values in blocks.items() for a in range(first, first + len(values))}
    with Server(blocks) as server, FieldPrint(link(server.port, tags, "        gap: 4\n")) as field:
        field.wait(lambda latest: len(latest) == 10, "all tags told")
        field.wait_for_more(50)
        for address in range(10):
            reading = field.latest[f"r{address}"]
            if address in present:
                assert is_good(reading) and int(reading.value) == address + 1, reading
            else:
                assert (reading.quality, reading.value) == ("bad_exception_02", ""), reading


def a_server_that_restarts_is_found_again():
    tags = ["name: r, table: holding, address: 0, type: uint16"]
    with Server({0: [7]}) as server:
        port = server.port
        field = FieldPrint(link(port, tags))
        field.wait(lambda latest: is_good(latest.get("r")), "good")
    field.wait(lambda latest: latest["r"].quality.startswith("bad"), "bad")
    assert field.latest["r"].value == ""
    with Server({0: [8]}, port):
        field.wait(lambda latest: is_good(latest.get("r")), "good again")
        assert field.latest["r"].value == "8"
        field.stop()


run_tests(
    [
        every_type_in_every_order,
        holes_cost_the_tags_in_them_alone,
        a_server_that_restarts_is_found_again,
    ]
)
