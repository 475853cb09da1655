#!/usr/bin/env python3
"""Many clients of the gateway before a device that is slow, answers in any order, says things twice and hangs up in the
middle, while the bridge is told to reload. An oracle knows which values the device held when: each answer is one that
its register had between request and answer, what a client has written it finds again, no write reaches the device
twice, and each one that did is on record. And: polls keep their half of a slow line. gateway_truth.py [SECONDS]."""

import bisect
import contextlib
import json
import os
import random
import shutil
import socket
import ssl
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ["BOURDON_SOURCE"], "tests", "conformance"))
from target import POLICY, UNIT, Pki, gateway_before, read  # finds tests/support for the next

from authorisation import write_one
from plcsim import DEADLINE_S, adu, read_registers

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 4
REGISTERS = 24
LIMITS = "per_identity: 50, per_address: 100, answer_timeout: 3s"
LOST = (OSError, EOFError, ssl.SSLError)
NO_ANSWER = 0x0B
READ, WRITE = 3, 6


class Device:
    """Remembers every value of every register with the time since when it holds. Values are never used twice."""

    def __init__(self):
        self.lock = threading.Lock()
        self.times = [[0.0] for _ in range(REGISTERS)]
        self.values = [[register] for register in range(REGISTERS)]
        self.written = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection = self.listener.accept()[0]
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(OSError), connection:
                received = b""
                while more := connection.recv(4096):
                    received += more
                    requests = []
                    while len(received) >= 12:
                        requests.append(received[:12])
                        received = received[12:]
                    if requests and not self.answer_all(connection, requests):
                        break

    def execute(self, request):
        """The answer to a request, which is carried out now."""
        _, _, _, unit, function, address, operand = struct.unpack(">HHHBBHH", request)
        with self.lock:
            if function == WRITE:
                self.written.append(operand)
                self.values[address].append(operand)
                self.times[address].append(time.monotonic())
                return request
            values = [self.values[register][-1] for register in range(address, address + operand)]
        pdu = struct.pack(f">BB{operand}H", function, 2 * operand, *values)
        return request[:4] + struct.pack(">HB", 1 + len(pdu), unit) + pdu

    def held(self, register, value, begin, end):
        """Whether the register had the value at any time between."""
        with self.lock:
            times, values = self.times[register], self.values[register]
            first = bisect.bisect_right(times, begin) - 1
            last = bisect.bisect_right(times, end)
            return value in values[first:last]

    def place(self, register, value):
        with self.lock:
            return self.values[register].index(value)


class HostileDevice(Device):
    chance = random.Random("hostile")

    def answer_all(self, connection, requests):
        chance = self.chance
        chance.shuffle(requests)
        for request in requests:
            if chance.random() < 0.004:
                return False
            time.sleep(chance.choice((0, 0, 0, 0.001, 0.01)))
            answer = self.execute(request)
            if chance.random() < 0.004:
                return False
            noise = chance.random()
            if noise < 0.05:
                answer += answer
            elif noise < 0.1:
                stale = struct.pack(">H", (struct.unpack(">H", answer[:2])[0] + 500) % 65536) + answer[2:]
                answer = stale + answer
            elif noise < 0.15:
                answer = answer[:6] + bytes([answer[6] ^ 0x55]) + answer[7:] + answer
            elif noise < 0.2:
                connection.sendall(answer[:9])
                time.sleep(0.002)
                answer = answer[9:]
            connection.sendall(answer)
        return True


class SlowDevice(Device):
    """One thing after the other. Polls are for one register, clients ask for more."""

    def __init__(self, answer_s):
        self.answer_s, self.polls, self.others = answer_s, 0, 0
        super().__init__()

    def answer_all(self, connection, requests):
        for request in requests:
            time.sleep(self.answer_s)
            polled = request[11] == 1
            self.polls, self.others = self.polls + polled, self.others + (not polled)
            connection.sendall(self.execute(request))
        return True


