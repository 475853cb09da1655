#!/usr/bin/env python3
"""The server's front, beside its peers, in one run; docs/performance.md keeps the figures.

    scripts/install-deps.sh build bench && cmake --preset release && cmake --build --preset release
    bench/server.py [load] [idle] [handshakes] [slow]

load: 1000 bridges x 20 batches of one reading over TLS. idle: memory and CPU of 10 000 connected bridges. handshakes:
full mutual TLS handshakes, each with the first byte of what is behind it, beside haproxy, nginx and stunnel. slow: one
good bridge's handshakes while 5000 connections send a byte of theirs a second. Everything on loopback.
"""

import datetime
import multiprocessing
import os
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from tunnel import BIN, SOURCE, Process, eventually, free_port, quantile

SESSIONS_A_NAME = 8
CLIENTS, HANDSHAKE_S, REST_S = 4, 8, 30
SLOW, PROBES = 5000, 400
CONFIG = """listen: 127.0.0.1:{port}
ca: {plant}/ca.pem
certificate: {plant}/server/control.pem
key: {plant}/server/control.key
store: sqlite:{folder}/store-{port}.db
http: ""
bridges: ["*"]
limits: {{connections: 12000, connections_per_address: 12000{more}}}
"""


class Plant:
    """Certificates: one authority, a server, and as many bridges as are needed, all with one key."""

    def __init__(self, folder, names):
        self.folder, self.path = folder, os.path.join(folder, "plant")
        tool = os.path.join(SOURCE, "certs", "make-certs.sh")
        for words in (["init"], ["server", "control", "--dns", "localhost", "--ip", "127.0.0.1"], ["bridge", "cell-3"]):
            subprocess.run([tool, words[0], self.path, *words[1:]], check=True, stdout=subprocess.DEVNULL)
        authority = x509.load_pem_x509_certificate(self.read("authority/ca.pem"))
        key = serialization.load_pem_private_key(self.read("authority/ca.key"), None)
        model = x509.load_pem_x509_certificate(self.read("bridge/cell-3.pem"))
        for number in range(names):
            self.write(f"bridge/load-{number}.pem", like(model, f"load-{number}", authority, key))
        self.write("server/control.both", self.read("server/control.pem") + self.read("server/control.key"))

    def read(self, name):
        with open(os.path.join(self.path, name), "rb") as file:
            return file.read()

    def write(self, name, data):
        with open(os.path.join(self.path, name), "wb") as file:
            file.write(data)

    def client(self):
        """Full handshakes only: Python's ssl resumes nothing unless told to."""
        context = ssl.create_default_context(cafile=f"{self.path}/ca.pem")
        context.load_cert_chain(f"{self.path}/bridge/cell-3.pem", f"{self.path}/bridge/cell-3.key")
        context.set_alpn_protocols(["bourdon/1"])
        return context


