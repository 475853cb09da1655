"""Clients of the gateway, good and bad, over real TLS: Python's ssl, pymodbus and openssl s_client.

gateway_client.py PORT all|limits|write: works on the certificates in pki/ of the current folder; see gateway.sh for the policy. Names of
checks begin with the requirement of MODBUS/TCP Security v36 they are about."""

import asyncio
import os
import socket
import ssl
import struct
import subprocess
import sys
import time

PORT = int(sys.argv[1])
PATIENCE = 30
SETPOINT = 16


def context(name, version=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations("pki/ca.pem")
    if name:
        made.load_cert_chain(f"pki/{name}.pem", f"pki/{name}.key")
    if version:
        made.minimum_version = made.maximum_version = version
    return made


class Client:
    def __init__(self, name="operator/anna", version=None):
        plain = socket.create_connection(("127.0.0.1", PORT), timeout=PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls = context(name, version).wrap_socket(plain, server_hostname="localhost")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tls.close()

    def exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.tls.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def receive(self):
        transaction, protocol, length, unit = struct.unpack(">HHHB", self.exactly(7))
        assert protocol == 0, protocol
        return transaction, unit, self.exactly(length - 1)

    def ask(self, pdu, unit=1, transaction=7):
        self.tls.sendall(frame(pdu, unit, transaction))
        back, back_unit, answer = self.receive()
        assert (back, back_unit) == (transaction, unit), (back, back_unit)
        return answer

    def is_closed(self):
        try:
            return self.tls.recv(1) == b""
        except (ConnectionError, ssl.SSLError):
            return True


def frame(pdu, unit=1, transaction=7, protocol=0, length=None):
    length = 1 + len(pdu) if length is None else length
    return struct.pack(">HHHB", transaction, protocol, length, unit) + pdu


def read(address, quantity, function=3):
    return struct.pack(">BHH", function, address, quantity)


def write(address, value):
    return struct.pack(">BHH", 6, address, value)


def denied(function):
    return bytes([function | 0x80, 1])


def need(condition, what):
    if not condition:
        sys.exit(f"FAILED: {what}")
    print(f"ok: {what}", flush=True)


def roles():
    with Client() as anna:
        need(anna.ask(read(0, 2))[:2] == b"\x03\x04", "R-30: a role reads what its rule says")
        need(anna.ask(read(0, 2, 1)) [:2] == b"\x01\x01", "R-30: coils, too")
        need(anna.ask(read(95, 6)) == denied(3), "R-31: a range past the rule's end is denied with a bare 01")
        need(anna.ask(write(SETPOINT, 801)) == denied(6), "R-31: a value past the rule's limits")
        (before,) = struct.unpack(">H", anna.ask(read(SETPOINT, 1))[2:])
        now = before - 40
        need(anna.ask(write(SETPOINT, now)) == write(SETPOINT, now), f"R-30: a write that is allowed, {before} to {now}")
        need(anna.ask(read(SETPOINT, 1)) == b"\x03\x02" + struct.pack(">H", now), "and it is there")
        need(anna.ask(write(SETPOINT, now + 61)) == denied(6), "a change past the rule's maximum")
        need(anna.ask(read(SETPOINT, 1)) == b"\x03\x02" + struct.pack(">H", now), "and nothing was written")
        need(anna.ask(struct.pack(">BHHHHBH", 0x17, 0, 1, 200, 1, 2, 1)) == denied(0x17), "17 must pass both rules")
        need(anna.ask(struct.pack(">BHHH", 0x16, SETPOINT, 0, 10)) == denied(0x16), "16 is a write, by its result")
        need(anna.ask(bytes([99, 0])) == denied(99), "an unknown function code is 01")
        need(anna.ask(read(0, 1), unit=9) == denied(3), "a unit without a rule is denied")
        need(anna.ask(read(0, 1), unit=77) == b"\x83\x0a", "a unit that nobody has is 0A")
        need(anna.ask(read(500, 1), unit=2) == b"\x83\x02", "the PLC's own exceptions come through")
    for name in ("bridge/bob", "bad/bridge/two-roles", "bad/bridge/role-not-utf8string"):
        with Client(name) as stranger:
            for pdu in (read(0, 1), write(SETPOINT, 1), bytes([99]), read(0, 126)):
                need(stranger.ask(pdu) == denied(pdu[0]), f"R-23: {name} has no role: {pdu.hex()}")
            need(stranger.ask(read(3, 1, 4)) [:2] == b"\x04\x02", f"R-23: {name} has the rights of no role")
    with Client() as anna, Client("bridge/bob") as bob:
        need(anna.ask(read(0, 1)) != denied(3) and bob.ask(read(0, 1)) == denied(3), "two roles at once")


def framing():
    good = frame(read(0, 1), transaction=0xffff)
    with Client() as client:
        for split in range(1, len(good)):
            client.tls.sendall(good[:split])
            client.tls.sendall(good[split:])
            assert client.receive()[0] == 0xffff, split
        need(True, "R-05: a frame split at every byte")
        client.tls.sendall(b"".join(frame(read(0, 1), transaction=n) for n in range(16)))
        need(sorted(client.receive()[0] for _ in range(16)) == list(range(16)), "16 requests in one record")
        client.tls.sendall(frame(read(0, 1), protocol=7) + frame(read(0, 1), transaction=5))
        need(client.receive()[0] == 5, "another protocol's frame is ignored")
        need(client.ask(read(0, 0)) == b"\x83\x03", "quantity 0 is 03")
        need(client.ask(read(65535, 2)) == b"\x83\x02", "addresses past the end are 02")
        need(client.ask(struct.pack(">BHHBH", 16, SETPOINT, 2, 2, 5)) == b"\x90\x03", "byte count against quantity")
    for length in (0, 1, 255, 256, 65535):
        with Client() as client:
            client.tls.sendall(frame(read(0, 1), length=length))
            need(client.is_closed(), f"a length of {length} closes the connection")
    for number in (1, 253):
        with Client() as client:
            client.tls.sendall(frame(bytes([3]) + bytes(number - 1)))
            need(client.receive()[2] == b"\x83\x03", f"a PDU of {number} bytes that is none is 03")


def pipelining():
    with Client() as client:
        client.tls.sendall(b"".join(frame(read(0, 1), transaction=n) for n in range(200)))
        answers = dict(client.receive()[::2] for _ in range(200))
        need(len(answers) == 200, "every one of 200 requests at once is answered")
        need(set(answers.values()) - {b"\x83\x06"}, "some with values")
        need(b"\x83\x06" in answers.values(), "what is past 16 is 06")
        need(client.ask(read(0, 1))[:2] == b"\x03\x02", "and the session goes on")


def certificates():
    for name in ("bad/bridge/expired", "bad/bridge/revoked", "bad/bridge/unknown-ca", "bad/bridge/wrong-usage"):
        try:
            with Client(name, ssl.TLSVersion.TLSv1_2):
                need(False, f"{name} is refused")
        except (ssl.SSLError, ConnectionError):
            need(True, f"{name} is refused")
    try:
        Client(None, ssl.TLSVersion.TLSv1_2)
        need(False, "R-10: no certificate")
    except ssl.SSLError as error:
        need("HANDSHAKE_FAILURE" in str(error).upper(), "R-10: no certificate is a fatal alert")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with Client(version=version) as client:
            need(client.ask(read(0, 1))[:2] == b"\x03\x02", f"R-01: {client.tls.version()}")


def openssl():
    command = ["openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{PORT}", "-CAfile", "pki/ca.pem", "-cert",
               "pki/operator/anna.pem", "-key", "pki/operator/anna.key", "-verify_return_error", "-tls1_2"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        client.stdin.write(frame(read(0, 2)))
        client.stdin.flush()
        answer = b""
        while len(answer) < 13:
            more = os.read(client.stdout.fileno(), 13 - len(answer))
            assert more, "openssl s_client got no answer"
            answer += more
        need(answer[:9] == bytes.fromhex("00070000000701") + b"\x03\x04", "openssl s_client reads two registers")
        client.kill()


async def pymodbus():
    try:
        from pymodbus.client import AsyncModbusTlsClient
        from pymodbus.transaction import ModbusSocketFramer
    except ImportError:
        print("skipped: no pymodbus")
        return
    client = AsyncModbusTlsClient("127.0.0.1", port=PORT, framer=ModbusSocketFramer, sslctx=context("operator/anna"),
                                  server_hostname="localhost")
    await client.connect()
    deadline = time.monotonic() + PATIENCE
    while client.protocol is None and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    answers = await asyncio.gather(*(client.read_holding_registers(0, 5, slave=1) for _ in range(10)))
    need(all(len(answer.registers) == 5 for answer in answers), "pymodbus reads, ten at once")
    setpoint = (await client.read_holding_registers(SETPOINT, 1, slave=1)).registers[0]
    written = await client.write_register(SETPOINT, setpoint + 10, slave=1)
    need(not written.isError(), "pymodbus writes")
    refused = await client.write_register(SETPOINT, 900, slave=1)
    need(refused.isError() and refused.exception_code == 1, "pymodbus is told of a denial")
    await client.close()


def limits():
    """With limits of 2 sessions an identity, and half a second for a handshake and for a frame."""
    first, second = Client("operator/carl"), Client("operator/carl")
    need(first.ask(read(0, 1))[:2] == b"\x03\x02" and second.ask(read(0, 1))[:2] == b"\x03\x02", "two sessions")
    with Client("operator/carl") as third:
        need(first.is_closed(), "a third closes the one that is unused for longest")
        need(second.ask(read(0, 1))[:2] == b"\x03\x02" and third.ask(read(0, 1))[:2] == b"\x03\x02", "and no other")
        second.tls.sendall(frame(read(0, 1))[:9])
        need(second.is_closed(), "a frame that is not finished closes its session")
        need(third.ask(read(0, 1))[:2] == b"\x03\x02", "and no other")
    stalled = socket.create_connection(("127.0.0.1", PORT), timeout=PATIENCE)
    stalled.sendall(b"\x16\x03\x01")
    need(stalled.recv(1) == b"", "a handshake that is not finished is closed")


def write_answer():
    """Writes the setpoint as it is, and prints the exception, if there is one."""
    with Client("operator/carl") as client:
        answer = client.ask(read(SETPOINT, 1))
        need(answer[0] == 3, "reads go on")
        answer = client.ask(bytes([6, 0, SETPOINT]) + answer[2:])
        print("exception", answer[1] if answer[0] & 0x80 else 0)


def everything():
    roles()
    framing()
    pipelining()
    certificates()
    openssl()
    asyncio.run(pymodbus())


{"all": everything, "limits": limits, "write": write_answer}[sys.argv[2]]()
