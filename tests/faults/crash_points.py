"""Death at every single fsync and write: the Nth one kills the process, for N = 1, 2, 3 … until a life passes without.

In a life spool or store are made, or found, a few batches are acknowledged, and the daemon stops. How many calls that
takes depends on how many batches it commits at once; the first few lives go on until they die. After each death the
daemon starts again, and everything is there. In CI every fsync and some of the writes; with BOURDON_LONG every write.
"""

import itertools
import os

from inject import SYNC, WRITE, need_strace, with_injection, without_injection
from oracle import judge
from plant import Plant, eventually, run_tests, seeded

ACKS_OF_A_LIFE = 3
WRITES_OF_A_LIFE = 60
WRITES_IN_CI = 8


def live(plant, victim, calls, nth, until_death):
    """Whether the victim was killed before it had stopped; `until_death`: it is not stopped."""
    with_injection(victim, calls, "signal=KILL", nth)
    enough = plant.acked() + ACKS_OF_A_LIFE
    plant.server.start()
    plant.bridge.start()

    def is_over():
        return not victim.is_running() or (not until_death and plant.acked() >= enough)

    eventually(is_over, f"{nth}: {'death' if until_death else 'a life'}: {plant.why()}")
    status = victim.stop() if victim.is_running() else victim.wait()
    assert status in (0, -9), f"{calls} {nth}: exit status {status}: {victim.tail()}"
    without_injection(victim)
    victim.start()
    plant.wait_for_acks(2)
    plant.end_run()
    return status == -9


def die_at(name, calls, points, anew, at_least):
    """At so many of the points for certain, and then as long as they are reached. `anew`: each life makes the files."""
    with Plant() as plant:
        plant.start_plc()
        for count, nth in enumerate(points):
            if anew and count > 0:
                plant.begin_run()
            if not live(plant, getattr(plant, name), calls, nth, until_death=count < at_least):
                break
        assert count >= at_least
        judge(plant).assert_clean()
        print(f"{name}: {count} deaths at {calls} {'of new' if anew else 'of old'} files", flush=True)


def every_point():
    return itertools.count(1)


def points_of_writes(chance):
    if "BOURDON_LONG" in os.environ:
        return every_point()
    return sorted(chance.sample(range(1, WRITES_OF_A_LIFE), WRITES_IN_CI))


def the_bridge_dies_at_every_fsync():
    for anew in (True, False):
        die_at("bridge", SYNC, every_point(), anew, at_least=5)


def the_server_dies_at_every_fsync():
    for anew in (True, False):
        die_at("server", SYNC, every_point(), anew, at_least=5)


def either_dies_at_a_write():
    chance = seeded()
    for name in ("bridge", "server"):
        for anew in (True, False):
            die_at(name, WRITE, points_of_writes(chance), anew, at_least=1)


need_strace()
run_tests([the_bridge_dies_at_every_fsync, the_server_dies_at_every_fsync, either_dies_at_a_write])
