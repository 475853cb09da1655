"""A disk that is really full, and then has space again: of the spool and of the store.

Nobody has to help: the bridge stops polling, or drops what is oldest, and goes on when there is space; the server tells
bridges to wait. What was acknowledged is stored, and what was not polled or dropped is in gap records.
"""

import os
import tempfile

from disk import Disk, need_disks
from oracle import judge
from plant import Plant, run_tests

BLOCK = 1 << 16


class Filler:
    """Somebody else's file that takes the space, all but `leave` bytes of it."""

    def __init__(self, disk, leave=0):
        self.path = disk.path("filler")
        self.file = open(self.path, "wb", buffering=0)
        self.leave, self.disk = leave, disk
        self.grow()

    def grow(self):
        size = BLOCK
        while size > 0:
            size = min(size, self.disk.free() - self.leave) if self.leave else size
            try:
                if size > 0:
                    self.file.write(b"\xaa" * size)
            except OSError:
                size //= 2

    def remove(self):
        self.file.close()
        os.remove(self.path)


def with_a_full_spool_disk(limits, torment):
    with tempfile.TemporaryDirectory() as folder, Disk(folder, "spool") as disk:
        with Plant(spool=disk.path("spool.db"), limits=limits) as plant:
            plant.start()
            plant.wait_for_acks(3)
            torment(plant, disk)
            plant.wait_for_acks(10)
            plant.end_run()
            judge(plant).assert_clean()


def fill_and_free(plant, disk):
    filler = Filler(disk)
    plant.bridge.wait_for("event=polling_paused")
    filler.grow()
    assert plant.bridge.is_running()
    filler.remove()
    plant.bridge.wait_for("event=polling_resumed")


def the_bridge_waits_for_space():
    with_a_full_spool_disk("{min_free: 0}", fill_and_free)


def the_bridge_stops_before_the_disk_is_full():
    with_a_full_spool_disk("{min_free: 6MiB}", fill_and_free)


def kill_it_while_it_is_full(plant, disk):
    filler = Filler(disk)
    plant.bridge.wait_for("event=polling_paused")
    filler.grow()
    for _ in range(3):
        plant.bridge.kill()
        filler.grow()
        plant.bridge.start().wait_for("event=ready")
        plant.bridge.wait_for("event=polling_paused")
    filler.remove()
    plant.bridge.wait_for("event=polling_resumed")


def the_bridge_starts_on_a_full_disk():
    for limits in ("{min_free: 0}", "{min_free: 6MiB}"):
        with_a_full_spool_disk(limits, kill_it_while_it_is_full)


def an_outage_on_a_disk_somebody_fills(plant, disk):
    plant.server.kill()
    plant.wait_for_batches(10)
    filler = Filler(disk, leave=5 << 20)
    plant.wait_for_batches(10)
    filler.remove()
    plant.server.start()


def the_bridge_drops_what_is_oldest():
    with_a_full_spool_disk("{min_free: 6MiB, when_full: drop-oldest}", an_outage_on_a_disk_somebody_fills)


def with_a_full_store_disk(torment):
    with tempfile.TemporaryDirectory() as folder, Disk(folder, "store") as disk:
        with Plant(store=disk.path("store.db")) as plant:
            plant.start()
            plant.wait_for_acks(3)
            filler = Filler(disk)
            plant.server.wait_for("event=store_refuses")
            torment(plant, filler)
            filler.remove()
            plant.wait_for_acks(10)
            plant.end_run()
            judge(plant).assert_clean()


def the_server_waits_for_space():
    with_a_full_store_disk(lambda plant, filler: filler.grow())


def kill_the_server(plant, filler):
    plant.server.kill()
    filler.grow()
    plant.server.start().wait_for("event=started")
    plant.server.wait_for("event=store_refuses")


def the_server_starts_on_a_full_disk():
    with_a_full_store_disk(kill_the_server)


with tempfile.TemporaryDirectory() as trial:
    need_disks(trial)
run_tests(
    [
        the_bridge_waits_for_space,
        the_bridge_stops_before_the_disk_is_full,
        the_bridge_starts_on_a_full_disk,
        the_bridge_drops_what_is_oldest,
        the_server_waits_for_space,
        the_server_starts_on_a_full_disk,
    ]
)
