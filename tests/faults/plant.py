"""A whole plant for tests that hurt it: simulated PLC, bridge and server as real processes, made to be killed.

with Plant() as plant:
    plant.start()
    plant.bridge.kill()
    plant.bridge.start()
    plant.end_run()             # the PLC falls silent, all is delivered, bridge and server stop
    judge(plant).assert_clean() # oracle.py; ends the PLC

Time is compressed: tags are polled every 10 to 40 ms and a batch waits 60 ms at most. Each process of a test run has
a loopback address of its own, so that runs side by side share no port. Every wait has a deadline.
"""

import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import namedtuple

sys.path.insert(0, os.path.join(os.environ["BOURDON_SOURCE"], "tests", "support"))
from plcsim import DEADLINE_S, Plcsim, control, eventually, run_tests  # noqa: F401

BRIDGE = "cell-1"
SKIPPED = 77  # what CTest takes for "cannot be tested here"

Tag = namedtuple("Tag", "name table address type rate priority")

TAGS = [
    Tag("boiler/pressure", "holding", 0, "uint16", "10ms", 5),
    Tag("boiler/deviation", "holding", 1, "int16", "10ms", 5),
    Tag("boiler/pressure-float", "holding", 2, "float32", "10ms", 5),
    Tag("boiler/supply", "input", 14, "uint16", "20ms", 0),
    Tag("boiler/valve", "input", 15, "uint16", "20ms", 0),
    Tag("boiler/setpoint", "input", 16, "uint16", "20ms", 0),
    Tag("boiler/scans", "input", 19, "uint16", "20ms", 0),
    Tag("boiler/high", "discrete", 2, "bool", "40ms", 0),
    Tag("boiler/low", "discrete", 3, "bool", "40ms", 0),
]

SCENARIO = """scan: 10ms
endpoints:
  - listen: {plc}
    units: [{{id: 1, vessels: [{{name: boiler}}]}}]
"""

SERVER = """listen: {server}
ca: {certificates}/ca.pem
certificate: {certificates}/server/control.pem
key: {certificates}/server/control.key
store: {store}
bridges: [{bridge}]
http: ""
timers: {timers}
"""

BRIDGE_YAML = """bridge:
  name: {bridge}
  spool: {spool}
  control: {control}
server:
  endpoints: [{server}]
  ca: {certificates}/ca.pem
  certificate: {certificates}/bridge/{bridge}.pem
  key: {certificates}/bridge/{bridge}.key
  retry_first: 10ms
  retry_max: 100ms
batch: {batch}
spool: {limits}
links:
  - name: plc
    url: tcp://{plc}
    reconnect_max: 100ms
    response_timeout: 200ms
    units:
      - id: 1
        tags:
"""


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def seeded():
    """Chance that can be had again: BOURDON_SEED=N replays what a run drew."""
    seed = int(os.environ.get("BOURDON_SEED", 0)) or random.SystemRandom().randrange(1, 1 << 31)
    print(f"seed {seed} (again: BOURDON_SEED={seed})", flush=True)
    return random.Random(seed)


def amount(quick):
    """How many rounds of a proof: `quick` in CI, BOURDON_ROUNDS when asked for more."""
    return int(os.environ.get("BOURDON_ROUNDS", 0)) or quick


def own_address():
    """A loopback address nobody else has: made of our process identifier, at most 22 bits."""
    number = os.getpid() + (1 << 22)
    return f"127.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def program(name):
    return os.path.join(os.environ["BOURDON_BIN"], name)


