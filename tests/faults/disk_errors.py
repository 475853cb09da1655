"""A disk that fails: the Nth fsync or write is an error, once or from then on for ever.

After a failed fsync nobody knows what is on the disk: the daemon must acknowledge nothing more and exit with a
failure, and start again from what is there. A full disk is no failure: it is waited for. Nothing is lost either way.
"""

import itertools
import os
import signal
import time

from inject import SYNC, WRITE, need_strace, was_injected, with_injection, without_injection
from oracle import judge
from plant import Plant, eventually, run_tests, seeded

ACKS_OF_A_LIFE = 3
CALLS_OF_A_LIFE = {SYNC: 8, WRITE: 40}
POINTS_IN_CI = 2
MAKING = 12  # calls that go into making the files


def suffers(plant, victim, is_fatal):
    """Lives until the error has happened, or long enough. Returns whether it has."""
    enough = plant.acked() + ACKS_OF_A_LIFE
    plant.server.start()
    plant.bridge.start()
    happened = lambda: not victim.is_running() or was_injected(victim)  # noqa: E731
    eventually(lambda: happened() or plant.acked() >= enough, f"a life: {plant.why()}")
    if not happened():
        victim.stop()
        return False
    if is_fatal:
        assert victim.wait() == 1, f"it went on, or crashed: {victim.tail()}"
        return True
    time.sleep(0.1)  # whatever it does now is judged in the end; until it has started any signal may end it
    status = victim.stop() if victim.is_running() else victim.wait()
    cut_short = status == -signal.SIGTERM and not victim.said("event=(started|ready)")
    assert status in (0, 1) or cut_short, f"exit status {status}: {victim.tail()}"
    return True


def recovers(plant, victim):
    without_injection(victim)
    victim.start()
    plant.wait_for_acks(2)
    plant.end_run()


def points(chance, calls):
    if "BOURDON_LONG" in os.environ:
        return range(1, CALLS_OF_A_LIFE[calls] + MAKING)
    return sorted(chance.sample(range(1, CALLS_OF_A_LIFE[calls]), POINTS_IN_CI))


def try_errors(calls, errors, is_fatal):
    """Every combination of victim, error, once or for ever, with files made anew and found; at some points or all."""
    chance = seeded()
    for name, anew in itertools.product(("bridge", "server"), (True, False)):
        with Plant() as plant:
            plant.start_plc()
            hits = 0
            for error, from_then_on in itertools.product(errors, ("", "+")):
                for nth in points(chance, calls):
                    if anew and plant.acked() > 0:
                        plant.begin_run()
                    victim = getattr(plant, name)
                    with_injection(victim, calls, f"error={error}", f"{nth}{from_then_on}")
                    hits += suffers(plant, victim, is_fatal)
                    recovers(plant, victim)
            judge(plant).assert_clean()
            print(f"{name}: {hits} errors at {calls} of {'new' if anew else 'old'} files", flush=True)
            assert hits > 0


def a_failed_fsync_ends_the_daemon():
    try_errors(SYNC, ("EIO", "ENOSPC"), is_fatal=True)


def a_failed_write_ends_the_daemon():
    try_errors(WRITE, ("EIO",), is_fatal=True)


def a_full_disk_ends_nobody():
    try_errors(WRITE, ("ENOSPC",), is_fatal=False)


need_strace()
run_tests([a_failed_fsync_ends_the_daemon, a_failed_write_ends_the_daemon, a_full_disk_ends_nobody])
