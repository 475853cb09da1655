#!/usr/bin/env python3
"""testssl.sh (Debian package of that name) looks for known weaknesses of a target: scan.py TARGET. Takes a minute, so
it is no test of every day."""

import re
import shutil
import subprocess
import sys

from target import TARGETS, Pki

SKIPPED = 77
DEADLINE_S = 600


def scan(target):
    command = ["testssl", "--quiet", "--color", "0", "--warnings", "batch", "--nodns", "none", "--protocols", "--std"]
    command += ["--vulnerable", "%s:%d" % target.address]
    said = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S).stdout
    print(said)
    finished = "DROWN" in said and "RC4" in said and "TLS 1.2" in said
    weak = [line for line in said.splitlines() if re.search(r"NOT ok|VULNERABLE", line)]
    print("weak:", *weak or ["nothing"], sep="\n")
    return 0 if finished and not weak else 1


def main():
    if not shutil.which("testssl"):
        print("left out: testssl is not installed")
        return SKIPPED
    pki = Pki()
    try:
        with TARGETS[sys.argv[1]](pki) as target:
            return scan(target)
    finally:
        shutil.rmtree(pki.folder)


if __name__ == "__main__":
    sys.exit(main())
