"""A private NATS JetStream cluster of three nodes on the loopback interface, for tests.

As a module:

    with Nats() as cluster:
        cluster.url("name")          # of a store with three replicas
        cluster.kill(1); cluster.start(1)

As a program, `nats.py run COMMAND...` runs a command beside a cluster, with BOURDON_NATS (the URL up to the name) and
BOURDON_NATS_DO (a command that takes kill or start, and the number of a node) in its environment. Exit status 77: there
is no NATS server here.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

DEADLINE_S = 90
SKIPPED = 77
NODES = 3

CONFIG = """server_name: n{number}
listen: {address}:{client}
max_payload: 8MB
jetstream: {{store_dir: "{folder}/n{number}", max_memory_store: 64MB, max_file_store: 2GB}}
cluster: {{name: test, listen: {address}:{route}, routes: [{routes}]}}
"""


def own_address():
    """A loopback address nobody else has: made of our process identifier, at most 22 bits."""
    number = os.getpid() + (1 << 22)
    return f"127.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


class Nats:
    def __init__(self, folder=None):
        self.own = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="bourdon-nats-")
        self.address = own_address() if self.own else open(self.path("address"), encoding="ascii").read()

    def path(self, name):
        return os.path.join(self.folder, name)

    def configure(self):
        with open(self.path("address"), "w", encoding="ascii") as file:
            file.write(self.address)
        for number in range(NODES):
            routes = ", ".join(f"nats://{self.address}:{6222 + other}" for other in range(NODES) if other != number)
            with open(self.path(f"n{number}.conf"), "w", encoding="ascii") as file:
                file.write(CONFIG.format(number=number, address=self.address, client=4222 + number, route=6222 + number,
                                         folder=self.folder, routes=routes))

    def start(self, number):
        with open(self.path(f"n{number}.log"), "ab") as log:
            process = subprocess.Popen(["nats-server", "-c", self.path(f"n{number}.conf")], stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, start_new_session=True)
        with open(self.path(f"n{number}.pid"), "w", encoding="ascii") as file:
            file.write(str(process.pid))

    def kill(self, number):
        """SIGKILL: no chance to do anything more."""
        try:
            with open(self.path(f"n{number}.pid"), encoding="ascii") as file:
                pid = int(file.read())
            os.remove(self.path(f"n{number}.pid"))
            os.kill(pid, signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            return
        while os.path.exists(f"/proc/{pid}"):
            try:
                os.waitpid(pid, os.WNOHANG)  # if it is a child of ours
            except ChildProcessError:
                if open(f"/proc/{pid}/stat", encoding="ascii").read().split()[2] == "Z":
                    return
            time.sleep(0.01)

    def signal(self, number, how):
        """SIGSTOP: it holds what it has, connections too, and does nothing. SIGCONT ends that."""
        with open(self.path(f"n{number}.pid"), encoding="ascii") as file:
            os.kill(int(file.read()), how)

    def _ask(self, number, subject):
        """One request by hand: the protocol is text. None: no answer."""
        try:
            with socket.create_connection((self.address, 4222 + number), 2) as peer:
                peer.settimeout(3)
                peer.sendall(b'CONNECT {"verbose":false,"no_responders":true,"headers":true}\r\nSUB answer 1\r\n'
                             + f"PUB {subject} answer 0\r\n\r\n".encode())
                data = b""
                while b"}\r\n" not in data.partition(b"MSG answer")[2]:
                    more = peer.recv(65536)
                    if not more or b"503" in data:
                        return None
                    data += more
                return json.loads(data.partition(b"MSG answer")[2].split(b"\r\n", 2)[1])
        except (OSError, ValueError, IndexError):
            return None

    def wait_until_ready(self):
        """There is a leader who answers, and as many nodes as can be."""
        deadline = time.monotonic() + DEADLINE_S
        ready = 0
        while ready < 3:
            answer = self._ask(0, "$JS.API.INFO") or {}
            ready = ready + 1 if "memory" in answer else 0
            assert time.monotonic() < deadline, open(self.path("n0.log"), encoding="utf-8").read()[-4000:]
            time.sleep(0.1)

    def url(self, name, replicas=NODES):
        servers = ",".join(f"{self.address}:{4222 + number}" for number in range(NODES))
        return f"jetstream://{servers}/{name}?replicas={replicas}"

    def __enter__(self):
        if not shutil.which("nats-server"):
            print("skipped: nats-server is not installed")
            sys.exit(SKIPPED)
        self.configure()
        for number in range(NODES):
            self.start(number)
        self.wait_until_ready()
        return self

    def __exit__(self, kind, value, trace):
        for number in range(NODES):
            self.kill(number)
        if self.own:
            shutil.rmtree(self.folder, ignore_errors=True)


def run(command):
    with Nats() as cluster:
        environment = {
            **os.environ,
            "BOURDON_NATS": cluster.url("").partition("?")[0],
            "BOURDON_NATS_DO": f"{sys.executable} {os.path.abspath(__file__)} {cluster.folder}",
        }
        return subprocess.run(command, check=False, env=environment).returncode


if __name__ == "__main__":
    if sys.argv[1] == "run":
        sys.exit(run(sys.argv[2:]))
    getattr(Nats(sys.argv[1]), sys.argv[2])(int(sys.argv[3]))
