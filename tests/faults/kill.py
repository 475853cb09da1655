"""kill -9 of bridge, server or both at random moments: what was acknowledged is stored, nothing is stored twice, and
what a crash took of the bridge's memory is a gap."""

from oracle import judge
from plant import Plant, amount, run_tests, seeded
import time

CYCLES = 200
LONGEST_LIFE_S = 0.25  # some die while they start, some in full swing


def the_plant_survives(cycles):
    chance = seeded()
    with Plant(seed=chance.randrange(1 << 32)) as plant:
        plant.start()
        for cycle in range(cycles):
            # The moment is random on purpose: in the middle of anything. Nothing below relies on how long it is.
            time.sleep(chance.uniform(0, LONGEST_LIFE_S))
            victims = chance.choice([[plant.bridge], [plant.server], [plant.bridge, plant.server]])
            for victim in victims:
                assert victim.is_running(), f"cycle {cycle}: {victim.name} had ended by itself: {victim.tail()}"
                victim.kill()
            for victim in victims:
                victim.start()
            if cycle % 10 == 9:
                plant.wait_for_acks(2)
        plant.wait_for_acks()
        plant.end_run()
        verdict = judge(plant)
        verdict.assert_clean()
        assert verdict.counts["accounted"] > 0, "no crash took anything: it was never in the middle"


def bridge_and_server_are_killed_at_random_moments():
    the_plant_survives(amount(CYCLES))


run_tests([bridge_and_server_are_killed_at_random_moments])
