"""A server of MODBUS/TCP Security under test, the certificates its clients show, and a client without any Modbus
logic of its own.

What every target must be set up with:
  unit 1   holding registers 0 to 19, of which 16 can be written; coils 0 and 1 can be written; unit 99 does not exist
  roles    "operator" reads and writes everything; "reader" reads everything; "tuner" reads addresses 0 to 19 and
           writes 16 and 17; no role, or one not named here: nothing
"""

import contextlib
import functools
import os
import ssl
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["BOURDON_SOURCE"], "tests", "support"))
from plcsim import DEADLINE_S, Plcsim, RawClient, split

UNIT, MISSING_UNIT = 1, 99
SETPOINT = 16
ROLE_OID = "1.3.6.1.4.1.50316.802.1"


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


class SecureClient(RawClient):
    """A TLS client that checks the server; `pair` is a path without .pem and .key, None = shows nothing."""

    def __init__(self, target, pair, version=None, keylog=None, address=None):
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
        plain = socket.create_connection(address, timeout=DEADLINE_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname=address[0])

    def ends(self):
        """Whether the server ends the connection without another byte."""
        try:
            return self.socket.recv(1) == b""
        except (ssl.SSLError, ConnectionError):
            return True


class Target:
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
    with open(path, "w", encoding="ascii") as file:
        file.write(SCENARIO.format(pki=pki.folder, profile=profile))
    with Plcsim("-c", path, listen=None) as plc:
        yield Target("plcsim", pki, split(plc.addresses[0]))


TARGETS = {
    "plcsim": plcsim,
    "plcsim-sunspec": functools.partial(plcsim, profile="sunspec"),
    "plcsim-nist": functools.partial(plcsim, profile="nist"),
}