class Crowd:
    def __init__(self, target, device):
        self.target, self.device, self.over = target, device, threading.Event()
        self.lock, self.next_value, self.counts, self.faults = threading.Lock(), 1000, {}, []
        works = [self.works] * 6 + [self.vanishes] * 2
        self.threads = [threading.Thread(target=self.run, args=(work, number)) for number, work in enumerate(works)]

    def run(self, work, number):
        chance = random.Random(number)
        while not self.over.is_set() and not self.faults:
            try:
                with self.target.connect("operator") as client:
                    while not self.over.is_set() and work(client, chance):
                        pass
            except LOST:
                self.count("session ended")
            except Exception as fault:  # pylint: disable=broad-exception-caught
                self.faults.append(repr(fault))

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def new_value(self):
        with self.lock:
            self.next_value += 1
            return self.next_value

    def requests(self, chance):
        made = []
        for number in chance.sample(range(65536), 16):
            if chance.random() < 0.2:
                made.append((number, write_one(chance.randrange(REGISTERS), self.new_value())))
            else:
                count = chance.randrange(2, 5)
                made.append((number, read_registers(chance.randrange(REGISTERS - count), count)))
        return made

    def works(self, client, chance):
        requests = self.requests(chance)
        begin = time.monotonic()
        client.send(b"".join(adu(number, UNIT, pdu) for number, pdu in requests))
        answers = {}
        for _ in requests:
            number, unit, pdu = client.receive()
            self.need(number not in answers and unit == UNIT, f"an answer too many, or of nobody: {number} {unit}")
            answers[number] = (time.monotonic(), pdu)
        self.need(set(answers) == {number for number, _ in requests}, "each request has its answer")
        least = {}  # register: the value acknowledged last
        for number, request in requests:
            self.check(request, *answers[number], begin, least)
        return True

    def check(self, request, end, answer, begin, least):
        function, address, operand = struct.unpack(">BHH", request)
        if answer[0] & 0x80:
            self.need(answer == bytes([function | 0x80, NO_ANSWER]), f"{request.hex()} gets {answer.hex()}")
            self.count("no answer")
        elif function == WRITE:
            self.need(answer == request, f"{request.hex()} gets {answer.hex()}")
            least[address] = operand
            self.count("write")
        else:
            self.need(answer[:2] == bytes([READ, 2 * operand]), f"{request.hex()} gets {answer.hex()}")
            for register, value in enumerate(struct.unpack(f">{operand}H", answer[2:]), address):
                self.need(self.device.held(register, value, begin, end), f"{register} had no {value} just then")
                if register in least:
                    newer = self.device.place(register, value) >= self.device.place(register, least[register])
                    self.need(newer, f"{register}: {value} is older than {least[register]}, which was acknowledged")
            self.count("read")

    def vanishes(self, client, chance):
        """With requests under way, others may share them."""
        client.send(b"".join(adu(number, UNIT, pdu) for number, pdu in self.requests(chance)))
        self.count("vanished")
        time.sleep(chance.random() * 0.05)
        return False

    def need(self, condition, what):
        if not condition:
            self.faults.append(what)
            raise EOFError


def each_write_is_on_record_once(pki, device):
    records = [json.loads(line) for line in read(pki.path("gateway-audit.jsonl")).splitlines()]
    told = [record["new"][0] for record in records if record["event"] == "write" and record["result"] != "not sent"]
    assert len(device.written) == len(set(device.written)), "a write was sent twice"
    assert len(told) == len(set(told)), "a write was recorded twice"
    missing = set(device.written) - set(told)
    assert not missing, f"{len(missing)} of {len(device.written)} writes are not on record"


def answers_are_true(pki, outstanding):
    device = HostileDevice()
    with contextlib.suppress(FileNotFoundError):
        os.remove(pki.path("gateway-audit.jsonl"))
    with gateway_before(device.address, pki, limits=LIMITS, outstanding=outstanding) as target:
        crowd = Crowd(target, device)
        for thread in crowd.threads:
            thread.start()
        for _ in range(2):
            time.sleep(SECONDS / 3)
            target.reload(POLICY, "good")
        time.sleep(SECONDS / 3)
        if outstanding == 16:
            target.stop()  # in the middle of everything
        crowd.over.set()
        for thread in crowd.threads:
            thread.join(DEADLINE_S)
    print(f"outstanding {outstanding}:", *(f"{what}: {count}" for what, count in sorted(crowd.counts.items())), sep="  ")
    assert not crowd.faults, crowd.faults[:3]
    for what in ("read", "write", "vanished"):
        assert crowd.counts.get(what), f"no {what}"
    each_write_is_on_record_once(pki, device)


def flooded(pki, outstanding, answer_s):
    """The polls and the requests of clients that such a device gets while clients flood it."""
    device = SlowDevice(answer_s)
    with gateway_before(device.address, pki, limits=LIMITS, outstanding=outstanding) as target:
        over = threading.Event()

        def flood(number):
            with target.connect("operator") as client, contextlib.suppress(*LOST):
                while not over.is_set():
                    client.send(b"".join(adu(n, UNIT, read_registers(n % 16, 2 + number)) for n in range(16)))
                    for _ in range(16):
                        client.receive()

        threads = [threading.Thread(target=flood, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(1)
        polls, others = device.polls, device.others
        time.sleep(SECONDS)
        polls, others = device.polls - polls, device.others - others
        over.set()
        for thread in threads:
            thread.join(DEADLINE_S)
    print(f"outstanding {outstanding}, {answer_s} s an answer: {polls} polls, {others} requests of clients")
    assert polls and others
    return polls, others


def polls_keep_their_half(pki):
    """They want the line for every 50 ms: more than there is where an answer takes 60 ms, less where it takes 20."""
    polls, others = flooded(pki, 16, 0.06)
    assert 0.35 < polls / (polls + others) < 0.65
    polls, others = flooded(pki, 1, 0.02)
    polls_together, others_together = flooded(pki, 16, 0.02)
    assert polls_together / others_together > 0.6 * polls / others


def main():
    pki = Pki()
    try:
        for outstanding in (1, 4, 16):
            answers_are_true(pki, outstanding)
        polls_keep_their_half(pki)
    finally:
        shutil.rmtree(pki.folder)


if __name__ == "__main__":
    main()
