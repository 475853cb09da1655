#!/usr/bin/env python3
"""Whether a server conforms to MODBUS/TCP Security: run.py TARGET [TEST...], where TARGET is one of target.TARGETS.

Every test is named by the requirements it proves; docs/conformance.md lists them all.
"""

import shutil
import socket
import sys
import time

from target import TARGETS, Pki  # finds tests/support for the others

import authorisation
import certificates
import clients
import frames
import handshake

STALL_DEADLINE_S = 60


class Stall:
    """A client that connects and says nothing, from the beginning of a run."""

    def __init__(self, target):
        self.connection = socket.create_connection(target.address)

    def is_ended(self):
        self.connection.settimeout(STALL_DEADLINE_S)
        try:
            return self.connection.recv(1) == b""
        except TimeoutError:
            return False
        except ConnectionError:
            return True


def run(target, tests):
    stall = Stall(target)
    failed = []
    for test in tests:
        started = time.monotonic()
        try:
            note = test(target)
        except Exception as error:  # the next test may still tell something
            failed.append(test.__name__)
            note = f"FAILED: {type(error).__name__}: {error}"
        print(f"{test.__name__} ({time.monotonic() - started:.1f} s) {note or ''}", flush=True)
    if not stall.is_ended():
        failed.append("a_handshake_that_stalls_is_ended")
    print(f"{target.name}: {len(tests) + 1} tests, {len(failed)} failed", *failed)
    return 1 if failed else 0


def main():
    name, wanted = sys.argv[1], sys.argv[2:]
    tests = [test for module in (handshake, certificates, authorisation, frames, clients) for test in module.TESTS]
    pki = Pki()
    try:
        with TARGETS[name](pki) as target:
            return run(target, [test for test in tests if not wanted or test.__name__ in wanted])
    finally:
        shutil.rmtree(pki.folder)


if __name__ == "__main__":
    sys.exit(main())
