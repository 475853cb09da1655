"""A NATS cluster of three whose nodes are killed while batches flow, servers that are killed beside it, and a drain into
PostgreSQL that is killed, too: what was acknowledged is in the tables, once."""

import signal
import subprocess
import time

from oracle import judge
from plant import DEADLINE_S, Plant, amount, eventually, program, run_tests, seeded
from nats import NODES, Nats
from postgresql import Postgresql
from stores import PostgresqlStore
from watch import Watch

ROUNDS = 2
LONGEST_LIFE_S = 0.5


class DrainedStore(PostgresqlStore):
    """What lies in the stream is judged where it is drained to."""

    def __init__(self, nats, cluster, name):
        super().__init__(cluster, name)
        self.tables, self.url = self.url, nats.url(name)


def drain(plant, store, once=True):
    command = [program("bourdon-server"), "-c", plant.path("server.yaml"), "--drain-to", store.tables]
    return subprocess.Popen([*command, *(["--drain-once"] if once else [])], stdin=subprocess.DEVNULL)


def count(store):
    """Batches in the tables; 0 before there are tables."""
    there = store.cluster.sql("SELECT to_regclass('bourdon.batch') IS NOT NULL", store.name) == [["t"]]
    return int(store.query("SELECT count(*) FROM batch")[0][0]) if there else 0


def nodes_and_servers_die(plant, nats, chance):
    for _ in range(amount(ROUNDS)):
        # The moment is random on purpose: in the middle of anything. Nothing below relies on how long it is.
        time.sleep(chance.uniform(0, LONGEST_LIFE_S))
        node, server_too = chance.randrange(NODES), chance.random() < 0.4
        nats.kill(node)
        if server_too:
            plant.server.kill()
            plant.server.start()
        plant.wait_for_acks(2, 3 * DEADLINE_S)  # two of three are a majority
        nats.start(node)
        plant.wait_for_acks(2, 3 * DEADLINE_S)


def drain_and_die(plant, store):
    first = drain(plant, store, once=False)
    eventually(lambda: count(store) > 0, "the drain moves something", DEADLINE_S)
    first.kill()
    first.wait(DEADLINE_S)


def nodes_that_die_lose_nothing_and_double_nothing():
    chance = seeded()
    with Nats() as nats, Postgresql() as cluster:
        store = DrainedStore(nats, cluster, "plant")
        with Plant(seed=chance.randrange(1 << 32), database=store) as plant:
            plant.start()
            assert plant.server.said("event=store_without_sync"), plant.server.tail()
            plant.wait_for_acks(5)
            drain_and_die(plant, store)
            nodes_and_servers_die(plant, nats, chance)
            plant.end_run(3 * DEADLINE_S)
            assert drain(plant, store).wait(4 * DEADLINE_S) == 0
            judge(plant).assert_clean()


def a_server_that_starts_before_its_cluster_waits_for_it():
    with Nats() as nats, Postgresql() as cluster:
        store = DrainedStore(nats, cluster, "plant")
        with Plant(database=store) as plant, Watch(plant) as watch:
            for node in range(NODES):
                nats.kill(node)
            plant.start_plc()
            plant.server.start().wait_for("event=store_away")
            watch.sees_it_away("NATS")
            plant.bridge.start().wait_for("event=connect_failed.*the store is away; come back later")
            plant.wait_for_batches(3)
            assert plant.acked() == 0 and not plant.bridge.said("event=connected"), plant.why()
            for node in range(NODES):
                nats.start(node)
            plant.wait_for_acks(3, 3 * DEADLINE_S)
            watch.sees_it_there()
            plant.end_run(3 * DEADLINE_S)
            assert drain(plant, store).wait(4 * DEADLINE_S) == 0
            judge(plant).assert_clean()


def a_cluster_that_hangs_harms_no_server():
    """All nodes hold their connections and say nothing: given up, tried again, and no obstacle to a stop."""
    with Nats() as nats, Postgresql() as cluster:
        store = DrainedStore(nats, cluster, "plant")
        with Plant(database=store) as plant:
            plant.start()
            plant.wait_for_acks(5)
            for stop in (False, True) if amount(ROUNDS) > ROUNDS else (True,):
                for node in range(NODES):
                    nats.signal(node, signal.SIGSTOP)
                plant.wait_for_batches(5)
                if stop:
                    assert plant.server.stop(2 * DEADLINE_S) == 0, plant.server.tail()
                else:
                    plant.server.wait_for("event=store_refuses.*NATS", 2 * DEADLINE_S)
                    acked = plant.acked()
                    plant.wait_for_batches(5)
                    assert plant.acked() == acked, f"acknowledged without a cluster: {plant.server.tail()}"
                for node in range(NODES):
                    nats.signal(node, signal.SIGCONT)
                if stop:
                    plant.server.start()
                plant.wait_for_acks(5, 3 * DEADLINE_S)
            plant.end_run(3 * DEADLINE_S)
            assert drain(plant, store).wait(4 * DEADLINE_S) == 0
            judge(plant).assert_clean()


run_tests([
    a_cluster_that_hangs_harms_no_server,
    a_server_that_starts_before_its_cluster_waits_for_it,
    nodes_that_die_lose_nothing_and_double_nothing,
])