class Daemon:
    """One of our daemons; its log goes on in one file however often it is started."""

    def __init__(self, name, config, log, before_start=lambda: None):
        self.name, self.config, self.log, self.before_start = name, config, log, before_start
        self.process = None
        self.started_at = 0
        self.environment = {}
        self.prefix = []  # of the command: strace, ip netns exec …
        open(log, "w").close()

    def start(self):
        self.before_start()
        self.started_at = os.path.getsize(self.log)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, program(self.name), "-c", self.config],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
            )
        return self

    def said(self, pattern, whole=False):
        """Whether a line of its log has the pattern: since its last start, or ever."""
        return re.search(pattern, self.text(whole)) is not None

    def text(self, whole=False):
        with open(self.log, "rb") as log:
            log.seek(0 if whole else self.started_at)
            return log.read().decode(errors="replace")

    def wait_for(self, pattern, deadline_s=DEADLINE_S):
        def seen():
            assert self.is_running() or self.said(pattern), f"{self.name} ended: {self.tail()}"
            return self.said(pattern)

        eventually(seen, f"{self.name} says {pattern}: {self.tail()}", deadline_s)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """SIGKILL: no chance to do anything more."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(DEADLINE_S)

    def stop(self, deadline_s=DEADLINE_S):
        """Ends it the way a service manager does; it must take notice. Returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(deadline_s)

    def wait(self, deadline_s=DEADLINE_S):
        try:
            return self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} does not end: {self.tail()}") from None

    def tail(self):
        return "\n" + "".join(self.text().splitlines(keepends=True)[-12:])


class Run:
    """A spool and a store from their making on, and what the daemons said meanwhile."""

    def __init__(self, folder, spool=None, store=None, database=None):
        os.makedirs(folder, exist_ok=True)
        self.spool = spool or os.path.join(folder, "spool.db")
        self.store = store or os.path.join(folder, "store.db")
        self.database = database  # of stores.py, instead of that file
        self.bridge_log, self.server_log = os.path.join(folder, "bridge.log"), os.path.join(folder, "server.log")
        self.begin_us, self.end_us = time.time_ns() // 1000, None


