"""A PostgreSQL that crashes, restarts and is away while batches flow, and servers that are killed beside it: what was
acknowledged is in its tables, once."""

import time

from oracle import judge
from plant import DEADLINE_S, Plant, amount, run_tests, seeded
from postgresql import Postgresql
from stores import PostgresqlStore
from watch import Watch

ROUNDS = 2
LONGEST_LIFE_S = 0.4


def one_crash(cluster):
    cluster.crash()
    cluster.start()


def one_absence(cluster, plant):
    """Long enough to be noticed by a bridge that has something to send."""
    plant.wait_for_acks(1)
    cluster.stop()
    plant.server.wait_for("event=store_refuses")
    plant.wait_for_batches(3)
    acked = plant.acked()
    plant.wait_for_batches(3)
    assert plant.acked() == acked, f"acknowledged without a database: {plant.server.tail()}"
    cluster.start()
    plant.wait_for_acks(3)
    assert plant.server.said("event=store_works_again"), plant.server.tail()


def one_hang(cluster, plant):
    """It holds its connections and says nothing: given up after PG_ANSWER_MS, and tried again."""
    cluster.freeze()
    plant.server.wait_for("event=connection_lost.*no answer for", 3 * DEADLINE_S)
    plant.server.wait_for("event=store_refuses", 3 * DEADLINE_S)  # nor does a new connection help
    acked = plant.acked()
    plant.wait_for_batches(3)
    assert plant.acked() == acked, f"acknowledged without a database: {plant.server.tail()}"
    cluster.thaw()
    plant.wait_for_acks(3)


def one_kill(cluster, plant):
    """Server and database at once: the outcome of a commit is known to nobody but the ledger."""
    plant.server.kill()
    cluster.crash()
    cluster.start()
    plant.server.start()


def a_database_that_dies_loses_nothing_and_doubles_nothing():
    chance = seeded()
    with Postgresql() as cluster, Plant(seed=chance.randrange(1 << 32), database=PostgresqlStore(cluster, "plant")) as plant:
        plant.start()
        one_absence(cluster, plant)
        if amount(ROUNDS) > ROUNDS:
            one_hang(cluster, plant)  # takes 20 s
        for _ in range(amount(ROUNDS)):
            # The moment is random on purpose: in the middle of anything. Nothing below relies on how long it is.
            time.sleep(chance.uniform(0, LONGEST_LIFE_S))
            chance.choice([lambda: one_crash(cluster), lambda: one_kill(cluster, plant)])()
            plant.wait_for_acks(2)
        plant.end_run()
        judge(plant).assert_clean()


def a_server_that_starts_before_its_database_waits_for_it():
    with Postgresql() as cluster, Plant(database=PostgresqlStore(cluster, "plant")) as plant, Watch(plant) as watch:
        cluster.stop()
        plant.start_plc()
        plant.server.start().wait_for("event=store_away")
        watch.sees_it_away("PostgreSQL")
        plant.bridge.start().wait_for("event=connect_failed.*the store is away; come back later")
        plant.wait_for_batches(3)
        assert plant.server.stop() == 0, plant.server.tail()
        plant.server.start().wait_for("event=listening")
        plant.wait_for_batches(3)
        assert plant.acked() == 0 and not plant.bridge.said("event=connected"), plant.why()
        cluster.start()
        plant.wait_for_acks(3)
        assert plant.server.said("event=store_opened.*store_id="), plant.server.tail()
        watch.sees_it_there()
        plant.end_run()
        judge(plant).assert_clean()


def what_the_database_can_put_right_is_waited_for():
    """A role or a database that is not there (yet) is no reason to give up: it is said, and tried again."""
    with Postgresql() as cluster:
        store = PostgresqlStore(cluster, "plant")
        with Plant(database=store) as plant:
            cluster.sql("DROP DATABASE plant")
            plant.start_plc()
            plant.server.start().wait_for("event=store_away.*does not exist")
            plant.bridge.start().wait_for("event=connect_failed")
            cluster.sql("CREATE DATABASE plant")
            plant.wait_for_acks(3)
            plant.end_run()
            judge(plant).assert_clean()


def a_newer_store_that_was_away_is_refused_once_it_is_there():
    with Postgresql() as cluster, Plant(database=PostgresqlStore(cluster, "plant")) as plant:
        plant.start()
        plant.wait_for_acks(1)
        assert plant.server.stop() == 0, plant.server.tail()
        plant.run.database.query("UPDATE meta SET version = 1000")
        plant.server.start()
        assert plant.server.wait() == 1 and plant.server.said("use the newer bourdon-server"), plant.server.tail()
        cluster.stop()
        plant.server.start().wait_for("event=store_away")
        cluster.start()
        assert plant.server.wait() == 1 and plant.server.said("use the newer bourdon-server"), plant.server.tail()
        assert not plant.server.said("event=session_opened"), plant.server.tail()


run_tests([
    a_server_that_starts_before_its_database_waits_for_it,
    what_the_database_can_put_right_is_waited_for,
    a_newer_store_that_was_away_is_refused_once_it_is_there,
    a_database_that_dies_loses_nothing_and_doubles_nothing,
])
