"""The plug is pulled: of what bridge or server wrote there is what their disk had at that moment.

What the bridge had committed to its spool is there, and what was acknowledged is in the store. The control leaves
fsyncs of the write-ahead log out, as synchronous=NORMAL would: the same test must see that.
"""

import tempfile
import time

from disk import Disk, cut_power, need_disks
from inject import need_strace, with_injection, without_injection
from oracle import judge
from plant import Plant, amount, eventually, run_tests, seeded

CUTS = 50
LONGEST_LIFE_S = 0.25
CUTS_UNTIL_SEEN = 10


class Site:
    """A plant whose spool and store are on disks of their own."""

    def __init__(self, folder, seed=1):
        self.spool_disk, self.store_disk = Disk(folder, "spool"), Disk(folder, "store")
        self.plant = Plant(seed, self.spool_disk.path("spool.db"), self.store_disk.path("store.db"))

    def __enter__(self):
        self.plant.__enter__()
        return self

    def __exit__(self, *trace):
        self.plant.__exit__(*trace)
        self.spool_disk.unmount()
        self.store_disk.unmount()

    def victims(self, names):
        both = {"bridge": (self.plant.bridge, self.spool_disk), "server": (self.plant.server, self.store_disk)}
        return [both[name] for name in names]


def next_sequence(plant):
    eventually(lambda: plant.status() is not None, f"an answer: {plant.why()}")
    return plant.spool_status("next_seq")


def cut_and_restart(site, names):
    """Returns whether the spool has all it had committed."""
    before = next_sequence(site.plant) if "bridge" in names else 0
    cut_power(site.victims(names))
    for daemon, _ in site.victims(names):
        daemon.start()
    return "bridge" not in names or next_sequence(site.plant) >= before


def nothing_committed_is_lost():
    chance = seeded()
    with tempfile.TemporaryDirectory() as folder, Site(folder, chance.randrange(1 << 32)) as site:
        site.plant.start()
        for cut in range(amount(CUTS)):
            time.sleep(chance.uniform(0, LONGEST_LIFE_S))
            names = chance.choice([["bridge"], ["server"], ["bridge", "server"]])
            assert cut_and_restart(site, names), f"cut {cut}: the spool has lost a commit"
            if cut % 10 == 9:
                site.plant.wait_for_acks(2)
        site.plant.wait_for_acks()
        site.plant.end_run()
        judge(site.plant).assert_clean()


def without_fsync_of(site, name):
    """Lives in which the log is not synced, each with its cut. Returns whether the spool has all it had committed."""
    daemon, disk = site.victims([name])[0]
    log = {"bridge": "spool.db-wal", "server": "store.db-wal"}[name]
    with_injection(daemon, "fdatasync", "retval=0", "1+", path=disk.path(log))
    whole = True
    site.plant.start()
    for _ in range(CUTS_UNTIL_SEEN):
        site.plant.wait_for_acks(3)
        whole = cut_and_restart(site, [name]) and whole
    without_injection(daemon)
    return whole


def a_store_that_does_not_sync_is_caught():
    with tempfile.TemporaryDirectory() as folder, Site(folder) as site:
        without_fsync_of(site, "server")
        site.plant.server.kill()
        site.plant.server.start()
        site.plant.end_run()
        verdict = judge(site.plant)
        print(verdict)
        assert verdict.counts["unstored"] > 0, "acknowledged batches survived without an fsync: the test sees nothing"


def a_spool_that_does_not_sync_is_caught():
    with tempfile.TemporaryDirectory() as folder, Site(folder) as site:
        assert not without_fsync_of(site, "bridge"), "commits survived without an fsync: the test sees nothing"


need_strace()
with tempfile.TemporaryDirectory() as trial:
    need_disks(trial)
run_tests(
    [nothing_committed_is_lost, a_store_that_does_not_sync_is_caught, a_spool_that_does_not_sync_is_caught]
)
