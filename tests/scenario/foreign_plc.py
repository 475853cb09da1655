"""A Modbus TCP server of pymodbus on a free port, with known values; prints the port when it listens."""

import asyncio

from pymodbus.constants import Endian
from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.payload import BinaryPayloadBuilder
from pymodbus.server.async_io import ModbusTcpServer


def registers():
    builder = BinaryPayloadBuilder(byteorder=Endian.Big, wordorder=Endian.Big)
    builder.add_32bit_float(12.5625)
    builder.add_32bit_int(-123456789)
    builder.add_16bit_uint(65535)
    builder.add_16bit_int(-1)
    return builder.to_registers()


async def main():
    values = ModbusSparseDataBlock({100: registers()})
    bits = ModbusSparseDataBlock({10: [True, False, True]})
    unit = ModbusSlaveContext(hr=values, ir=values, co=bits, di=bits, zero_mode=True)
    server = ModbusTcpServer(ModbusServerContext(slaves={7: unit}, single=False), address=("127.0.0.1", 0))
    serving = asyncio.ensure_future(server.serve_forever())
    while server.server is None or not server.server.sockets:
        await asyncio.sleep(0.01)
    print(f"event=listening port={server.server.sockets[0].getsockname()[1]} .", flush=True)
    await serving


asyncio.run(main())
