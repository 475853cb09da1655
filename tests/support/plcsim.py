"""Runs bourdon-plcsim for a test, and speaks Modbus TCP to it byte by byte.

with Plcsim("--seed", "3") as plc:
    with RawClient(plc.address) as client:
        client.send(adu(1, 1, bytes.fromhex("0300000001")))
        print(client.receive())

Every wait has a deadline; a process that does not start or does not end fails the test.
"""

import json
import os
import re
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections import namedtuple

DEADLINE_S = 20

Served = namedtuple("Served", "served_us endpoint unit what table address sent items")


class Plcsim:
    def __init__(self, *arguments, listen="127.0.0.1:0"):
        self.folder = tempfile.TemporaryDirectory(prefix="bourdon-plcsim-")
        self.truth_path = os.path.join(self.folder.name, "truth.tsv")
        program = os.path.join(os.environ["BOURDON_BIN"], "bourdon-plcsim")
        command = [program, "--truth", self.truth_path, *arguments]
        if listen:
            command += ["--listen", listen]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.addresses = []
        self.lines = []
        self.started = threading.Event()
        self.reader = threading.Thread(target=self._read_log, daemon=True)
        self.reader.start()

    def _read_log(self):
        for line in self.process.stderr:
            self.lines.append(line)
            listening = re.search(r"event=listening address=(\S+)", line)
            if listening:
                self.addresses.append(listening.group(1).strip('"'))
            if "event=started" in line:
                self.started.set()

    def __enter__(self):
        if not self.started.wait(DEADLINE_S):
            self.process.kill()
            raise AssertionError("bourdon-plcsim did not start: " + "".join(self.lines))
        return self

    def __exit__(self, kind, value, trace):
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            self.folder.cleanup()

    @property
    def address(self):
        """Host and port of the first endpoint."""
        return split(self.addresses[0])

    def stop(self):
        """Ends it the way a service manager does; it must take notice."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("bourdon-plcsim does not end on SIGTERM") from None
        self.reader.join(DEADLINE_S)
        assert status == 0, f"exit status {status}: " + "".join(self.lines)

    def truth(self):
        """What it says it served, after stop()."""
        with open(self.truth_path, encoding="ascii") as file:
            rows = [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")]
        return [
            Served(int(row[0]), row[1], int(row[2]), row[3], row[4], int(row[5]), row[6], row[7]) for row in rows
        ]


def split(address):
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def adu(transaction, unit, pdu, protocol=0, length=None):
    return struct.pack(">HHHB", transaction, protocol, len(pdu) + 1 if length is None else length, unit) + pdu


def read_registers(address, count, function=3):
    return struct.pack(">BHH", function, address, count)


class RawClient:
    """One TCP connection without any Modbus logic of its own."""

    def __init__(self, address, timeout=DEADLINE_S):
        self.socket = socket.create_connection(address, timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def receive_exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise EOFError(data)
            data += more
        return data

    def receive(self):
        """The next ADU as (transaction, unit, PDU)."""
        transaction, protocol, length, unit = struct.unpack(">HHHB", self.receive_exactly(7))
        assert protocol == 0, f"protocol identifier {protocol}"
        return transaction, unit, self.receive_exactly(length - 1)

    def ask(self, unit, pdu, transaction=1):
        self.send(adu(transaction, unit, pdu))
        answer = self.receive()
        assert answer[:2] == (transaction, unit), answer
        return answer[2]

    def is_silent_for(self, seconds):
        """Whether nothing arrives, and nothing ends, meanwhile."""
        before = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(1, socket.MSG_PEEK)
            return False
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(before)


def control(path, request):
    """Asks the process behind a control socket; its answer is JSON."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(DEADLINE_S)
        connection.connect(path)
        connection.sendall(request.encode() + b"\n")
        return json.loads(connection.makefile().read())


def eventually(condition, what, deadline_s=DEADLINE_S):
    """Waits until the condition holds."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.01)


def has_terminals():
    """A root fresh from debootstrap has no pseudo terminals until somebody mounts devpts."""
    try:
        for descriptor in os.openpty():
            os.close(descriptor)
        return True
    except OSError:
        return False


def needs_terminals(test):
    """Marks a test that is left out where there are no pseudo terminals."""
    test.needs_terminals = True
    return test


def run_tests(tests):
    """Runs functions one after the other and says which failed."""
    for test in tests:
        left_out = getattr(test, "needs_terminals", False) and not has_terminals()
        print(test.__name__, "(left out: no pseudo terminals)" if left_out else "", flush=True)
        if not left_out:
            test()
