"""The field side in a process of its own: polls what a configuration says and gives the readings."""

import os
import subprocess
import tempfile
import threading
import time
from collections import namedtuple

WAIT_S = 20

Reading = namedtuple("Reading", "tag quality value request_us response_us words")


class FieldPrint:
    """`links` is the YAML of the links. Keeps every reading in the order of their coming."""

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
        self.readings = []
        self.latest = {}  # of each tag
        self.reader = threading.Thread(target=self._take_readings, daemon=True)
        self.reader.start()

    def _take_readings(self):
        for line in self.process.stdout:
            tag, quality, value, request, response, words = line.rstrip("\n").split("\t")
            reading = Reading(tag, quality, value, int(request), int(response), words)
            self.latest[tag] = reading
            self.readings.append(reading)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends the polling; afterwards `readings` is complete."""
        if self.process.poll() is None:
            self.process.stdin.close()
        status = self.process.wait(timeout=WAIT_S)
        self.reader.join(WAIT_S)
        self.file.close()
        assert status == 0, status

    def wait(self, condition, what):
        """Waits until `condition(latest)` holds."""
        end = time.monotonic() + WAIT_S
        while not condition(self.latest):
            assert time.monotonic() < end and self.process.poll() is None, f"{what}: {self.latest}"
            time.sleep(0.01)

    def wait_for_more(self, count):
        """Waits for so many further readings."""
        wanted = len(self.readings) + count
        self.wait(lambda _: len(self.readings) >= wanted, f"{count} further readings")


def is_good(reading):
    """A value as good as this machine's clock lets it be."""
    return reading is not None and reading.quality in ("good", "uncertain_clock")
