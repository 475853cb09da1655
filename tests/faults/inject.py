"""Does something to the Nth system call of a daemon: strace, which needs leave to trace.

with_injection(plant.bridge, "fdatasync", "error=EIO", 3)      # the third one of a thread fails
with_injection(plant.bridge, "fdatasync", "error=EIO", "3+")   # and all later ones

strace counts for each thread of its own, so the third call of a process may be missed while a thread's third is not.
"""

import os
import re
import subprocess

from plant import skip

SYNC = "fdatasync,fsync"
WRITE = "pwrite64"
# LeakSanitizer cannot work while another traces.
UNSANITIZED = {"ASAN_OPTIONS": "detect_leaks=0"}


def need_strace():
    try:
        subprocess.run(["strace", "-qq", "-e", "trace=none", "true"], check=True, capture_output=True, timeout=20)
    except (OSError, subprocess.CalledProcessError) as error:
        skip(f"strace does not work here: {error}")


def with_injection(daemon, calls, effect, when, path=None):
    """With `path`, only calls on that file."""
    report = daemon.log + ".strace"
    open(report, "w").close()
    trace = ["-e", f"trace={calls}", "-e", f"inject={calls}:{effect}:when={when}"]
    trace += ["-P", path] if path else []
    daemon.prefix = ["strace", "-D", "-f", "-qq", "-y", "-o", report, *trace]
    daemon.environment = UNSANITIZED
    return report


def without_injection(daemon):
    daemon.prefix, daemon.environment = [], {}


def was_injected(daemon):
    """Whether it has happened to a file; SQLite syncs folders without heeding the outcome, and ours is checked."""
    report = daemon.log + ".strace"
    if not os.path.exists(report):
        return False
    with open(report, encoding="utf-8", errors="replace") as file:
        paths = [match[1] for match in re.finditer(r"^\d+ +\w+\(\d+<([^>]*)>.*INJECTED", file.read(), re.MULTILINE)]
    return any(not os.path.isdir(path) for path in paths)
