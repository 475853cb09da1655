"""The field side in a process of its own: polls what a configuration says and gives the readings."""

import os
import subprocess
import tempfile
import time

WAIT_S = 20


class FieldPrint:
    """`links` is the YAML of the links; `latest` keeps the last (quality, value) of each tag."""

    def __init__(self, links):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".yaml")
        self.file.write("links:\n" + links)
        self.file.flush()
        self.process = subprocess.Popen(
            [os.path.join(os.environ["BOURDON_BIN"], "field_print"), self.file.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.latest = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.read()
        status = self.process.wait(timeout=WAIT_S)
        self.file.close()
        assert status == 0, status

    def read(self):
        """Takes one reading."""
        line = self.process.stdout.readline()
        assert line, "field_print ended"
        tag, quality, value = line.rstrip("\n").split("\t")
        self.latest[tag] = (quality, value)
        return tag, quality, value

    def wait(self, condition, what):
        """Takes readings until `condition(latest)` holds."""
        end = time.monotonic() + WAIT_S
        while not condition(self.latest):
            assert time.monotonic() < end, f"{what}: {self.latest}"
            self.read()


def is_good(reading):
    """A value as good as this machine's clock lets it be."""
    return reading is not None and reading[0] in ("good", "uncertain_clock")
