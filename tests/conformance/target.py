"""A server of MODBUS/TCP Security under test, the certificates its clients show, and a client without any Modbus
logic of its own.

What every target must be set up with:
  unit 1   holding registers 0 to 19, of which 16 can be written; coils 0 and 1 can be written; unit 99 does not exist
  roles    "operator" reads and writes everything; "reader" reads everything; "tuner" reads addresses 0 to 19 and
           writes 16 and 17; no role, or one not named here: nothing
A target that takes up new rules and revocation lists while it runs has use_rules() and use_revocations().
"""

import contextlib
import functools
import os
import re
import signal
import ssl
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.environ["BOURDON_SOURCE"], "tests", "support"))
from plcsim import DEADLINE_S, Plcsim, RawClient, split

UNIT, MISSING_UNIT = 1, 99
SETPOINT = 16
ROLE_OID = "1.3.6.1.4.1.50316.802.1"
USAGE = ("basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature")


def role_der(text, tag=0x0C):
    """The value of a role extension for openssl's configuration."""
    data = text if isinstance(text, bytes) else text.encode()
    if len(data) < 128:
        length = bytes([len(data)])
    else:
        length = b"\x82" + len(data).to_bytes(2, "big")
    return "DER:" + (bytes([tag]) + length + data).hex(":")


