#!/usr/bin/env python3
"""The tunnel beside its peers, in one run and one table; docs/performance.md keeps the figures.

    scripts/install-deps.sh build bench && cmake --preset release && cmake --build --preset release
    bench/tunnel.py [--only NAME,...] [--backlog READINGS] [--gigabyte BYTES]

As root: it runs in a network namespace of its own, whose loopback has the MTU and the segments of an Ethernet, so
that tcpdump sees the packets a wire would. Real bourdon-server, bourdon-bridge and bourdon-plcsim; where a figure
needs more readings than PLCs give, spool_feed (batcher, spool and uplink of the bridge). Peers: rsyslog with RELP,
the file synced before the answer; mosquitto with QoS 1, saving each change for a subscriber that is away.
"""

import argparse
import json
import os
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.environ.get("BOURDON_BIN", os.path.join(SOURCE, "build", "release", "bin"))
DEADLINE_S = 600
FRAME_OF_ETHERNET = 14  # not counted: TCP/IP and what it carries is


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=DEADLINE_S, **more).stdout


def eventually(condition, what):
    deadline = time.monotonic() + DEADLINE_S
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.02)
    return value


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """Of this run; ended by its own pid."""

    def __init__(self, log, *command):
        self.log = log
        self.process = subprocess.Popen(command, stdout=open(log, "w"), stderr=subprocess.STDOUT)

    def said(self, text):
        assert self.process.poll() is None, f"{self.process.args[0]} ended: " + open(self.log).read()[-2000:]
        return next((line for line in open(self.log) if text in line), None)

    def peak_kib(self):
        status = open(f"/proc/{self.process.pid}/status").read()
        return int(status.split("VmHWM:")[1].split()[0])

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop(signal.SIGKILL)


class Wire:
    """Captures the packets of a port, and counts them."""

    def __init__(self, port):
        self.path = f"wire-{port}.pcap"
        self.tcpdump = Process("tcpdump.log", "tcpdump", "-i", "lo", "--immediate-mode", "-s", "80", "-B", "65536", "-w", self.path,
                               "tcp", "port", str(port))

    def __enter__(self):
        eventually(lambda: self.tcpdump.said("listening on"), "tcpdump")
        return self

    def __exit__(self, *_):
        time.sleep(1)  # what is under way
        self.tcpdump.stop()

    def count(self):
        data, at, total, packets = open(self.path, "rb").read(), 24, 0, 0
        while at < len(data):
            _, _, kept, length = struct.unpack_from("<IIII", data, at)
            total, packets, at = total + length - FRAME_OF_ETHERNET, packets + 1, at + 16 + kept
        said = open("tcpdump.log").read()
        assert "0 packets dropped by kernel" in said.splitlines(), said
        return total, packets


# --- Bourdon ---------------------------------------------------------------------------------------------------------

def server():
    for name in ("store.db", "store.db-wal", "store.db-shm"):
        if os.path.exists(name):
            os.unlink(name)
    with open("server.yaml", "w") as file:
        file.write(f"listen: 127.0.0.1:0\nca: pki/ca.pem\ncertificate: pki/server/control.pem\n"
                   f"key: pki/server/control.key\nstore: sqlite:{os.getcwd()}/store.db\nbridges: [cell-3]\n"
                   "http: 127.0.0.1:0\n")
    process = Process("server.log", f"{BIN}/bourdon-server", "-c", "server.yaml")
    line = eventually(lambda: process.said("event=listening"), "the server")
    process.port = int(line.split("port=")[1].split()[0])
    return process


def feed(spool, kind, readings, port=None):
    """(readings, seconds)."""
    more = ["pki", str(port)] if port else []
    with open("feed.log", "w") as log:
        out = subprocess.run([f"{BIN}/spool_feed", spool, kind, str(readings), *more], stderr=log, text=True,
                             stdout=subprocess.PIPE, check=True, timeout=DEADLINE_S).stdout.split()
    return int(out[0]), float(out[1])