class Plant:
    """A PLC, and runs of bridge and server one after the other, the first of them begun."""

    def __init__(self, seed=1, spool=None, store=None, database=None, batch="{max_age: 60ms}", limits="{min_free: 0}", timers="{}"):
        self.others = []  # more daemons that end with it
        self.temporary = tempfile.TemporaryDirectory(prefix="bourdon-faults-")
        self.folder = self.temporary.name
        self.seed = seed
        self.address = own_address()
        self.plc_address, self.server_address = f"{self.address}:1502", f"{self.address}:8443"
        self.batch, self.limits, self.timers = batch, limits, timers
        self.plc = self.bridge = self.server = None
        self.runs = []
        self.begin_run(spool, store, database)

    def path(self, name):
        return os.path.join(self.folder, name)

    def begin_run(self, spool=None, store=None, database=None):
        """New spool, new store, new logs."""
        self.run = Run(self.path(f"run-{len(self.runs)}"), spool, store, database)
        self.runs.append(self.run)
        self.bridge = Daemon("bourdon-bridge", self.path("bridge.yaml"), self.run.bridge_log, self.wait_for_hang_up)
        self.server = Daemon("bourdon-server", self.path("server.yaml"), self.run.server_log)
        self.configure()

    def configure(self):
        values = {
            "bridge": BRIDGE,
            "plc": self.plc_address,
            "server": self.server_address,
            "certificates": self.path("certificates"),
            "control": self.path("bridge.sock"),
            "spool": self.run.spool,
            "store": self.run.database.url if self.run.database else f"sqlite:{self.run.store}",
            "batch": self.batch,
            "limits": self.limits,
            "timers": self.timers,
        }
        tags = "".join(
            f"          - {{name: {tag.name}, table: {tag.table}, address: {tag.address}, type: {tag.type},"
            f" rate: {tag.rate}, priority: {tag.priority}}}\n"
            for tag in TAGS
        )
        for name, text in (
            ("plc.yaml", SCENARIO.format(**values)),
            ("server.yaml", SERVER.format(**values)),
            ("bridge.yaml", BRIDGE_YAML.format(**values) + tags),
        ):
            with open(self.path(name), "w", encoding="ascii") as file:
                file.write(text)

    def make_certificates(self):
        tool = os.path.join(os.environ["BOURDON_SOURCE"], "certs", "make-certs.sh")
        host = self.server_address.rpartition(":")[0]
        for arguments in (["init"], ["server", "control", "--ip", host], ["bridge", BRIDGE]):
            command = [tool, arguments[0], self.path("certificates"), *arguments[1:]]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=DEADLINE_S)

    def __enter__(self):
        self.make_certificates()
        return self

    def __exit__(self, kind, value, trace):
        for daemon in (self.bridge, self.server, *self.others):
            daemon.kill()
        if self.plc:
            self.plc.process.kill()
            self.plc.process.wait(DEADLINE_S)
            self.plc.folder.cleanup()
        if kind is not None:
            keep_evidence(self)
        self.temporary.cleanup()

    def start(self):
        """All three, ready."""
        self.start_plc()
        self.server.start().wait_for("event=started")
        self.bridge.start().wait_for("event=ready")
        return self

    def start_plc(self):
        if not self.plc:
            arguments = ["--seed", str(self.seed), "-c", self.path("plc.yaml"), "--control", self.path("plc.sock")]
            self.plc = Plcsim(*arguments, listen=None)
            self.plc.__enter__()

    def wait_for_hang_up(self):
        """What a bridge that is gone asked the PLC for is served: on a busy machine it could be so in the next life.

        Connections are taken in order: once it has taken and ended ours, it knows of all earlier ones.
        """
        if not self.plc or self.plc.process.poll() is not None:
            return
        host, _, port = self.plc_address.rpartition(":")
        with socket.create_connection((host, int(port)), DEADLINE_S) as probe:
            probe.shutdown(socket.SHUT_WR)
            assert probe.recv(1) == b"", "the PLC says something unasked"

        def nobody_asks():
            status = control(self.path("plc.sock"), "status")
            return all(endpoint["connections"] == 0 for endpoint in status["endpoints"])

        eventually(nobody_asks, "the PLC notices that the bridge is gone")

    def truth(self):
        """What the PLC gave out, in order of time. Ends it."""
        if self.plc.process.poll() is None:
            self.plc.stop()
        return sorted(row for row in self.plc.truth() if row.what == "read" and row.sent == "good")

    def status(self):
        """What the bridge says of itself; None while it does not answer."""
        try:
            return control(self.path("bridge.sock"), "status")
        except (OSError, ValueError):
            return None

    def spool_status(self, key):
        status = self.status()
        return status["spool"][key] if status else None

    def acked(self):
        """How many batches the bridge has had acknowledged so far."""
        return self.bridge.text(whole=True).count("event=batch_acked")

    def wait_for_acks(self, more=5, deadline_s=DEADLINE_S):
        """Life goes on."""
        before = self.acked()
        eventually(lambda: self.acked() >= before + more, f"{more} more batches acknowledged: {self.why()}", deadline_s)

    def wait_for_batches(self, more):
        """So many more batches are made, whether or not anybody acknowledges them."""
        before = self.spool_status("batches_made")
        eventually(lambda: self.spool_status("batches_made") >= before + more, f"{more} more batches: {self.why()}")

    def wait_until_delivered(self, deadline_s=DEADLINE_S):
        eventually(lambda: self.spool_status("batches") == 0, f"an empty spool: {self.why()}", deadline_s)

    def wait_until_quiet(self, deadline_s=DEADLINE_S):
        """No more readings come, and those that did are delivered."""
        def is_quiet():
            before = self.spool_status("readings_taken")
            time.sleep(0.05)
            return before is not None and before == self.spool_status("readings_taken")

        eventually(is_quiet, f"no more readings: {self.why()}", deadline_s)
        self.wait_until_delivered(deadline_s)

    def why(self):
        return f"{self.bridge.tail()}{self.server.tail()}"

    def end_run(self, deadline_s=DEADLINE_S):
        """The PLC falls silent; once everything is delivered the daemons are stopped, and both must end well."""
        control(self.path("plc.sock"), "fault add silence")
        self.wait_until_quiet(deadline_s)
        assert self.bridge.stop() == 0, self.bridge.tail()
        assert self.server.stop() == 0, self.server.tail()
        self.wait_for_hang_up()
        self.run.end_us = time.time_ns() // 1000
        control(self.path("plc.sock"), "fault clear all")


def keep_evidence(plant):
    """Moves what a failed test leaves behind to BOURDON_EVIDENCE, if that is set."""
    target = os.environ.get("BOURDON_EVIDENCE")
    if target:
        os.makedirs(target, exist_ok=True)
        kept = tempfile.mkdtemp(prefix="plant-", dir=target)
        truth = plant.plc.truth_path if plant.plc else ""
        subprocess.run(["cp", "-a", plant.folder, truth, kept], check=False, stderr=subprocess.DEVNULL)
        print(f"evidence: {kept}")
