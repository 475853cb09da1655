"""Modbus clients that this project did not write, over TLS, and a dissector that judges what they are answered."""

import asyncio
import os
import shutil
import socket
import ssl
import struct
import subprocess
import threading

from plcsim import DEADLINE_S, adu, read_registers
from target import SETPOINT, UNIT, SecureClient

LEFT_OUT = "(left out: not installed)"


def context_of(target, role):
    context = ssl.create_default_context(cafile=target.pki.path("ca.pem"))
    context.load_cert_chain(target.pair(role) + ".pem", target.pair(role) + ".key")
    return context


def r_05_pymodbus_reads_and_writes(target):
    from pymodbus.client import AsyncModbusTlsClient
    from pymodbus.transaction import ModbusSocketFramer

    async def talk():
        host, port = target.address
        client = AsyncModbusTlsClient(
            host, port=port, framer=ModbusSocketFramer, sslctx=context_of(target, "operator"), server_hostname=host
        )
        await client.connect()
        written = await client.protocol.write_register(SETPOINT, 777, slave=UNIT)
        assert not written.isError(), written
        read = await client.protocol.read_holding_registers(SETPOINT, 1, slave=UNIT)
        assert read.registers == [777], read
        refused = await client.protocol.read_holding_registers(65000, 1, slave=UNIT)
        assert refused.exception_code == 2, refused
        await client.close()

    asyncio.run(asyncio.wait_for(talk(), DEADLINE_S))


def r_05_s_client_passes_frames(target):
    pair = target.pair("operator")
    command = ["openssl", "s_client", "-quiet", "-connect", "%s:%d" % target.address, "-cert", pair + ".pem"]
    command += ["-key", pair + ".key", "-CAfile", target.pki.path("ca.pem"), "-verify_return_error"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        client.stdin.write(adu(5, UNIT, read_registers(0, 1)))
        client.stdin.flush()
        answer = client.stdout.read(11)
        client.kill()
    assert answer[:9] == struct.pack(">HHHBBB", 5, 0, 5, UNIT, 3, 2), answer.hex()


def r_05_jsmodbus_reads_and_writes(target):
    folder = os.path.dirname(os.path.abspath(__file__))
    modules = os.path.join(os.environ["BOURDON_SOURCE"], "build", "peers", "node_modules")
    if not shutil.which("node") or not os.path.isdir(os.path.join(modules, "jsmodbus")):
        assert "BOURDON_PEERS_REQUIRED" not in os.environ, "scripts/install-peers.sh installs jsmodbus"
        return LEFT_OUT
    pair = target.pair("operator")
    host, port = target.address
    command = ["node", os.path.join(folder, "jsmodbus_client.js"), host, str(port), target.pki.path("ca.pem")]
    command += [pair + ".pem", pair + ".key", str(UNIT), str(SETPOINT), "765"]
    environment = {**os.environ, "NODE_PATH": modules}
    said = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, env=environment).stdout
    assert said == "read 765\nexception 2\n", said
    return None


STUNNEL = """
foreground = yes
pid =
[mbaps]
client = yes
accept = 127.0.0.1:{port}
connect = {target}
cert = {pair}.pem
key = {pair}.key
CAfile = {ca}
verifyChain = yes
checkIP = 127.0.0.1
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def r_05_libmodbus_behind_stunnel_reads_and_writes(target):
    if not shutil.which("stunnel") or not shutil.which("mbpoll"):
        return LEFT_OUT
    port, path = free_port(), target.pki.path("stunnel.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write(
            STUNNEL.format(
                port=port,
                target="%s:%d" % target.address,
                pair=target.pair("operator"),
                ca=target.pki.path("ca.pem"),
            )
        )
    with subprocess.Popen(["stunnel", path], stderr=subprocess.PIPE, text=True) as tunnel:
        try:
            for line in tunnel.stderr:
                if "Configuration successful" in line:
                    break
            command = ["mbpoll", "-m", "tcp", "-p", str(port), "-0", "-1", "-o", "5", "-a", str(UNIT), "-r", str(SETPOINT)]
            for arguments in (["127.0.0.1", "755"], ["-c", "1", "127.0.0.1"]):
                done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=DEADLINE_S)
                assert done.returncode == 0, done.stdout + done.stderr
            assert "755" in done.stdout, done.stdout
        finally:
            tunnel.kill()
    return None


class Recorder:
    """Passes one connection on to the target and writes it down as a capture file."""

    def __init__(self, target, path):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.target = target.address
        self.file = open(path, "wb")
        self.file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))  # raw IP
        self.lock = threading.Lock()
        self.sent = [1, 1]
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def note(self, side, data, flags=0x18):
        with self.lock:
            ports = (40000, 802) if side == 0 else (802, 40000)
            tcp = struct.pack(">HHIIBBHHH", *ports, self.sent[side], self.sent[1 - side], 0x50, flags, 65535, 0, 0)
            packet = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(data), 0, 0, 64, 6, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
            packet += tcp + data
            self.file.write(struct.pack("<IIII", sum(self.sent), 0, len(packet), len(packet)) + packet)
            self.sent[side] += len(data)

    def pump(self, source, sink, side):
        try:
            while data := source.recv(1400):
                self.note(side, data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve(self):
        client, _ = self.listener.accept()
        with client, socket.create_connection(self.target) as server:
            back = threading.Thread(target=self.pump, args=(server, client, 1))
            back.start()
            self.pump(client, server, 0)
            back.join()

    def close(self):
        self.thread.join(DEADLINE_S)
        self.listener.close()
        self.file.close()


def dissect(capture, keys):
    """Of each frame with Modbus in it, or with a fault: source port, bytes of Modbus, what is wrong."""
    command = ["tshark", "-r", capture, "-o", f"tls.keylog_file:{keys}", "-o", "tcp.check_checksum:FALSE"]
    command += ["-d", "tcp.port==802,tls", "-d", "tls.port==802,mbtcp", "-T", "fields", "-e", "tcp.srcport"]
    command += ["-e", "mbtcp.len", "-e", "_ws.malformed", "-Y", "mbtcp || _ws.malformed || _ws.expert.severity==error"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=DEADLINE_S).stdout
    return [line.split("\t") for line in said.splitlines()]


def r_05_wireshark_finds_no_malformed_frame(target):
    if not shutil.which("tshark"):
        return LEFT_OUT
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        capture, keys = target.pki.path("capture.pcap"), target.pki.path("keys.log")
        if os.path.exists(keys):
            os.remove(keys)
        recorder = Recorder(target, capture)
        pair = target.pair("operator")
        with SecureClient(target, pair, version=version, keylog=keys, address=recorder.address) as client:
            for number, pdu in enumerate((read_registers(0, 20), read_registers(0, 20, 4), read_registers(65000, 1))):
                client.ask(UNIT, pdu, number + 1)
            client.ask(UNIT, bytes.fromhex("2B0E0100"), 9)
        recorder.close()
        frames = dissect(capture, keys)
        assert sum(port == "802" for port, _, _ in frames) == 4, frames
        assert all(length and not malformed for _, length, malformed in frames), frames
    return None


TESTS = [
    r_05_pymodbus_reads_and_writes,
    r_05_jsmodbus_reads_and_writes,
    r_05_libmodbus_behind_stunnel_reads_and_writes,
    r_05_s_client_passes_frames,
    r_05_wireshark_finds_no_malformed_frame,
]