def plcsim():
    process = Process("plcsim.log", f"{BIN}/bourdon-plcsim", "--listen", "127.0.0.1:0")
    line = eventually(lambda: process.said("event=listening"), "the PLC")
    process.address = line.split("address=")[1].split()[0]
    return process


def bridge(spool, plc, port, rate="100ms"):
    with open("bridge.yaml", "w") as file:
        file.write(f"bridge: {{name: cell-3, spool: {os.getcwd()}/{spool}}}\n"
                   f"server:\n  endpoints: [\"127.0.0.1:{port}\"]\n  ca: pki/ca.pem\n"
                   "  certificate: pki/bridge/cell-3.pem\n  key: pki/bridge/cell-3.key\n  retry_max: 500ms\n"
                   "batch: {max_age: 0s}\nspool: {max_size: 64GiB}\n"
                   f"links:\n  - name: plant\n    url: tcp://{plc.address}\n    units:\n      - id: 1\n        tags:\n"
                   f"          - {{name: p, table: holding, address: 0, type: uint16, rate: {rate}}}\n")
    return Process("bridge.log", f"{BIN}/bourdon-bridge", "-c", "bridge.yaml")


def ask_spool(spool, sql, *values):
    connection = sqlite3.connect(f"file:{spool}?mode=ro", uri=True, timeout=30)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def latencies_ms(spool, since_us):
    """Of each live batch: from its reading's response to its ack, as the spool's ack log has them."""
    rows = ask_spool(spool, "SELECT (acked_us - last_us) / 1e3 FROM ack_log WHERE kind = 1 AND spooled_us >= ?", since_us)
    return [row[0] for row in rows]


def bytes_on_the_wire(args):
    results = []
    for kind, target in (("registers", 1.5), ("noise", 5)):
        with server() as receiver, Wire(receiver.port) as wire:
            readings, _ = feed(f"wire-{kind}.db", kind, args.wire, receiver.port)
        total, _ = wire.count()
        results.append((f"bytes on the wire a reading, {kind}", total / readings, f"≤ {target}"))
    return results


