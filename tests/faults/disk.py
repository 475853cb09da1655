"""A small disk of a test's own: ext4 in a file. Needs leave to mount, that is root."""

import os
import signal
import subprocess
import time

from plant import DEADLINE_S, skip

SIZE = "24M"


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=DEADLINE_S)


class Disk:
    """Mounted while it is open."""

    def __init__(self, folder, name):
        self.image = os.path.join(folder, f"{name}.img")
        self.mounted = os.path.join(folder, name)
        os.mkdir(self.mounted)
        run("truncate", "-s", SIZE, self.image)
        run("mkfs.ext4", "-q", "-m", "0", self.image)
        self.mount()

    def path(self, name):
        return os.path.join(self.mounted, name)

    def mount(self):
        run("mount", "-o", "loop", self.image, self.mounted)

    def unmount(self):
        """The kernel lets a process that was killed go in its own time."""
        end = time.monotonic() + DEADLINE_S
        while os.path.ismount(self.mounted):
            done = subprocess.run(["umount", self.mounted], capture_output=True, text=True, check=False)
            assert done.returncode == 0 or time.monotonic() < end, done.stderr
            time.sleep(0.01 if done.returncode else 0)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.unmount()

    def free(self):
        status = os.statvfs(self.mounted)
        return status.f_bavail * status.f_frsize


def cut_power(victims):
    """(daemon, disk) each: they end, and of what they wrote there is what was on the disk at that moment."""
    for daemon, _ in victims:
        daemon.process.send_signal(signal.SIGSTOP)
    for _, disk in victims:
        run("cp", "--sparse=always", disk.image, disk.image + ".cut")
    for daemon, disk in victims:
        daemon.kill()
        disk.unmount()
        os.rename(disk.image + ".cut", disk.image)
        disk.mount()


def need_disks(folder):
    try:
        with Disk(folder, "trial"):
            pass
    except (OSError, subprocess.CalledProcessError) as error:
        skip(f"cannot mount a file here: {getattr(error, 'stderr', '') or error}")