class Pki:
    """A plant of certificates in a temporary folder, made by certs/make-certs.sh."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="bourdon-conformance-")
        self.run("init")
        self.run("server", "device", "--dns", "localhost", "--ip", "127.0.0.1")
        self.run("server", "device-rsa", "--rsa", "--dns", "localhost", "--ip", "127.0.0.1")
        for role in ("operator", "reader", "tuner"):
            self.run("operator", role, "--role", role)
        self.run("operator", "rsa", "--rsa", "--role", "operator")
        self.run("bridge", "no-role")
        self.run("bad-set")

    def run(self, command, *arguments):
        script = os.path.join(os.environ["BOURDON_SOURCE"], "certs", "make-certs.sh")
        subprocess.run([script, command, self.folder, *arguments], check=True, stdout=subprocess.DEVNULL)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def issue(self, name, *extensions):
        """A client certificate with exactly these lines of extensions."""
        if os.path.exists(self.path("odd", name + ".pem")):
            return self.path("odd", name)
        os.makedirs(self.path("odd"), exist_ok=True)
        base = self.path("odd", name)
        with open(base + ".ext", "w", encoding="ascii") as file:
            file.write("\n".join(extensions) + "\n")
        for arguments in (
            f"req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {base}.key -subj /CN={name} -out {base}.csr",
            f"x509 -req -in {base}.csr -CA {self.path('ca.pem')} -CAkey {self.path('authority', 'ca.key')} -days 9 "
            f"-extfile {base}.ext -out {base}.pem",
        ):
            subprocess.run(["openssl", *arguments.split()], check=True, capture_output=True)
        return base

    def authority(self, name, *arguments):
        """Runs openssl's authority of that folder."""
        command = ["openssl", "ca", "-config", self.path(name, "openssl.cnf"), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder)

    def issue_until(self, name, end):
        """An operator's certificate that is valid up to a moment of time.gmtime()."""
        self.run("operator", name, "--role", "operator")
        base = self.path("operator", name)
        request = ["openssl", "x509", "-x509toreq", "-in", base + ".pem", "-signkey", base + ".key", "-out", base + ".csr"]
        subprocess.run(request, check=True, capture_output=True)
        write(base + ".ext", "\n".join((*USAGE, f"{ROLE_OID}={role_der('operator')}")) + "\n")
        times = ("-startdate", "20200101000000Z", "-enddate", time.strftime("%Y%m%d%H%M%SZ", end))
        files = ("-in", base + ".csr", "-out", base + ".pem", "-extfile", base + ".ext")
        self.authority("authority", "-batch", "-notext", *times, *files)

    def make_revocations(self):
        """Lists of the root and of an intermediate: "good", "revoked" = the intermediate is, "expired" = the root's."""
        if os.path.exists(self.path("crl-revoked.pem")):
            return
        self.authority("bad/intermediate", "-gencrl", "-out", self.path("intermediate-crl.pem"))
        old = ("-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20200201000000Z")
        self.authority("authority", "-gencrl", "-out", self.path("root-good.pem"))
        self.authority("authority", "-gencrl", *old, "-out", self.path("root-expired.pem"))
        self.authority("authority", "-revoke", self.path("bad", "intermediate", "ca.pem"))
        self.authority("authority", "-gencrl", "-out", self.path("root-revoked.pem"))
        intermediate = read(self.path("intermediate-crl.pem"))
        for kind in ("good", "expired", "revoked"):
            write(self.path(f"crl-{kind}.pem"), read(self.path(f"root-{kind}.pem")) + intermediate)

    def chained(self):
        """A client under the intermediate, which its file holds too."""
        bare, both = self.path("bad", "bridge", "missing-intermediate"), self.path("chained")
        write(both + ".pem", read(bare + ".pem") + read(self.path("bad", "intermediate", "ca.pem")))
        write(both + ".key", read(bare + ".key"))
        return both


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    """All at once, for whom it may concern just now."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)


class SecureClient(RawClient):
    """A TLS client that checks the server; `pair` is a path without .pem and .key, None = shows nothing."""

    def __init__(self, target, pair, version=None, keylog=None, address=None, source=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(target.pki.path("ca.pem"))
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        if pair:
            context.load_cert_chain(pair + ".pem", pair + ".key")
        if version:
            context.minimum_version = context.maximum_version = version
        if keylog:
            context.keylog_filename = keylog
        address = address or target.address
        plain = socket.create_connection(address, timeout=DEADLINE_S, source_address=source)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname=address[0])

    def ends(self):
        """Whether the server ends the connection without another byte."""
        try:
            return self.socket.recv(1) == b""
        except (ssl.SSLError, ConnectionError):
            return True


class Target:
    takes_all_before_it_answers = False  # what comes in one record

    def __init__(self, name, pki, address):
        self.name, self.pki, self.address = name, pki, address

    def pair(self, role):
        return self.pki.path("bridge" if role == "no-role" else "operator", role)

    def connect(self, role="operator", **options):
        return SecureClient(self, self.pair(role), **options)

    def s_client(self, *arguments, pair="operator", send=b""):
        """Runs openssl s_client; its output, errors included."""
        command = ["openssl", "s_client", "-connect", "%s:%d" % self.address, "-CAfile", self.pki.path("ca.pem")]
        if pair:
            command += ["-cert", self.pair(pair) + ".pem", "-key", self.pair(pair) + ".key"]
        done = subprocess.run([*command, *arguments], input=send, capture_output=True, timeout=DEADLINE_S)
        return (done.stdout + done.stderr).decode(errors="replace")


SCENARIO = """
endpoints:
  - listen: 127.0.0.1:0
    tls:
      ca: {pki}/ca.pem
      certificate: {pki}/server/device.pem
      key: {pki}/server/device.key
      second_certificate: {pki}/server/device-rsa.pem
      second_key: {pki}/server/device-rsa.key
      crl: {pki}/crl.pem
      profile: {profile}
      roles:
        - {{role: operator, write: yes}}
        - {{role: reader}}
        - {{role: tuner, last: 19}}
        - {{role: tuner, read: no, write: yes, first: 16, last: 17}}
        - {{role: "", read: no}}
    units:
      - {{id: 1, vessels: [{{}}]}}
"""


@contextlib.contextmanager
def plcsim(pki, profile="mbaps-v36"):
    path = pki.path("plcsim.yaml")
    write(path, SCENARIO.format(pki=pki.folder, profile=profile))
    with Plcsim("-c", path, listen=None) as plc:
        yield Target("plcsim", pki, split(plc.addresses[0]))


BRIDGE = """
bridge: {{name: no-role, spool: {pki}/{name}.spool}}
server: {{endpoints: ["127.0.0.1:9"], ca: {pki}/ca.pem, certificate: {pki}/bridge/no-role.pem, key: {pki}/bridge/no-role.key}}
links:
  - name: plant
    url: tcp://{plc}
    response_timeout: 2s
    outstanding: {outstanding}
    units: [{{id: 1, tags: [{{name: raw, table: holding, address: 0, type: uint16, rate: 50ms}}]}}]