def durable_rate(args):
    with server() as receiver:
        readings, seconds = feed("rate.db", "registers", args.backlog // 2, receiver.port)
    args.rate = readings / seconds
    return [("durable, acknowledged readings/s", args.rate, "≥ 1 000 000")]


def two_syncs_ms():
    """What the disk makes of two syncs of 4 KiB, one after the other: each a moment after the one before."""
    measured = []
    with open("sync.out", "wb", buffering=0) as file:
        for _ in range(200):
            began = time.monotonic()
            for _ in range(2):
                file.write(bytes(4096))
                os.fdatasync(file.fileno())
            measured.append((time.monotonic() - began) * 1e3)
            time.sleep(0.01)
    return measured


def latency(args):
    with server() as receiver, plcsim() as plc:
        began_us = time.time_ns() // 1000 + 2_000_000
        with bridge("latency.db", plc, receiver.port) as sender:
            eventually(lambda: sender.said("event=batch_acked"), "an ack")
            time.sleep(2 + args.seconds)
            sender.stop()
    measured = latencies_ms("latency.db", began_us)
    syncs = two_syncs_ms()
    return [("two syncs of this disk, p50, ms", quantile(syncs, 0.5), "peer"),
            ("two syncs of this disk, p99, ms", quantile(syncs, 0.99), "peer"),
            ("read to ack, p50, ms", quantile(measured, 0.5), "≤ 3"),
            ("read to ack, p99, ms", quantile(measured, 0.99), "≤ 10")]


def drain(spool, before):
    """Seconds from the first to the last ack of the `before` batches, the bridge's peak memory, live latencies."""
    with server() as receiver, plcsim() as plc:
        with bridge(spool, plc, receiver.port, "20ms") as sender:
            last = f"SELECT count(*) FROM batch WHERE seq <= {before}"
            eventually(lambda: ask_spool(spool, last)[0][0] == 0, "the backlog to drain")
            peak = sender.peak_kib()
            sender.stop()
    first, last = ask_spool(spool, "SELECT min(acked_us), max(acked_us) FROM ack_log WHERE seq <= ?", before)[0]
    live = [row[0] for row in ask_spool(spool, "SELECT (acked_us - last_us) / 1e3 FROM ack_log WHERE seq > ? AND "
                                        "spooled_us BETWEEN ? AND ?", before, first, last)]
    return (last - first) / 1e6, peak, live


def backlog(args):
    readings, _ = feed("backlog.db", "registers", args.backlog)
    seconds, _, live = drain("backlog.db", readings // 1000)
    share = 100 * readings / seconds / args.rate if hasattr(args, "rate") else float("nan")
    return [(f"backlog of {readings // 1000000} M, readings/s", readings / seconds, ""),
            ("the same, % of the durable rate above", share, "≥ 80"),
            ("live latency meanwhile, p99, ms", quantile(live, 0.99), "≤ 250")]


def gigabyte(args):
    feed("gigabyte.db", "text", args.gigabyte // 128)
    size = os.path.getsize("gigabyte.db")
    before = ask_spool("gigabyte.db", "SELECT max(seq) FROM batch")[0][0]
    _, peak, _ = drain("gigabyte.db", before)
    return [(f"peak memory of the bridge, backlog of {size / 1e9:.2f} GB, MB", peak / 1024, "≤ 32")]


# --- RELP ------------------------------------------------------------------------------------------------------------

def a_reading(number):
    return {"tag": f"boiler-{number % 50}/pressure", "t": 1700000000000 + number, "v": 812.3 + number % 7, "q": 0}


def relp_client(port, messages, payload):
    """Sends with a window of 128 and waits for each answer; the file was synced before it."""
    link = socket.create_connection(("127.0.0.1", port))
    answers = link.makefile("rb")

    def send(number, command, data):
        link.sendall(b"%d %s %d %s\n" % (number, command, len(data), data))

    def answer():
        head = answers.readline()
        size = int(head.split()[2])
        read = len(head.split(b" ", 3)[3]) - 1 if head.count(b" ") >= 3 else 0
        while read < size:
            read += len(answers.readline())
        assert b" 200" in b" " + head.split(b" ", 3)[3], head

    send(1, b"open", b"relp_version=0\nrelp_software=bench\ncommands=syslog")
    answer()
    while_open = 0
    for number in range(messages):
        send(2 + number, b"syslog", payload)
        while_open += 1
        if while_open == 128:
            answer()
            while_open -= 1
    for _ in range(while_open):
        answer()
    link.close()


def relp(args):
    port = free_port()
    with open("rsyslog.conf", "w") as file:
        file.write(f"""global(workDirectory="{os.getcwd()}" maxMessageSize="64k")
module(load="imrelp")
main_queue(queue.type="Direct")
template(name="raw" type="string" string="%rawmsg%\\n")
input(type="imrelp" port="{port}" address="127.0.0.1" maxDataSize="64k" ruleset="store")
ruleset(name="store" queue.type="Direct") {{
  action(type="omfile" file="{os.getcwd()}/relp.out" template="raw" sync="on" asyncWriting="off" flushOnTXEnd="on")
}}
""")
    payload = b"<13>1 - - - - - - " + json.dumps([a_reading(i) for i in range(100)]).encode()
    with Process("rsyslog.log", "rsyslogd", "-n", "-f", "rsyslog.conf", "-i", f"{os.getcwd()}/rsyslog.pid") as daemon:
        def listens():
            assert daemon.process.poll() is None, open("rsyslog.log").read()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        eventually(listens, "rsyslog")
        with Wire(port) as wire:
            began = time.monotonic()
            relp_client(port, args.peer_messages, payload)
            seconds = time.monotonic() - began
        total, _ = wire.count()
        assert os.path.getsize("relp.out") >= args.peer_messages * 100, "rsyslog did not write"
    readings = 100 * args.peer_messages
    return [("RELP, synced, 100 a message: readings/s", readings / seconds, "peer"),
            ("RELP: bytes on the wire a reading", total / readings, "peer")]


# --- MQTT ------------------------------------------------------------------------------------------------------------

def mqtt(args):
    import paho.mqtt.client as paho

    port = free_port()
    with open("mosquitto.conf", "w") as file:
        file.write(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
                   f"persistence_location {os.getcwd()}/\nautosave_on_changes true\nautosave_interval 1\n"
                   "max_queued_messages 0\nmax_inflight_messages 0\nuser root\n")
    with Process("mosquitto.log", "mosquitto", "-c", "mosquitto.conf") as daemon:
        def connect(name, clean):
            client = paho.Client(name, clean_session=clean)
            client.connect("127.0.0.1", port)
            return client
        eventually(lambda: daemon.said("running"), "mosquitto")
        absent = connect("absent", False)
        absent.subscribe("readings/#", qos=1)
        for _ in range(10):
            absent.loop(0.05)
        absent.disconnect()
        sender = connect("sender", True)
        sender.max_inflight_messages_set(128)
        sender.max_queued_messages_set(0)
        with Wire(port) as wire:
            began = time.monotonic()
            sender.loop_start()
            sent = [sender.publish(f"readings/boiler-{i % 50}", json.dumps(a_reading(i)), qos=1)
                    for i in range(args.peer_messages)]
            for message in sent:
                message.wait_for_publish(DEADLINE_S)
            seconds = time.monotonic() - began
            sender.loop_stop()
        total, _ = wire.count()
    return [("MQTT QoS 1, saving each change: readings/s", args.peer_messages / seconds, "peer"),
            ("MQTT QoS 1, JSON: bytes on the wire a reading", total / args.peer_messages, "peer")]


# --- all of it ---------------------------------------------------------------------------------------------------------

PARTS = {"wire": bytes_on_the_wire, "rate": durable_rate, "latency": latency, "backlog": backlog,
         "gigabyte": gigabyte, "relp": relp, "mqtt": mqtt}


def make_wire():
    run("ip", "link", "set", "lo", "mtu", "1500", "up")
    run("ethtool", "-K", "lo", "tso", "off", "gso", "off", "gro", "off")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", default=",".join(PARTS), help="of " + ", ".join(PARTS))
    parser.add_argument("--backlog", type=int, default=10_000_000, metavar="READINGS")
    parser.add_argument("--gigabyte", type=int, default=1_000_000_000, metavar="BYTES")
    parser.add_argument("--wire", type=int, default=1_000_000, metavar="READINGS", help="whose bytes are counted")
    parser.add_argument("--seconds", type=int, default=20, help="of the latency's measure")
    parser.add_argument("--peer-messages", type=int, default=2000, metavar="N")
    return parser.parse_args()


def main():
    args = parse()
    if os.environ.get("BOURDON_BENCH_NETNS") != "1":
        os.environ["BOURDON_BENCH_NETNS"] = "1"
        os.execvp("unshare", ["unshare", "--net", "/usr/bin/python3", os.path.abspath(__file__), *sys.argv[1:]])
    make_wire()
    with tempfile.TemporaryDirectory(prefix="bourdon-bench-") as folder:
        os.chdir(folder)
        certs = f"{SOURCE}/certs/make-certs.sh"
        run(certs, "init", "pki")
        run(certs, "server", "pki", "control", "--dns", "localhost", "--ip", "127.0.0.1")
        run(certs, "bridge", "pki", "cell-3")
        print(f"| {'what':<60} | {'measured':>12} | {'target':<12} |\n|---|--:|---|", flush=True)
        for name in args.only.split(","):
            for what, measured, target in PARTS[name](args):
                shown = f"{measured:,.0f}".replace(",", " ") if measured >= 1000 else f"{measured:.2f}"
                print(f"| {what:<60} | {shown:>12} | {target:<12} |", flush=True)
        os.chdir("/")


if __name__ == "__main__":
    main()