def like(model, name, authority, key):
    """A certificate as make-certs.sh makes them, of the same key, for another bridge."""
    now = datetime.datetime.utcnow()
    builder = x509.CertificateBuilder(
        issuer_name=authority.subject, subject_name=x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]),
        public_key=model.public_key(), serial_number=x509.random_serial_number(),
        not_valid_before=now - datetime.timedelta(days=1), not_valid_after=now + datetime.timedelta(days=30))
    for extension in model.extensions:
        value = extension.value
        if isinstance(value, x509.SubjectAlternativeName):
            value = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"urn:bourdon:bridge:{name}")])
        builder = builder.add_extension(value, extension.critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class Server:
    """Ours, or a peer: a process that is ready once its port takes connections."""

    def __init__(self, folder, name, port, *command):
        self.port = port
        self.process = Process(os.path.join(folder, f"{name}-{port}.log"), *command)
        self.pid = self.process.process.pid
        eventually(self.is_ready, f"{name} listens")

    def is_ready(self):
        self.process.said("")  # fails if it has ended
        return takes_connections(self.port)

    def family(self):
        """Its process and its workers."""
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.pid)], capture_output=True, text=True).stdout
        return [self.pid, *map(int, found.split())]

    def cpu_s(self):
        ticks = 0
        for pid in self.family():
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                ticks += sum(map(int, file.read().rpartition(")")[2].split()[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident_kib(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.process.process.terminate()
        self.process.process.wait(60)


def takes_connections(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    except OSError:
        return False


def bourdon(plant, more=""):
    port = free_port()
    config = os.path.join(plant.folder, f"server-{port}.yaml")
    with open(config, "w", encoding="ascii") as file:
        file.write(CONFIG.format(port=port, plant=plant.path, folder=plant.folder, more=more))
    return Server(plant.folder, "bourdon-server", port, os.path.join(BIN, "bourdon-server"), "-c", config)


def play(server, plant, bridges, batches, readings):
    """bench/server_load.c; with no batches it holds the connections until its input ends."""
    command = [os.path.join(BIN, "server_load"), plant.path, str(server.port), str(bridges), str(batches), str(readings),
               str(server.pid)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def load(plant):
    with bourdon(plant) as server:
        print(play(server, plant, 1000, 20, 1).communicate()[0])


def idle(plant):
    with bourdon(plant) as server:
        player = play(server, plant, 10000, 0, 1)
        print(player.stdout.readline().strip())
        for _ in range(2):
            time.sleep(REST_S)  # the first TESTs come after t3
            begin, cpu_s = time.monotonic(), server.cpu_s()
            time.sleep(REST_S)
            print(f"at rest: {100 * (server.cpu_s() - cpu_s) / (time.monotonic() - begin):.2f} % of a core", flush=True)
        if player.poll() is not None:
            sys.exit("a session ended meanwhile")
        player.communicate()


# ---- handshakes ----

HAPROXY = """defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend f
  bind 127.0.0.1:{port} ssl crt {plant}/server/control.both ca-file {plant}/ca.pem verify required
  default_backend b
backend b
  server s 127.0.0.1:{sink}
"""
NGINX = """daemon off; worker_processes auto; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
{module}events {{ worker_connections 4096; }}
stream {{ server {{ listen 127.0.0.1:{port} ssl; proxy_pass 127.0.0.1:{sink};
  ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {plant}/server/control.pem; ssl_certificate_key {plant}/server/control.key;
  ssl_client_certificate {plant}/ca.pem; ssl_verify_client on; ssl_session_tickets off; }} }}
"""
STUNNEL = """foreground = yes
pid =
[s]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{sink}
cert = {plant}/server/control.pem
key = {plant}/server/control.key
CAfile = {plant}/ca.pem
verifyChain = yes
"""
NGINX_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"
PEERS = {
    "haproxy": (HAPROXY, ["haproxy", "-db", "-f"]),
    "nginx": (NGINX, ["nginx", "-c"]),
    "stunnel": (STUNNEL, ["stunnel"]),
}


def sink(listener):
    """What the peers have behind them: says a byte and hangs up."""
    while True:
        connection, _ = listener.accept()
        connection.sendall(b"x")
        connection.close()


def peer(plant, name, behind):
    template, command = PEERS[name]
    port, config = free_port(), os.path.join(plant.folder, f"{name}.conf")
    module = f"load_module {NGINX_MODULE};\n" if os.path.exists(NGINX_MODULE) else ""
    with open(config, "w", encoding="ascii") as file:
        file.write(template.format(port=port, plant=plant.path, folder=plant.folder, sink=behind, module=module))
    return Server(plant.folder, name, port, *command, config)


def handshake(context, port):
    """Complete once the first byte from behind it is here: the server has verified us then."""
    with socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(plain, server_hostname="localhost") as tls:
        if not tls.recv(1):
            raise ConnectionError("closed")


def shake_hands(plant, port, until, counter):
    context, done = plant.client(), 0
    while time.monotonic() < until:
        handshake(context, port)
        done += 1
    with counter.get_lock():
        counter.value += done


def measure(plant, name, server):
    counter, begin, cpu_s = multiprocessing.Value("l", 0), time.monotonic(), server.cpu_s()
    clients = [multiprocessing.Process(target=shake_hands, args=(plant, server.port, begin + HANDSHAKE_S, counter))
               for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    seconds, cpu_s = time.monotonic() - begin, server.cpu_s() - cpu_s
    print(f"{name:8} {counter.value / seconds:6.0f} handshakes/s   {1000 * cpu_s / max(1, counter.value):5.2f} ms of the server's CPU each",
          flush=True)


def handshakes(plant):
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    behind = multiprocessing.Process(target=sink, args=(listener,), daemon=True)
    behind.start()
    for _ in range(2):
        with bourdon(plant) as server:
            measure(plant, "bourdon", server)
        for name in PEERS:
            with peer(plant, name, listener.getsockname()[1]) as server:
                measure(plant, name, server)
    behind.terminate()


# ---- slow ones ----

class SlowOnes(threading.Thread):
    """Connections from many addresses, each with a ClientHello that comes a byte a second; replaced when thrown out."""

    def __init__(self, port, count):
        super().__init__(daemon=True)
        self.port, self.count, self.ended, self.opened = port, count, False, 0
        self.open = [None] * count
        self.ready = threading.Event()

    def connect(self, number):
        connection = socket.socket()
        connection.setblocking(False)
        connection.bind((f"127.1.{number // 200 % 250}.{number % 200 + 1}", 0))
        connection.connect_ex(("127.0.0.1", self.port))
        self.open[number] = (connection, 0)
        self.opened += 1

    def push(self, number):
        connection, sent = self.open[number]
        hello = bytes.fromhex("16030101fa010001f60303") + bytes(500)
        try:
            connection.send(hello[sent:sent + 1])
            self.open[number] = (connection, sent + 1)
        except BlockingIOError:
            pass
        except OSError:
            connection.close()
            self.connect(number)

    def run(self):
        for number in range(self.count):
            self.connect(number)
        self.ready.set()
        while not self.ended:
            begin = time.monotonic()
            for number in range(self.count):
                self.push(number)
                if number % 50 == 0:
                    time.sleep(0.001)  # let the good one have its turn
            time.sleep(max(0, 1 - (time.monotonic() - begin)))
        for connection, _ in self.open:
            connection.close()


def probe(plant, port):
    context, took_ms, refused = plant.client(), [], 0
    for _ in range(PROBES):
        begin = time.monotonic()
        try:
            handshake(context, port)
            took_ms.append(1000 * (time.monotonic() - begin))
        except OSError:
            refused += 1
    return f"p50 {quantile(took_ms, 0.5):.1f} ms, p99 {quantile(took_ms, 0.99):.1f} ms, refused {refused} of {PROBES}"


def slow_ones_of_its_own(port, ready, end):
    ones = SlowOnes(port, SLOW)
    ones.start()
    ones.ready.wait()
    time.sleep(2)
    ready.set()
    end.wait()
    ones.ended = True
    ones.join()
    print(f"slow connections: {SLOW} at a time, {ones.opened} in all", flush=True)


def slow(plant):
    for more in ("", f", handshakes: {SLOW // 10}", f", handshakes: {2 * SLOW}"):
        slow_with(plant, more)


def slow_with(plant, more):
    with bourdon(plant, more) as server:
        print(f"limits: the defaults{more}")
        print("alone:         ", probe(plant, server.port), flush=True)
        alone_kib = server.resident_kib()
        ready, end = multiprocessing.Event(), multiprocessing.Event()
        ones = multiprocessing.Process(target=slow_ones_of_its_own, args=(server.port, ready, end))
        ones.start()
        ready.wait()
        begin, cpu_s = time.monotonic(), server.cpu_s()
        print("with slow ones:", probe(plant, server.port))
        print(f"{100 * (server.cpu_s() - cpu_s) / (time.monotonic() - begin):.0f} % of a core, {server.resident_kib() - alone_kib} KiB more"
              " than without", flush=True)
        end.set()
        ones.join()


def main():
    chosen = sys.argv[1:] or ["load", "idle", "handshakes", "slow"]
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory() as folder:
        names = {"idle": 10000, "load": 1000}
        plant = Plant(folder, max(names.get(name, 0) for name in chosen) // SESSIONS_A_NAME)
        for name in chosen:
            print(f"{name}: load average {os.getloadavg()[0]:.1f}", flush=True)
            globals()[name](plant)


if __name__ == "__main__":
    main()
