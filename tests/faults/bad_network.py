"""Bad networks between bridge and server: cut for a while, flapping, losing 30 % of the packets in each direction.

Nothing is lost, nothing is stored twice, and it goes on by itself.
"""

import time

from network import Network, need_network
from oracle import judge
from plant import amount, run_tests, seeded

ROUNDS = 3
LONGEST_CUT_S = 1.0
FLAPS_A_ROUND = 8
LOSS = 30
PATIENCE_S = 120


def with_a_plant(torment):
    chance = seeded()
    with Network() as network, network.plant(seed=chance.randrange(1 << 32)) as plant:
        plant.start()
        plant.wait_for_acks(3)
        torment(plant, network, chance)
        network.lose(0)
        plant.wait_for_acks(3, PATIENCE_S)
        plant.end_run(PATIENCE_S)
        judge(plant).assert_clean()


def cut_it(plant, network, chance):
    for _ in range(amount(ROUNDS)):
        network.lose(100)
        time.sleep(chance.uniform(0, LONGEST_CUT_S))  # random on purpose: nothing below relies on how long it is
        network.lose(0)
        plant.wait_for_acks(2, PATIENCE_S)


def let_it_flap(plant, network, chance):
    for _ in range(amount(ROUNDS)):
        for _ in range(FLAPS_A_ROUND):
            network.lose(100)
            time.sleep(chance.uniform(0, 0.1))
            network.lose(0)
            time.sleep(chance.uniform(0, 0.1))
        plant.wait_for_acks(2, PATIENCE_S)


def lose_packets(plant, network, chance):
    """Connections are made anew meanwhile, too."""
    network.lose(LOSS)
    for _ in range(amount(ROUNDS)):
        plant.wait_for_acks(2, PATIENCE_S)
        if chance.random() < 0.5:
            plant.server.kill()
            plant.server.start()
    assert network.lost() > 0, "no packet was lost: this proves nothing"


def partitions_lose_nothing():
    with_a_plant(cut_it)


def flapping_loses_nothing():
    with_a_plant(let_it_flap)


def losing_packets_loses_nothing():
    with_a_plant(lose_packets)


need_network()
run_tests([partitions_lose_nothing, flapping_loses_nothing, losing_packets_loses_nothing])
