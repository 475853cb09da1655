"""Spools and stores that come back from copies, and a bridge that is cloned, with real processes and the oracle.

The clone is a second bridge process with the same certificate and a copy of the spool. It finds no PLC, so that whatever
the PLC gave out must come from the first. tests/simulation does the same in thousands of ways (`fencing`); this shows
that the real programs say so, and what.
"""

from damage import copy_database
from oracle import judge
from plant import Daemon, Plant, control, eventually, run_tests

NOBODY = "127.0.0.1:1"  # where no PLC listens
REFUSED = r"level=error sub=uplink event=connect_failed .*another bridge with this name and a copy of this spool"


class Clone:
    """A second bridge beside a plant's: all its own but the name, the certificate and what the spool held."""

    def __init__(self, plant):
        self.spool, config = plant.path("clone.db"), plant.path("clone.yaml")
        copy_database(plant.run.spool, self.spool)
        with open(plant.path("bridge.yaml"), encoding="ascii") as file:
            text = file.read()
        for old, new in ((plant.run.spool, self.spool), ("bridge.sock", "clone.sock"), (plant.plc_address, NOBODY)):
            text = text.replace(old, new)
        with open(config, "w", encoding="ascii") as file:
            file.write(text)
        self.daemon = Daemon("bourdon-bridge", config, plant.path("clone.log"))
        plant.others.append(self.daemon)
        self.control = plant.path("clone.sock")

    def has_delivered(self):
        return control(self.control, "status")["spool"]["batches"] == 0


def a_clone_is_refused_while_the_first_goes_on():
    with Plant() as plant:
        plant.start()
        plant.wait_for_acks()
        plant.bridge.kill()
        clone = Clone(plant)
        plant.bridge.start()
        plant.wait_for_acks()
        clone.daemon.start().wait_for(REFUSED)
        assert clone.daemon.said("stop it, or give it a certificate and a spool of its own"), clone.daemon.tail()
        assert not clone.daemon.said("event=batch_acked"), clone.daemon.tail()
        eventually(lambda: plant.server.said("level=error sub=front event=clone_refused"), plant.server.tail())
        plant.wait_for_acks()
        assert not plant.bridge.said("event=disconnected"), plant.bridge.tail()
        assert clone.daemon.stop() == 0, clone.daemon.tail()  # or it came in as soon as the first is gone
        plant.end_run()
        judge(plant).assert_clean()
        the_clone_comes_in_once_it_is_alone(plant, clone)


def the_clone_comes_in_once_it_is_alone(plant, clone):
    """What it has is stored, too, if need be under other numbers."""
    plant.server.start()
    clone.daemon.start().wait_for(r"level=error sub=uplink event=fenced .*another bridge runs with a copy of it")
    eventually(clone.has_delivered, f"the clone delivers: {clone.daemon.tail()}")
    assert clone.daemon.stop() == 0, clone.daemon.tail()
    assert plant.server.stop() == 0, plant.server.tail()
    judge(plant).assert_clean(but=("reordered",))  # it read at the same time as the first


def a_spool_that_comes_back_goes_on_above_what_the_store_has():
    with Plant() as plant:
        plant.start()
        plant.wait_for_acks()
        plant.bridge.kill()
        copy_database(plant.run.spool, plant.path("old.db"))
        plant.bridge.start()
        plant.wait_for_acks(20)
        plant.bridge.kill()
        copy_database(plant.path("old.db"), plant.run.spool)
        plant.bridge.start().wait_for(r"level=error sub=uplink event=fenced .*the spool came back from an old copy")
        plant.wait_for_acks()
        plant.end_run()
        judge(plant).assert_clean()


def a_store_that_comes_back_is_told_what_it_lost():
    with Plant() as plant:
        plant.start()
        plant.wait_for_acks()
        plant.server.kill()
        copy_database(plant.run.store, plant.path("old.db"))
        plant.server.start()
        plant.wait_for_acks(20)
        plant.server.kill()
        copy_database(plant.path("old.db"), plant.run.store)
        plant.server.start()
        plant.bridge.wait_for(r"level=error sub=uplink event=fenced .*it came back from an old copy")
        plant.wait_for_acks()
        plant.end_run()
        verdict = judge(plant)
        verdict.assert_clean(but=("unstored",))  # that is what a copy does
        assert verdict.counts["unstored"] > 0 and verdict.counts["accounted"] > 0


run_tests([
    a_clone_is_refused_while_the_first_goes_on,
    a_spool_that_comes_back_goes_on_above_what_the_store_has,
    a_store_that_comes_back_is_told_what_it_lost,
])
