#!/usr/bin/env python3
"""Whether a server conforms to MODBUS/TCP Security: run.py TARGET[,TARGET...] [TEST...], where TARGET is one
of target.TARGETS. Several share their certificates and the time that a stalled handshake takes.

Every test is named by the requirements it proves; docs/conformance.md lists them all.
"""

import contextlib
import shutil
import socket
import sys
import time

from target import TARGETS, Pki  # finds tests/support for the others

import authorisation
import certificates
import clients
import conversations
import frames
import handshake
import reload

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
    failed = []
    for test in tests:
        started = time.monotonic()
        try:
            note = test(target)
        except Exception as error:  # the next test may still tell something
            failed.append(test.__name__)
            note = f"FAILED: {type(error).__name__}: {error}"
        print(f"{target.name}: {test.__name__} ({time.monotonic() - started:.1f} s) {note or ''}", flush=True)
    print(f"{target.name}: {len(tests)} tests, {len(failed)} failed", *failed)
    return failed


def run_all(targets, tests):
    stalls = [Stall(target) for target in targets]
    failed = [name for target in targets for name in run(target, tests)]
    for target, stall in zip(targets, stalls):
        if not stall.is_ended():
            failed.append(f"{target.name}: a_handshake_that_stalls_is_ended")
    print(f"{len(failed)} failed", *failed)
    return 1 if failed else 0


def main():
    names, wanted = sys.argv[1].split(","), sys.argv[2:]
    modules = (handshake, conversations, certificates, authorisation, reload, frames, clients)
    tests = [test for module in modules for test in module.TESTS]
    pki = Pki()
    try:
        with contextlib.ExitStack() as stack:
            targets = [stack.enter_context(TARGETS[name](pki)) for name in names]
            return run_all(targets, [test for test in tests if not wanted or test.__name__ in wanted])
    finally:
        shutil.rmtree(pki.folder)


if __name__ == "__main__":
    sys.exit(main())
