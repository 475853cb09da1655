"""Watches a bridge on a pseudo terminal of 80 columns and 24 lines: watch_screen.py BOURDON SOCKET"""

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

DEADLINE_S = 20
LINES, COLUMNS = 24, 80


class Screen:
    def __init__(self, *command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
            os.execv(command[0], command)
        self.bytes = b""

    @property
    def text(self):
        return self.bytes.decode(errors="ignore")

    def read(self):
        """False: the program has ended and everything it wrote is read."""
        if select.select([self.fd], [], [], 0.1)[0]:
            try:
                self.bytes += os.read(self.fd, 65536)
            except OSError:
                return False
        return True

    def wait(self, condition, what):
        end = time.monotonic() + DEADLINE_S
        while not condition(self.text) and self.read():
            assert time.monotonic() < end, f"never seen: {what}\n{self.text[-3000:]!r}"
        assert condition(self.text), f"never seen: {what}\n{self.text[-3000:]!r}"

    def ended(self):
        end = time.monotonic() + DEADLINE_S
        while self.read():
            assert time.monotonic() < end, "it does not end"
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def frames(text):
    return text.split("\033[H")[1:]


def check_frame(frame):
    lines = re.sub(r"\033\[[0-9;?]*[A-Za-z]", "", frame).split("\r\n")
    assert len(lines) <= LINES, f"{len(lines)} lines"
    assert max(map(len, lines)) < COLUMNS, lines
    assert lines[1].split() == ["TAG", "VALUE", "UNIT", "QUALITY", "AGE"], lines[1]
    return lines


def main():
    program, socket = sys.argv[1:3]
    for key in (b"q", b"\x03"):
        screen = Screen(program, "watch", socket, "--interval", "100ms")
        screen.wait(lambda text: len(frames(text)) > 3, "three frames")
        first = check_frame(frames(screen.text)[2])
        assert "unit-1/coil-0" in first[2], first
        os.write(screen.fd, b" ")
        screen.wait(lambda text: "tags 22 to 42" in text, "the next page")
        os.write(screen.fd, key)
        assert screen.ended() == 0
        assert screen.text.rstrip("^C").endswith("\033[?1049l"), "the terminal is not given back"
        os.close(screen.fd)


main()