gateway:
  listen: ["127.0.0.1:0"]
  ca: {pki}/ca.pem
  certificate: {pki}/server/device.pem
  key: {pki}/server/device.key
  second_certificate: {pki}/server/device-rsa.pem
  second_key: {pki}/server/device-rsa.key
  crl: {pki}/{name}-crl.pem
  profile: {profile}
  policy: {pki}/{name}-policy.yaml
  audit: {{file: {pki}/{name}-audit.jsonl}}
  limits: {{{limits}}}
"""

POLICY = """
rules:
  - {name: all, roles: [operator], units: [all], access: read-write, addresses: [all],
     functions: [1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 15, 16, 17, 20, 21, 22, 23, 24, 43]}
  - {name: see, roles: [reader], units: [all], access: read, addresses: [all]}
  - {name: near, roles: [tuner], units: [1], access: read, addresses: [0-19]}
  - {name: tune, roles: [tuner], units: [1], access: write, addresses: [16-17]}
"""


class Gateway(Target):
    """bourdon-bridge in front of a plain simulator."""

    takes_all_before_it_answers = True

    def __init__(self, name, pki, plc, profile="mbaps-v36", limits="handshake_timeout: 5s", outstanding=1):
        super().__init__(name, pki, None)
        pki.make_revocations()
        self.use(POLICY, "good")
        facts = {"pki": pki.folder, "name": name, "plc": "%s:%d" % plc}
        facts.update(profile=profile, limits=limits, outstanding=outstanding)
        write(pki.path(name + ".yaml"), BRIDGE.format(**facts))
        program = os.path.join(os.environ["BOURDON_BIN"], "bourdon-bridge")
        self.process = subprocess.Popen([program, "-c", pki.path(name + ".yaml")], stderr=subprocess.PIPE, text=True)
        self.log, self.changed = [], threading.Condition()
        threading.Thread(target=self.read_log, daemon=True).start()

    def wait_until_it_listens(self):
        listening = self.wait_for("event=listening", 0)
        self.address = ("127.0.0.1", int(re.search(r"port=(\d+)", listening).group(1)))

    def read_log(self):
        for line in self.process.stderr:
            with self.changed:
                self.log.append(line)
                self.changed.notify_all()

    def wait_for(self, event, start):
        def found():
            return next((line for line in self.log[start:] if event in line), None)

        with self.changed:
            assert self.changed.wait_for(found, DEADLINE_S), f"no {event}: " + "".join(self.log[-5:])
            return found()

    def use(self, rules, revocations):
        write(self.pki.path(self.name + "-policy.yaml"), rules)
        write(self.pki.path(self.name + "-crl.pem"), read(self.pki.path(f"crl-{revocations}.pem")))

    def reload(self, rules, revocations):
        start = len(self.log)
        self.use(rules, revocations)
        self.process.send_signal(signal.SIGHUP)
        self.wait_for("event=reloaded", start)

    @contextlib.contextmanager
    def use_rules(self, rules):
        self.reload(rules, "good")
        yield
        self.reload(POLICY, "good")

    @contextlib.contextmanager
    def use_revocations(self, kind):
        self.reload(POLICY, kind)
        yield
        self.reload(POLICY, "good")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(DEADLINE_S)
        assert status == 0, f"exit status {status}: " + "".join(self.log[-20:])


@contextlib.contextmanager
def gateway_before(plc, pki, name="gateway", **options):
    """A gateway before that address, which must end well."""
    target = Gateway(name, pki, plc, **options)
    try:
        target.wait_until_it_listens()
        yield target
        target.stop()
    except BaseException:
        print("".join(target.log[-40:]), file=sys.stderr)
        raise
    finally:
        target.process.kill()


@contextlib.contextmanager
def gateway(pki, profile="mbaps-v36"):
    with Plcsim() as plc, gateway_before(plc.address, pki, f"gateway-{profile}", profile=profile) as target:
        yield target


TARGETS = {
    "plcsim": plcsim,
    "plcsim-sunspec": functools.partial(plcsim, profile="sunspec"),
    "plcsim-nist": functools.partial(plcsim, profile="nist"),
    "gateway": gateway,
    "gateway-sunspec": functools.partial(gateway, profile="sunspec"),
    "gateway-nist": functools.partial(gateway, profile="nist"),
}
